"""The seed recipe's dialogues: a tweet and its label in one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.formats.columns import Row
from storage.formats.programs.records import Record

if TYPE_CHECKING:
    from storage.tweet import Tweet

HUMAN, ASSISTANT = "### Human:", "### Assistant:"
"""What stands before a tweet and before its label."""
LABEL_COLUMN = "### Assistant"
"""The column that such a label is in, named as it stands in the file."""


def claims(row: Row) -> bool:
    """Whether a record is a dialogue."""
    text = row.get("text")
    return isinstance(text, str) and text.lstrip().startswith(HUMAN) and ASSISTANT in text


def questions(row: Row) -> list[str]:
    """None, as the answer is always the label."""
    return []


def read(row: Row, question: str | None) -> Record:
    """The tweet and its label; a label in a column of its own counts more."""
    if not claims(row):
        return Record(row)
    said, _, answer = row["text"].lstrip().removeprefix(HUMAN).partition(ASSISTANT)
    name = "label" if "label" in row else LABEL_COLUMN
    label = row.get(name) or answer.strip()
    return Record({**row, "text": said.removeprefix(" ").rstrip(), name: label})


def write(tweet: Tweet, word: str) -> Row:
    """A labelled tweet as one text."""
    return {"text": f"{HUMAN} {tweet.text}\n{ASSISTANT} {word}"}

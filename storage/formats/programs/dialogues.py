"""Dialogues with a tweet and its label as the answer: in one text, or in a list of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.formats.columns import Row
from storage.formats.position import RecordError
from storage.formats.programs import records
from storage.formats.programs.records import Record
from storage.formats.values.cells import text_of

if TYPE_CHECKING:
    from storage.tweet import Tweet

HUMAN, ASSISTANT = "### Human:", "### Assistant:"
"""What stands before a tweet and before its label."""
LABEL_COLUMN = "### Assistant"
"""The column that such a label is in, named as it stands in the file."""
LISTS = ("messages", "conversations", "conversation")
ROLES, CONTENTS = ("role", "from"), ("content", "value")
"""The keys of a message in the forms of OpenAI and ShareGPT."""
SPEAKERS = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model"), "assistant"),
}


def claims(row: Row) -> bool:
    """Whether a record is a dialogue."""
    return _is_one_text(row) or _messages(row) is not None


def _is_one_text(row: Row) -> bool:
    text = row.get("text")
    return isinstance(text, str) and text.lstrip().startswith(HUMAN) and ASSISTANT in text


def questions(row: Row) -> list[str]:
    """None, as the answer is always the label."""
    return []


def read(row: Row, question: str | None) -> Record:
    """The tweet and its label; a label in a column of its own counts more.

    Raises RecordError for messages of several tweets or answers.
    """
    if (found := _messages(row)) is not None:
        return Record(_of_messages(row, *found))
    if not _is_one_text(row):
        return Record(row)
    said, _, answer = row["text"].lstrip().removeprefix(HUMAN).partition(ASSISTANT)
    name = "label" if "label" in row else LABEL_COLUMN
    label = row.get(name) or answer.strip()
    return Record({**row, "text": said.removeprefix(" ").rstrip(), name: label})


def _messages(row: Row) -> tuple[str, dict[str, list[str]]] | None:
    """The column of the messages, and what each side says in them; None if there are none."""
    for column in LISTS:
        said: dict[str, list[str]] = {}
        for message in records.objects(row.get(column)):
            role = next((message[key] for key in ROLES if key in message), None)
            content = text_of(next((message[key] for key in CONTENTS if key in message), None))
            if content is not None and str(role).casefold() in SPEAKERS:
                said.setdefault(SPEAKERS[str(role).casefold()], []).append(content)
        if "user" in said:
            return column, said
    return None


def _of_messages(row: Row, column: str, said: dict[str, list[str]]) -> Row:
    if len(said["user"]) > 1 or len(said.get("assistant", ())) > 1:
        raise RecordError(
            f"{column!r} has several messages of one side, where a text and its label are "
            "expected; leave one of each"
        )
    columns = {name: value for name, value in row.items() if name != column}
    columns["text"] = said["user"][0]
    if "system" in said:
        columns.setdefault("system", "\n".join(said["system"]))
    if "assistant" in said and not columns.get("label"):
        columns["label"] = said["assistant"][0].strip()
    return columns


def write(tweet: Tweet, word: str) -> Row:
    """A labelled tweet as one text."""
    return {"text": f"{HUMAN} {tweet.text}\n{ASSISTANT} {word}"}

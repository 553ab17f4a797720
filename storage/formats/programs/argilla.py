"""Argilla: records with fields, responses and suggestions, and the flat tables made of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from storage.config import Config
from storage.formats.columns import Row
from storage.formats.position import RecordError
from storage.formats.programs import records
from storage.formats.programs.records import GivenLabel, Record
from storage.formats.values import cells

if TYPE_CHECKING:
    from storage.tweet import Tweet

PARTS = {
    "id",
    "external_id",
    "fields",
    "metadata",
    "responses",
    "suggestions",
    "vectors",
    "status",
    "inserted_at",
    "updated_at",
    "_server_id",
    "dataset_id",
    "chunk_id",
}
RESPONSES, SUGGESTION = ".responses", ".suggestion"
"""What the flat tables of version 2 add to the name of a question."""
OLD_SUGGESTION = "-suggestion"
"""What the flat tables of version 1 add to the name of a question for its suggestion."""
APART = ("text", "label", "predicted_label", "confidence", "run")
"""Columns of an export that stand in fields, responses and suggestions."""
DRAFTS = "the response is a draft or was discarded, which is no label"


class Answer(NamedTuple):
    """What somebody answered to a question."""

    question: str
    value: Any
    annotator: str | None
    at: str | None
    submitted: bool


def claims(row: Row) -> bool:
    """Whether a record is one of Argilla, or a row of its flat tables."""
    if isinstance(row.get("fields"), dict):
        return bool(PARTS & row.keys() - {"id", "fields"}) or row.keys() <= PARTS
    return bool(_flat_questions(row))


def questions(row: Row) -> list[str]:
    """The questions that are answered, or suggested, with something that could be a label."""
    given = list(_responses(row)) or list(_suggestions(row))
    no_labels = {answer.question for answer in given if not _could_be_label(answer.value)}
    return [answer.question for answer in given if answer.question not in no_labels]


def read(row: Row, question: str | None) -> Record:
    """A record as a row: of several submitted responses to a question the last counts."""
    if isinstance(row.get("fields"), dict):
        columns = {**records.table(row.get("metadata")), **row["fields"]}
        if (name := row.get("external_id") or row.get("id")) is not None:
            columns.setdefault("id", name)
    else:
        columns = _without_answers(row)
    given_labels, given = [], list(_responses(row))
    answered = questions(row)
    counts = columns.get("label")
    for answer in given:
        if answer.submitted and answer.value not in (None, "", []):
            column = records.column_of(answer.question, answered, question)
            value = _one(answer.value) if column == "label" else answer.value
            columns[column] = value
            given_labels.append(GivenLabel(column, value, answer.annotator, answer.at))
    if records.is_as_given(columns | {"label": counts}, [one.label for one in given_labels]):
        columns["label"] = counts
    columns.pop(records.AS_GIVEN, None)
    for answer in _suggestions(row):
        column = f"predicted {records.column_of(answer.question, answered, question)}"
        columns[column] = answer.value
    return Record(columns, tuple(given_labels), (DRAFTS,) if given and not given_labels else ())


def _one(value: Any) -> Any:
    """The only element of a list; raises RecordError for several."""
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise RecordError(cells.several_labels(map(str, value)))
    return value[0] if value else None


def _could_be_label(value: Any) -> bool:
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value)
    )


def _responses(row: Row) -> Iterator[Answer]:
    """The responses of a record in the shapes of version 2 and 1, nested and flat."""
    given = row.get("responses")
    if isinstance(given, dict):
        for question, entries in given.items():
            yield from (_answer(question, entry, entry) for entry in records.objects(entries))
    for entry in records.objects(given) if isinstance(given, list) else ():
        for question, value in records.table(entry.get("values")).items():
            yield _answer(question, records.table(value), entry)
    for question in _flat_questions(row):
        if (values := row.get(question + RESPONSES)) is not None:
            yield from _columns(row, question, cells.parsed(values))
        elif isinstance(entries := cells.parsed(row.get(question)), list):
            yield from (_answer(question, entry, entry) for entry in records.objects(entries))


def _answer(question: str, holder: Row, response: Row) -> Answer:
    return Answer(
        str(question),
        holder.get("value"),
        records.name_of(response.get("user_id") or response.get("user")),
        None if (at := response.get("updated_at")) is None else str(at),
        response.get("status") in (None, "submitted"),
    )


def _columns(row: Row, question: str, values: Any) -> Iterator[Answer]:
    """The responses of a flat table: columns of lists for values, users and states."""
    lists = [
        values,
        *(cells.parsed(row.get(f"{question}{RESPONSES}.{part}")) for part in ("users", "status")),
    ]
    values, users, states = (given if isinstance(given, list) else [] for given in lists)
    for place, value in enumerate(values):
        user = users[place] if place < len(users) else None
        state = states[place] if place < len(states) else None
        yield Answer(question, value, records.name_of(user), None, state in (None, "submitted"))


def _suggestions(row: Row) -> Iterator[Answer]:
    given = row.get("suggestions")
    if isinstance(given, dict):
        for question, entry in given.items():
            if "value" in records.table(entry):
                yield _answer(question, entry, {})
    for entry in records.objects(given) if isinstance(given, list) else ():
        if "question_name" in entry:
            yield _answer(entry["question_name"], entry, {})
    for question in _flat_questions(row):
        for ending in (SUGGESTION, OLD_SUGGESTION):
            if (value := row.get(question + ending)) is not None:
                yield Answer(question, value, None, None, True)


def _flat_questions(row: Row) -> list[str]:
    """The questions of a row of a flat table."""
    new = [name.removesuffix(RESPONSES) for name in row if str(name).endswith(RESPONSES)]
    old = [name.removesuffix(OLD_SUGGESTION) for name in row if f"{name}{OLD_SUGGESTION}" in row]
    return new + [name for name in old if name not in new]


def _without_answers(row: Row) -> Row:
    """The columns of a flat table that answer no question."""
    dropped = set()
    for question in _flat_questions(row):
        parts = ("", ".users", ".status")
        dropped |= {question, question + SUGGESTION, question + OLD_SUGGESTION}
        dropped |= {f"{question}{RESPONSES}{part}" for part in parts}
    return {name: value for name, value in row.items() if name not in dropped}


def data_set(config: Config) -> Row:
    """The settings of a data set for the records that `write` makes, as Argilla keeps them."""
    guidelines = [
        " ".join(
            filter(
                None, (f"- **{label}**:", config.definitions.get(label), *map(_quoted, examples))
            )
        )
        for label in config.labels
        if (examples := config.examples.get(label, ())) or label in config.definitions
    ]
    question = {
        "name": "label",
        "title": "Label",
        "description": "\n".join(guidelines) or None,
        "required": True,
        "settings": {
            "type": "label_selection",
            "options": [{"value": label, "text": label} for label in config.labels],
        },
    }
    field = {"name": "text", "title": "Text", "required": True, "settings": {"type": "text"}}
    return {"guidelines": "\n".join(guidelines), "fields": [field], "questions": [question]}


def _quoted(example: str) -> str:
    return f"“{example}”"


def write(row: Row, tweet: Tweet, annotator: str, given: Sequence[GivenLabel]) -> Row:
    """A record for a LabelQuestion `label` on a TextField `text`; the rest is metadata.

    It has a response for each label that was `given`, or else one for the label of the tweet.
    Argilla knows users by a UUID: an annotator whose name is none gets one made from the name.
    """
    made: Row = {
        "id": str(tweet.id),
        "fields": {"text": tweet.text},
        "metadata": {name: value for name, value in row.items() if name not in APART},
        "suggestions": {},
        "responses": {},
        "vectors": {},
    }
    if given:
        answers = [{"value": one.label, "user_id": _user(str(one.annotator))} for one in given]
        made["responses"] = {"label": answers}
        if "history" in row:
            made["metadata"] |= {
                "label": tweet.label,
                records.AS_GIVEN: [one.label for one in given],
            }
    elif tweet.label is not None:
        made["responses"] = {"label": [{"value": tweet.label, "user_id": _user(annotator)}]}
    if tweet.pred is not None:
        suggestion = {"value": tweet.pred, "score": tweet.confidence, "agent": f"run {tweet.run}"}
        made["suggestions"] = {"label": suggestion}
    return made


def _user(annotator: str) -> str:
    try:
        return str(uuid.UUID(annotator))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, annotator))

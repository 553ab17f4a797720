"""Records of other programs: the seed recipe's dialogues, Label Studio tasks, Argilla records."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from storage.errors import UserError
from storage.tweets import Tweet

Row = dict[str, Any]
HUMAN, ASSISTANT = "### Human:", "### Assistant:"
"""What the seed recipe writes before a tweet and before its label, in one text."""
ANSWER = "### Assistant"
"""The column that such a label is in, named as it stands in the file."""
TASK_PARTS = {"annotations", "predictions", "completions"}
RECORD_PARTS = {"responses", "suggestions", "metadata", "vectors"}


def flat(path: Path, row: Row) -> Row:
    """A record of any of these programs as a row of columns; other rows pass as they are.

    Raises UserError for an annotation with several choices where one label is expected.
    """
    if isinstance(row.get("data"), dict) and TASK_PARTS & row.keys():
        return _flat_task(path, row)
    if isinstance(row.get("fields"), dict) and RECORD_PARTS & row.keys():
        return _flat_record(row)
    text = row.get("text")
    if not isinstance(text, str) or not text.lstrip().startswith(HUMAN):
        return row
    said, mark, answer = text.lstrip().removeprefix(HUMAN).partition(ASSISTANT)
    if not mark:
        return row
    name = "label" if "label" in row else ANSWER
    label = row.get(name) or answer.strip()
    return {**row, "text": said.removeprefix(" ").rstrip(), name: label}


def dialogue(tweet: Tweet, word: str) -> Row:
    """A labelled tweet as one text."""
    return {"text": f"{HUMAN} {tweet.text}\n{ASSISTANT} {word}"}


def _flat_task(path: Path, task: Row) -> Row:
    row = dict(task["data"])
    if "id" in task:
        row.setdefault("id", task["id"])
    done = [
        (bool(entry.get("ground_truth")), str(entry.get("updated_at") or ""), number, found)
        for number, entry in enumerate(task.get("annotations") or task.get("completions") or [])
        if not entry.get("was_cancelled") and (found := _choices(path, task, entry))
    ]
    if done:
        row |= max(done, key=lambda entry: entry[:3])[3]
    guesses = [
        found for entry in task.get("predictions") or [] if (found := _choices(path, task, entry))
    ]
    return row | {f"predicted {name}": value for name, value in (guesses or [{}])[-1].items()}


def _choices(path: Path, task: Row, entry: Any) -> dict[str, str]:
    """The choice of each control of an annotation; a single control is the label."""
    results = [r for r in (entry.get("result") or []) if isinstance(r, dict)]
    found = {}
    for result in (r for r in results if r.get("type") == "choices"):
        values = result.get("value", {}).get("choices") or []
        if len(values) > 1:
            raise UserError(
                f"{path}: task {task.get('id', '')} has the choices "
                f"{', '.join(map(repr, values))} where one label is expected; leave one of them."
            )
        if values:
            found[str(result.get("from_name"))] = str(values[0])
    return {"label": next(iter(found.values()))} if len(found) == 1 else found


def task(row: Row, tweet: Tweet) -> Row:
    """A Label Studio task for a Choices control `label` on a Text `text`; the rest is data."""
    data = {name: value for name, value in row.items() if name != "label"}
    made: Row = {"data": data, "annotations": [], "predictions": []}
    if tweet.label is not None:
        made["annotations"].append({"result": [_choice(tweet.label)]})
    if tweet.pred is not None:
        made["predictions"].append(
            {
                "model_version": f"run {tweet.run}",
                "score": tweet.confidence,
                "result": [_choice(tweet.pred)],
            }
        )
    return made


def _choice(label: str) -> Row:
    value = {"choices": [label]}
    return {"from_name": "label", "to_name": "text", "type": "choices", "value": value}


def _flat_record(record: Row) -> Row:
    row = {**(record.get("metadata") or {}), **record["fields"]}
    if (name := record.get("external_id") or record.get("id")) is not None:
        row.setdefault("id", name)
    row |= _answers(record.get("responses"))
    suggested = _answers(record.get("suggestions"))
    return row | {f"predicted {name}": value for name, value in suggested.items()}


def _answers(given: Any) -> dict[str, Any]:
    """The last submitted value for each question, in the shape of Argilla 2 or that of 1."""
    if isinstance(given, list):
        answers = [entry for entry in given if isinstance(entry, dict)]
        pairs = [
            (name, {**value, "status": entry.get("status")})
            for entry in answers
            for name, value in (entry.get("values") or {}).items()
        ] + [(entry["question_name"], entry) for entry in answers if "question_name" in entry]
    else:
        pairs = [
            (name, entry)
            for name, entries in (given or {}).items()
            for entry in (entries if isinstance(entries, list) else [entries])
        ]
    return {
        str(name): entry["value"]
        for name, entry in pairs
        if isinstance(entry, Mapping)
        and "value" in entry
        and entry.get("status") in (None, "submitted")
    }


def record(row: Row, tweet: Tweet, annotator: str) -> Row:
    """An Argilla record for a LabelQuestion `label` on a TextField `text`; the rest is metadata.

    Argilla knows users by a UUID: an annotator whose name is none gets one made from the name.
    """
    apart = ("text", "label")
    made: Row = {
        "id": str(row["id"]),
        "fields": {"text": tweet.text},
        "metadata": {name: value for name, value in row.items() if name not in apart},
        "suggestions": {},
        "responses": {},
        "vectors": {},
    }
    if tweet.label is not None:
        made["responses"] = {"label": [{"value": tweet.label, "user_id": _user(annotator)}]}
    if tweet.pred is not None:
        made["suggestions"] = {
            "label": {
                "value": tweet.pred, "score": tweet.confidence, "agent": f"run {tweet.run}",
            }
        }  # fmt: skip
    return made


def _user(annotator: str) -> str:
    try:
        return str(uuid.UUID(annotator))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, annotator))

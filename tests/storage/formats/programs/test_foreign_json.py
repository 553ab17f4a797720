"""Foreign JSON with fields that are missing, null or of another type: a sentence or an import."""

from __future__ import annotations

import copy
import json
import random

import pytest

from storage.config import Config
from storage.errors import UserError
from storage.transfer import importing, parsing
from storage.transfer.importing import ImportOptions

ROUNDS = 2_000
CHOICE = {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": ["up"]}}
EVENT = {
    "event": 1,
    "action": 1,
    "annotator": "ana",
    "at": 1,
    "kind": "set",
    "field": "label",
    "old": None,
    "new": "up",
    "queue": None,
    "reverts": None,
    "undone": False,
}
FORMS = {
    "plain": {"id": 1, "text": "up we go", "label": "up", "split": "test", "x": [1, {"y": 2.5}]},
    "lists": {"text": ["up", "we", "go"], "label": ["up"], "url": None},
    "dialogue": {"text": "### Human: up we go\n### Assistant: up"},
    "Label Studio": {
        "id": 1,
        "data": {"text": "up we go", "id": 3},
        "meta": {},
        "annotations": [
            {
                "completed_by": {"id": 1, "email": "a@b.c"},
                "ground_truth": True,
                "updated_at": "2024",
                "was_cancelled": False,
                "result": [CHOICE],
            },
            {"completed_by": 2, "result": [CHOICE | {"type": "rating"}]},
        ],
        "predictions": [{"model_version": "m", "score": 0.5, "result": [CHOICE]}],
    },
    "an annotation": {
        "id": 5,
        "result": [CHOICE],
        "completed_by": 2,
        "task": {"id": 1, "data": {"text": "up we go"}},
    },
    "Argilla": {
        "id": "a",
        "fields": {"text": "up we go"},
        "metadata": {"n": 1},
        "vectors": {},
        "responses": {"mood": [{"value": "up", "user_id": "u", "status": "submitted"}]},
        "suggestions": {"mood": {"value": "down", "score": 0.5, "agent": "m"}},
    },
    "Argilla 1": {
        "id": "a",
        "fields": {"text": "up we go"},
        "external_id": "x",
        "responses": [{"user_id": "u", "status": "submitted", "values": {"mood": {"value": "up"}}}],
        "suggestions": [{"question_name": "mood", "value": "up", "score": 0.5}],
    },
    "flat Argilla": {
        "text": "up we go",
        "mood.responses": ["up"],
        "mood.responses.users": ["u"],
        "mood.responses.status": ["submitted"],
        "mood.suggestion": "down",
    },
    "flat Argilla 1": {
        "text": "up we go",
        "mood": [{"user_id": "u", "value": "up", "status": "submitted"}],
        "mood-suggestion": "down",
        "mood-suggestion-metadata": {"score": 1},
    },
    "doccano": {
        "id": 1,
        "text": "up we go",
        "meta": {"a": 1},
        "annotations": [{"label": 1, "user": 2, "created_at": "2024"}],
    },
    "Prodigy": {
        "text": "up we go",
        "accept": ["up"],
        "answer": "accept",
        "_session_id": "s",
        "options": [{"id": "up", "text": "Up"}],
        "meta": {"a": 1},
        "_timestamp": 1,
    },
    "Twitter": {
        "id": 1,
        "text": "up we…",
        "truncated": True,
        "extended_tweet": {"full_text": "up we go"},
        "user": {"id": 1},
    },
    "nested": {"row_idx": 0, "row": {"text": "up we go", "label": "up"}},
    "ours": {
        "id": 1,
        "external_id": "7",
        "text": "up we go",
        "label": "up",
        "gold": "up",
        "split": "train",
        "changed": False,
        "flags": ["review"],
        "note": None,
        "source": {"a": 1},
        "history": [EVENT | {"kind": "gold import"}, EVENT],
    },
}
VALUES = [
    None,
    "",
    "x",
    "up",
    0,
    -1,
    1.5,
    True,
    [],
    {},
    [1],
    ["up", "down"],
    [[]],
    [None],
    [{}],
    {"a": None},
    {"text": 7},
    {"value": {}},
    10**30,
    float("nan"),
    float("inf"),
    "\ud83d",
    [[0, 5, "PER"]],
    "[1, 2]",
    "{'a': 1}",
    "[" * 50,
    "9" * 5000,
]


def places(value, way=()):
    """The way to each value inside a record."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, entry in inside:
        yield (*way, key)
        if isinstance(entry, dict | list):
            yield from places(entry, (*way, key))


def mangled(record, chance):
    """The record with up to three of its fields dropped, emptied, or of another type."""
    record = copy.deepcopy(record)
    for _ in range(chance.randint(1, 3)):
        ways = list(places(record))
        if not ways:
            break
        *way, last = chance.choice(ways)
        holder = record
        for key in way:
            holder = holder[key]
        if chance.random() < 0.25:
            del holder[last]
        elif chance.random() < 0.1 and isinstance(holder, dict):
            holder[chance.choice(["text", "label", "data", "result", "1"])] = holder.pop(last)
        else:
            holder[last] = copy.deepcopy(chance.choice(VALUES))
    return record


@pytest.mark.parametrize("form", FORMS)
def test_a_record_with_odd_fields_is_imported_or_refused_in_a_sentence(form, tmp_path):
    chance = random.Random(form)
    whole = FORMS[form]
    outcomes = {"imported": 0, "refused": 0}
    for turn in range(-(-ROUNDS // len(FORMS))):
        rows = [mangled(whole, chance) if chance.random() < 0.7 else whole for _ in range(3)]
        rows.append(mangled(whole, chance))
        lines = "\n".join(map(json.dumps, rows))
        content = (lines, json.dumps(rows), json.dumps({"data": rows}), json.dumps(rows[-1]))[
            turn % 4
        ]
        path = tmp_path / ("t.jsonl" if turn % 4 == 0 else "t.json")
        path.write_text(content)
        lenient = turn % 3 == 0
        try:
            plan = importing.plan(Config(), path, ImportOptions(lenient=lenient))
            numbers = {label: number for number, label in enumerate(plan.labels)}
            batches = list(parsing.parse(importing._job(Config(), plan, numbers)))
        except UserError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
        else:
            outcomes["imported"] += 1
            for text, external, source, *_ in (row for batch in batches for row in batch.rows):
                assert text.strip() and isinstance(external, str | None)
                json.loads(source)
    assert outcomes["imported"] > 10

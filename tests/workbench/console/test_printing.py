"""What commands print is JSON that every program reads."""

from __future__ import annotations

import json

import pytest

from storage.text import to_json
from workbench.console.printing import print_json, print_jsonl

ODD = {"a": [float("nan"), {"b": (1.5, float("inf"))}], "c": -float("inf"), float("nan"): 1}
PLAIN = {"a": [None, {"b": [1.5, None]}], "c": None, "nan": 1}


def strict(text):
    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("show", [print_json, lambda value: print_jsonl([value])])
def test_numbers_that_json_does_not_know_are_null(show, capsys):
    show(ODD)
    assert strict(capsys.readouterr().out) == PLAIN


def test_what_is_stored_and_exported_has_null_for_them_too():
    assert strict(to_json(ODD)) == PLAIN
    assert strict(to_json({"half": "\ud83d", "n": float("nan")})) == {"half": "\ud83d", "n": None}


def test_what_a_terminal_would_act_on_is_escaped(capsys):
    print_json({"text": "\x1b[31m \ud83d"})
    assert capsys.readouterr().out == '{\n "text": "\\u001b[31m \\ud83d"\n}\n'

"""Tweets, labels, names and paths from outside never reach the terminal as control sequences."""

from __future__ import annotations

import json
import re

import pytest

ACTS = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def inert(result):
    for stream in (result.out, result.err):
        assert ACTS.findall(stream) == []
    return result


@pytest.fixture
def hostile(home, cli, write, hostile_texts):
    """Every text, source column, external id and note is hostile."""
    rows = [
        {"id": f"{n}{text}", "text": text, "label": "positive", "odd\x1b[31m": text}
        for n, text in enumerate(hostile_texts)
    ]
    path = write("hostile.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert inert(cli("import", path)).status == 0
    return len(rows)


def test_lists_and_details_are_inert_and_json_is_whole(hostile, cli, hostile_texts):
    assert inert(cli("list", "--limit", "100")).status == 0
    for n in range(1, hostile + 1):
        assert inert(cli("show", n)).status == 0
        shown = inert(cli("show", n, "--json")).json
        assert shown["text"] == hostile_texts[n - 1]
        assert shown["source"]["odd\x1b[31m"] == hostile_texts[n - 1]
    assert [t["text"] for t in inert(cli("list", "--json")).json] == list(hostile_texts)
    lines = inert(cli("list", "--jsonl")).out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == list(hostile_texts)


def test_markup_in_a_tweet_is_shown_as_it_is(hostile, cli):
    assert "[bold red]markup[/] [link=http://x]y[/link]" in cli("list").out


def test_history_is_inert(hostile, cli, hostile_texts):
    for text in hostile_texts:
        if "\x00" not in text:
            inert(cli("label", "1", "negative", "--annotator", text))
    assert inert(cli("history")).status == 0
    assert inert(cli("history", "1")).status == 0
    assert len(inert(cli("history", "1", "--json")).json) > len(hostile_texts)


def test_error_messages_are_inert(hostile, cli, hostile_texts):
    for text in hostile_texts:
        for arguments in (
            ("label", "1", text), ("show", text), ("list", f"label:{text}"), ("list", f'"{text}'),
            ("list", "--sort", text), ("import", f"{text}.csv"), ("train", "--recipe", text),
            ("train", "--recipe", "fast", "--set", text), (text,), (f"--{text}",),
            ("export", f"x.{text}"), ("status", "-w", f"nowhere/{text}"),
            ("init", "x", "--labels", f"{text},{text}"),
        ):  # fmt: skip
            result = inert(cli(*arguments))
            assert result.status in (1, 2), arguments
            assert result.err.startswith("workbench: ")


def test_a_hostile_file_name_and_content_are_inert(home, cli, write):
    path = write("\x1b[31mred\u202e.csv", "text,label\n\x9b31m red red,\x1b]0;x\x07\n")
    result = inert(cli("import", path))
    assert result.status == 2
    result = inert(cli("import", path, "--label", "\x1b[2J"))
    assert result.status == 2


def test_hostile_label_names_are_inert_everywhere(tmp_path, cli, write, monkeypatch):
    names = ("\x9b31mred", "\u202etfel", "[bold]x[/]")
    rows = [
        {"text": f"{word} text number {n}", "label": name, "split": ("train", "test")[n % 4 == 0]}
        for n in range(24)
        for word, name in zip(("up", "down", "flat"), names, strict=True)
    ]
    path = write("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "w"))
    assert inert(cli("import", path)).status in (0, 2)
    if (tmp_path / "w" / "workbench.db").exists() and cli("status", "--json").json["tweets"]:
        assert inert(cli("train", "--recipe", "baseline", "--wait")).status == 0
        for command in ("status", "runs", "evaluate", "suspects", "list"):
            assert inert(cli(command)).status == 0
        inert(cli("classify", "up text"))
        inert(cli("show", "1"))
        inert(cli("list", "label:nope"))

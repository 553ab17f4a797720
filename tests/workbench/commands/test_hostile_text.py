"""Tweets, labels, names and paths from outside never reach the terminal as control sequences."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hostile import acting

from storage.runs import runs
from storage.store import open_store
from workbench.rundir import folder as run_folder


def inert(result):
    for stream in (result.out, result.err):
        assert acting(stream) == []
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
    assert "[bold red]markup[/] [link=http://x]y[/link]" in cli("list", "--limit", "100").out


def test_history_is_inert(hostile, cli, hostile_texts):
    for text in hostile_texts:
        if "\x00" not in text:
            inert(cli("label", "1", "negative", "--annotator", text))
    assert inert(cli("history")).status == 0
    assert inert(cli("history", "1")).status == 0
    assert len(inert(cli("history", "1", "--json")).json) >= len(hostile_texts)


def test_error_messages_are_inert(hostile, cli, hostile_texts):
    for text in hostile_texts:
        for arguments in (
            ("label", "1", text),
            ("show", text),
            ("list", f"label:{text}"),
            ("list", f'"{text}'),
            ("list", "--sort", text),
            ("import", f"{text}.csv"),
            ("train", "--recipe", text),
            ("train", "--recipe", "fast", "--set", text),
            (text,),
            (f"--{text}",),
            ("export", f"x.{text}"),
            ("status", "-w", f"nowhere/{text}"),
            ("init", "x", "--labels", f"{text},{text}"),
        ):
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


def test_groups_conflicts_and_agreement_are_inert(home, cli, write, hostile_texts):
    rows = [
        {"id": f"{n} {label}", "text": f"{text} said twice", "label": label}
        for n, text in enumerate(hostile_texts)
        for label in ("positive", "negative")
    ]
    path = write("twice.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert inert(cli("import", path)).status == 0
    assert inert(cli("group")).status == 0
    result = inert(cli("conflicts"))
    assert result.status == 0
    assert "said twice" in result.out
    inert(cli("conflicts", "--json"))
    for text in hostile_texts[:4]:
        if "\x00" not in text:
            inert(cli("label", "1", "2", "3", "negative", "--annotator", text))
    assert inert(cli("agreement")).status == 0


def test_snapshots_are_inert(hostile, cli, hostile_texts):
    taken = []
    for number, text in enumerate(hostile_texts):
        result = inert(cli("snapshot", f"{number}{text}", "--note", text))
        if result.status == 0:
            taken.append(f"{number}{text}")
        inert(cli("snapshot", "plain", "--note", text))
    assert taken
    inert(cli("label", "1", "negative"))
    for name in taken:
        assert inert(cli("diff", name, "now")).status == 0
        inert(cli("restore", name))
    assert inert(cli("snapshots")).status == 0
    for name in hostile_texts:
        assert inert(cli("diff", name)).status in (1, 2)


def test_what_a_run_says_is_inert(home, cli, write, hostile_texts):
    cli("import", write("t.csv", "text,label\nup we go,positive\ndown it goes,negative\n"))
    store = open_store(home)
    text = " ".join(hostile_texts)
    number = runs.add(store, "odd", "qlora", f"recipe {text}", f"base {text}", ("positive",))
    runs.update(store, number, state="failed", reason=f"reason {text}")
    folder = store.run_folder(number)
    store.close()
    folder.mkdir(mode=0o700)
    for event in ("phase", "note", "step", "dev", "scored", f"odd {text}"):
        run_folder.append_log(folder, event, phase=text, text=text, **{text: text, "step": 1})
    state = run_folder.State(state="failed", phase=text, reason=text)
    run_folder.write_state(folder, state)
    for command in (
        ("runs",),
        ("logs", "1"),
        ("logs", "1", "-f"),
        ("status",),
        ("resume", "1"),
        ("stop", "1"),
        ("evaluate", "1"),
        ("classify", "--run", "1", text),
        ("predict", "--run", "1"),
    ):
        result = inert(cli(*command))
        assert "Unexpected" not in result.err, command
        result = inert(cli(*command, "--json"))
    assert "␛[31mred" in cli("runs").out


def test_file_names_that_are_no_text_are_inert(home, cli, tmp_path):
    names = [
        b"\x9b31mred.csv",
        b"\xff\xfe.csv",
        b"caf\xe9 \x1b[2J.csv",
        b"[bold]x[red].csv",
        b"a\nb.csv",
    ]
    for name in names:
        path = Path(os.fsdecode(bytes(tmp_path) + b"/" + name))
        path.write_text(f"text,label\ntext of {name!r},positive\n")
        for arguments in (("--dry-run",), (), ("--json",), ("--text", "nothing")):
            result = inert(cli("import", path, *arguments))
            assert "Unexpected" not in result.err
            assert result.status == (2 if "nothing" in arguments else 0), result.err
        for arguments in (("export",), ("backup",)):
            result = inert(cli(*arguments, path))
            assert result.status == 1 and "Unexpected" not in result.err
    assert cli("status", "--json").json["tweets"] == len(names)


def test_a_workspace_with_a_hostile_name_is_inert(tmp_path, cli, write, monkeypatch):
    path = write("t.csv", "text,label\nup we go,positive\n")
    for name in ("\x1b[2J\x9b31m", "\u202etfel", "[bold red]x[/]", os.fsdecode(b"\xff\x9d")):
        folder = tmp_path / name
        assert inert(cli("init", folder, "--labels", "positive,negative")).status == 0
        for command in (
            ("import", path),
            ("status",),
            ("check",),
            ("backup",),
            ("label", "1", "negative"),
            ("restore-backup", "--list"),
            ("restore-backup", "--latest"),
            ("restore-backup", "--latest", "--yes"),
            ("label", "9", "negative"),
        ):
            result = inert(cli("-w", folder, *command))
            assert "Unexpected" not in result.err, (command, result.err)
        (folder / "workbench.db").write_bytes(b"no database" * 999)
        assert "is damaged" in inert(cli("-w", folder, "status")).err
        inert(cli("init", folder))

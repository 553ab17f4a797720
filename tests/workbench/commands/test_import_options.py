"""Files in by command: what is asked, what is said, and what comes from standard input."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from storage.transfer import importing

CSV = "text,label\nup we go,positive\ndown it goes,negative\n"
JSONL = '{"text": "up we go", "label": "positive"}\n'


def texts(cli):
    return [tweet["text"] for tweet in cli("list", "--json").json]


@pytest.mark.parametrize(
    ("content", "options", "found"),
    [
        (CSV, (), ["up we go", "down it goes"]),
        (JSONL, (), ["up we go"]),
        (f"[{JSONL}]", (), ["up we go"]),
        ("one tweet, with a comma\nanother one\n", (), ["one tweet, with a comma", "another one"]),
        (gzip.compress(CSV.encode(), mtime=0), (), ["up we go", "down it goes"]),
        ("text\nup we go\n", ("--format", "txt"), ["text", "up we go"]),
        (CSV.encode("utf-16"), (), ["up we go", "down it goes"]),
    ],
)
def test_standard_input_is_a_file(content, options, found, home, cli, monkeypatch):
    raw = content.encode() if isinstance(content, str) else content
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    result = cli("import", "-", *options)
    assert result.status == 0, result.err
    assert result.out.startswith("standard input: ")
    assert texts(cli) == found


def workbook():
    """The bytes of a workbook whose archive has its table of contents late."""
    import openpyxl

    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (["text", "label"], ["up we go", "positive"], *([f"row {n}"] for n in range(500))):
        book.active.append(row)
    book.save(content)
    with zipfile.ZipFile(content) as archive:
        assert archive.getinfo("[Content_Types].xml").header_offset > 4096
    return content.getvalue()


EMOJI = ('{"text": "é à ü we go"}\n' * 2).encode() + b'{"text": "the \xff byte"}\n'


@pytest.mark.parametrize(
    ("content", "options", "found"),
    [
        (CSV.replace("up", "\u0161").encode("cp1250"), ("--encoding", "cp1250"), "\u0161 we go"),
        (CSV.encode("cp037"), ("--encoding", "cp037"), "up we go"),
        (b"\x81\x8d" * 9 + b"\n", ("--format", "txt", "--encoding", "cp437"), "üì" * 9),
        (EMOJI, ("--on-error", "skip"), "é à ü we go"),
        (EMOJI, ("--on-error", "collect", "wrong"), "é à ü we go"),
        (workbook, (), "up we go"),
        (workbook, ("--format", "xlsx"), "up we go"),
        (gzip.compress(b"text\nup we go\n", mtime=0), ("--format", "txt"), "text"),
        (b"[1/3] Buy now\n[2/3] Sell\n", (), "[1/3] Buy now"),
    ],
)
def test_options_hold_for_a_file_without_an_ending(
    content, options, found, home, cli, monkeypatch, tmp_path
):
    raw = content() if callable(content) else content
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    result = cli("import", "-", *options)
    assert result.status == 0, result.err
    assert texts(cli)[0] == found


def test_what_is_wrong_with_standard_input_is_said(home, cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text,label\nalone\n")))
    assert cli("import", "-").err == (
        "workbench: standard input, record 1, line 2: 1 field where the header has 2; quote the "
        "text, or correct the line.\n"
    )
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert "standard input is empty" in cli("import", "-").err


def test_a_file_called_like_a_stream_is_a_file(home, cli, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(JSONL.encode())))
    write("-", CSV)
    assert cli("import", "./-", "--json").json["added"] == 2
    assert cli("import", "-", "--json").json["existing"] == 1
    assert cli("export", "./-", "--format", "csv", "--force").out == "2 tweets written to -.\n"
    assert (tmp_path / "-").read_text().startswith("id,")


def test_closed_standard_streams_are_one_sentence(home, cli, write, monkeypatch):
    cli("import", write("t.csv", CSV))
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdin", None)
        said = (
            "workbench: Standard input is closed; name a file, or send one in with a pipe or <.\n"
        )
        assert cli("import", "-").err == said
        assert "needs a terminal" in cli().err
        assert cli("restore-backup").status == 2
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        result = cli("export", "-")
        assert (result.status, cli("list").status) == (1, 0)
        assert result.err.startswith("workbench: Standard output is closed; name a file")


def test_no_file_gets_the_number_of_a_closed_standard_stream():
    program = (
        "import os; from workbench.standard_streams import fill_gaps; fill_gaps(); "
        "os.write(2, str(os.open(os.devnull, os.O_RDONLY)).encode())"
    )
    shell = ["sh", "-c", 'exec "$0" -c "$1" <&- >&-', sys.executable, program]
    assert subprocess.run(shell, stderr=subprocess.PIPE, check=True).stderr == b"3"


def test_an_export_goes_to_standard_output(home, workbench, cli, write):
    cli("import", write("t.csv", CSV))
    for options, read in (
        ((), lambda out: [line.split(",")[2] for line in out.splitlines()[1:]]),
        (
            ("--format", "jsonl"),
            lambda out: [json.loads(line)["text"] for line in out.splitlines()],
        ),
        (
            ("label:positive", "--format", "json"),
            lambda out: [row["text"] for row in json.loads(out)],
        ),
    ):
        done = workbench("export", "-", *options)
        assert (done.status, done.err) == (0, "")
        assert read(done.out) == ["up we go", "down it goes"][: 1 if len(options) == 3 else 2]
    assert cli("export", "-", "--format", "datasets").status == 2


BROKEN = "text,label\nup we go,positive\na,b,c\nalone\ndown it goes,negative\n"


@pytest.mark.parametrize(
    "options",
    [
        ("--on-error", "collect", "wrong.csv"),
        ("--on-error=collect", "wrong.csv"),
        ("--on-error", "collect=wrong.csv"),
        ("--on-error", "skip"),
    ],
)
def test_wrong_records_are_left_out_or_collected(options, home, cli, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write("t.csv", BROKEN)
    assert cli("import", path).status == cli("import", path, "--on-error", "refuse").status == 1
    told = cli("import", path, *options, "--dry-run")
    assert "2 would be added" in told.out
    assert not (tmp_path / "wrong.csv").exists()
    result = cli("import", path, *options)
    assert result.status == 0, result.err
    assert "2 wrong records are left out (record 2, line 3: 3 fields" in result.out
    assert texts(cli) == ["up we go", "down it goes"]
    if "skip" not in options:
        assert "What was left out is in wrong.csv." in result.out
        assert (tmp_path / "wrong.csv").read_text() == "text,label\na,b,c\nalone\n"
        assert "wrong.csv is there already" in cli("import", path, *options).err
    else:
        assert cli("import", path, *options, "--json").json["skipped"] == 2


def no_space(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_rejects_that_cannot_get_their_name_are_said_and_the_labels_are_set(
    cli, write, tmp_path, monkeypatch
):
    rejects, replace = tmp_path / "wrong.csv", Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda path, to: no_space(to) if to == rejects else replace(path, to)
    )
    new = tmp_path / "new"
    command = ("-w", new, "import", write("t.csv", BROKEN), "--on-error", "collect", rejects)
    result = cli(*command)
    (kept,) = tmp_path.glob(".wrong.csv.*")
    assert result.status == 1
    assert f"no space left for {rejects}" in result.err
    assert result.err.endswith(f"The import is done; what was left out of it is in {kept}.\n")
    assert kept.read_text() == "text,label\na,b,c\nalone\n"
    assert cli("status", "-w", new, "--json").json["labels"] == {"positive": 1, "negative": 1}
    assert "positive" in (new / "workbench.toml").read_text()
    assert cli("check", "-w", new).status == 0


def test_rejects_that_cannot_be_written_end_the_import(home, cli, write, tmp_path, monkeypatch):
    fsync = os.fsync

    def full(number):
        path = Path(f"/proc/self/fd/{number}").readlink()
        return no_space(path) if "wrong.csv" in path.name else fsync(number)

    monkeypatch.setattr(os, "fsync", full)
    rejects = tmp_path / "wrong.csv"
    result = cli("import", write("t.csv", BROKEN), "--on-error", "collect", rejects)
    assert (result.status, texts(cli)) == (1, [])
    assert f"no space left for {rejects}" in result.err
    assert not list(tmp_path.glob("*wrong.csv*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--on-error", "ignore"), "--on-error takes refuse, skip, or collect and a file"),
        (("--on-error", "collect"), "--on-error takes refuse, skip, or collect and a file"),
        (("--on-error", "collect", "--dry-run"), "or collect and a file, not 'collect'"),
        (("--on-error=collect", "--json"), "or collect and a file, not 'collect'"),
        (("t.csv", "--on-error", "collect", "x"), "takes one file to import at a time"),
        (("--map", "a"), "--map takes pairs such as 0=negative"),
        (("--map", "a=b=c"), "in quotes where a comma or = belongs to them"),
        (("--map-split", "holdout=nowhere"), "--map-split knows the splits"),
        (("--delimiter", "::"), "--delimiter takes one character"),
        (("--quoting", "some"), "'some' is not one of 'none', 'minimal', 'all'"),
        (("--format", "doc"), "'doc' is not one of 'csv'"),
    ],
)
def test_wrong_use_is_one_sentence(arguments, message, home, cli, write):
    result = cli("import", write("t.csv", CSV), *arguments)
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert message in line


def test_codes_with_commas_and_equals_signs_are_quoted(home, cli, write):
    rows = 'up we go,"a,b"\ndown it goes,x=y\nsideways we go,"say ""so"""\n'
    path = write("t.csv", f"text,label\n{rows}")
    codes = '"a,b"=positive, "x=y" = "negative", "say ""so"""=none'
    result = cli("import", path, "--map", codes, "--json")
    assert result.json["labels"] == {"positive": 1, "negative": 1}


def test_an_import_that_brings_nothing_fails(home, cli, write):
    path = write("t.csv", "text,label\n ,positive\n ,negative\n")
    result = cli("import", path)
    assert (result.status, "brings nothing: none of its 2 rows has a text" in result.err) == (
        1,
        True,
    )
    assert cli("import", path, "--dry-run").status == 1
    path = write("u.csv", CSV)
    assert [cli("import", path).status for _ in range(2)] == [0, 0]


def test_what_was_found_is_said_and_reported(home, cli, write):
    path = write("t.csv", f"# by hand\n{CSV}")
    said = "Line 1 before the table, a comment (#), is left out."
    assert said in cli("import", path, "--dry-run").out
    assert cli("import", path, "--json").json["notices"] == [said]


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_file_that_makes_its_workspace_is_planned_once(
    options, cli, write, tmp_path, monkeypatch
):
    planned, plan = [], importing.plan
    monkeypatch.setattr(importing, "plan", lambda *given: planned.append(given[1]) or plan(*given))
    files = [write("a.csv", CSV), write("b.csv", CSV.replace("up we", "off they"))]
    done = cli("-w", tmp_path / "new", "import", *files, *options, "--json")
    assert not done.err, done
    reports = done.json
    assert planned == [Path(file) for file in files]
    assert [report["read"] for report in reports] == [2, 2]

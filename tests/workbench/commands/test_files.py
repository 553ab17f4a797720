"""Files in and out by command: what is said of them, and one sentence for those that are wrong."""

from __future__ import annotations

import gzip
import json
import os

import pytest

CSV = "text,label\nup we go,positive\ndown it goes,negative\n"


def one_sentence(result, status):
    assert result.status == status, (result.status, result.out, result.err)
    (line,) = result.err.splitlines()
    assert line.startswith("workbench: ")
    assert line.endswith((".", "`."))
    assert "Unexpected" not in line
    return line


def test_another_encoding_is_said_and_reported(home, cli, write):
    path = write("old.csv", (CSV + "the café,positive\n").encode("latin-1"))
    assert "read as cp1252; text = 'text'" in cli("import", path, "--dry-run").out
    assert cli("import", path, "--json").json["encoding"] == "cp1252"
    assert cli("import", write("new.csv", CSV), "--json").json["encoding"] == "utf-8"


def test_a_file_without_header_by_command(home, cli, write):
    path = write("t.csv", "up we go,positive\ndown it goes,negative\n")
    assert cli("import", path, "--dry-run", "--json").json["added"] == 2
    assert (
        cli("import", path, "--dry-run", "--header", "--text", "up we go", "--json").json["added"]
        == 1
    )
    result = cli("import", path, "--no-header", "--text", "column1", "--label", "column2", "--json")
    assert result.json["labels"] == {"positive": 1, "negative": 1}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("out.csv", ("--safe-csv",)),
        ("out.tsv.zst", ()),
        ("out.json.gz", ()),
        ("out.parquet", ()),
        ("out", ("--format", "datasets")),
        ("tasks.json", ("--format", "labelstudio")),
        ("records.json.gz", ("--format", "argilla")),
    ],
)
def test_a_workspace_moves_through_a_file(name, options, home, cli, write, tmp_path):
    cli("import", write("t.csv", CSV))
    cli("label", "1", "negative", "--annotator", "ana")
    cli("undo", "--annotator", "ana")
    cli("label", "1", "2", "none", "--annotator", "ben")
    path = tmp_path / name
    assert cli("export", path, *options, "--json").json == {"written": 2}
    other = tmp_path / "other"
    assert cli("init", other, "--labels", "positive,negative").status == 0
    said = cli("-w", other, "import", path)
    assert "6 events of the exported history came along" in said.out, said.err

    def known(folder):
        status = cli("status", "-w", folder, "--json").json
        history = [
            event
            for number in ("1", "2")
            for event in cli("history", number, "-w", folder, "--json").json
        ]
        for event in history:
            del event["event"], event["tweet"]
        history.sort(key=lambda event: json.dumps(event))
        return {k: v for k, v in status.items() if k != "workspace"}, history

    assert known(other) == known(home)
    assert cli("check", "-w", other).status == 0


def test_half_an_emoji_in_a_source_column_is_shown(home, cli, workbench, write):
    cli("import", write("t.jsonl", '{"text": "up we go", "user": "half \\ud83d"}'))
    for arguments in (("show", "1"), ("show", "1", "--json"), ("list", "--json")):
        result = workbench(*arguments)
        assert result.status == 0, result.err


def wrong_files(folder):
    """Each a file that cannot be imported, and what is said of it."""
    (folder / "t.csv.gz").write_bytes(gzip.compress(CSV.encode() * 99)[:60])
    (folder / "t.csv.zst").write_bytes(b"no zstd")
    (folder / "empty.csv.gz").write_bytes(gzip.compress(b""))
    (folder / "t.parquet").write_bytes(b"PAR1" + b"\x00" * 99 + b"PAR1")
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "t.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "ragged.csv").write_text(CSV + "a,b,c\n")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe.csv")
    return {
        "t.csv.gz": "is cut off",
        "t.csv.zst": "is damaged",
        "empty.csv.gz": "has no rows",
        "t.parquet": "cannot be read as Parquet",
        "deep.json": "nested too deep",
        "t.gz": "not of a known kind",
        "ragged.csv": "line 4: 3 fields where the header has 2",
        "folder": "a folder without a data set",
        "pipe.csv": "no ordinary file",
        "/dev/null": "no ordinary file",
    }


def test_a_wrong_file_is_one_sentence_and_leaves_nothing(home, cli, tmp_path):
    (tmp_path / "wrong").mkdir()
    for name, message in wrong_files(tmp_path / "wrong").items():
        assert message in one_sentence(cli("import", tmp_path / "wrong" / name), 1)
    assert cli("status", "--json").json["tweets"] == 0
    assert cli("history", "--json").json == []


def test_wrong_use_of_export_is_one_sentence(home, cli, write, tmp_path):
    cli("import", write("t.csv", CSV))
    for arguments, status, message in (
        (("t.jsonl", "--safe-csv"), 2, "--safe-csv is for CSV and TSV"),
        (("t.gz",), 2, "The format of"),
        (("set.zst", "--format", "datasets"), 2, "cannot be compressed"),
        (("t.csv", "--format", "xml"), 2, "'xml' is not one of"),
        (("home", "--format", "datasets"), 1, "exists already"),
        (("home/none/t.csv",), 1, "There is no folder"),
    ):
        path, *options = arguments
        assert message in one_sentence(cli("export", tmp_path / path, *options), status)
    assert message in one_sentence(cli("export", tmp_path / "home" / "none" / "t.csv"), 1)


def test_two_files_are_two_splits(home, cli, write):
    train = write("train.csv", "text,label\n" + "".join(f"up {n},positive\n" for n in range(30)))
    test = write("valid.csv", "text,label,split\nUP 3!,positive,train\nover now,negative,train\n")
    assert cli("import", "--split-as", "train", train).status == 0
    assert cli("import", "--split-as", "test", test).status == 0
    assert cli("status", "--json").json["splits"] == {"test": 2, "train": 30}
    assert cli("list", "split:test", "--json").json[0]["text"] == "UP 3!"
    assert cli("import", "--split-as", "half", train).status == 2

"""The place of a fault is the same in whatever a file is packed, and whoever finds the fault."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from io import BytesIO
from types import SimpleNamespace

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import UserError
from storage.formats.decoding import compression
from storage.transfer import parsing

FINE = {"text": "up we go", "label": "up"}
TWO = {"text": "both ways", "label": ["up", "down"]}
HALF = {"text": "half \ud83d", "label": "up"}
SEVERAL = "the labels 'up', 'down' stand where one is expected"
LONE = "the text is no valid Unicode"


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


def pretty(value):
    return json.dumps(value, indent=1)


FAULTS = {
    "an unclosed quote after fields of two lines": (
        "csv",
        'text,label\n"one\ntwo",up\n"three\nfour",up\n"never closed,up\nmore,up\n',
        "record 3, line 6: the quote that opens here is never closed",
    ),
    "an unclosed quote in a later field": (
        "csv",
        'text,note,label\n"one\ntwo","a\nb\nc","never,up\nmore,x,up\n',
        "record 1, line 5: the quote that opens here is never closed",
    ),
    "an unclosed quote in the last line": (
        "csv",
        'text,label\n"one\ntwo",up\nthree,"up',
        "record 2, line 4: the quote that opens here is never closed",
    ),
    "a row of another width after empty lines": (
        "csv",
        'text,label\n\n"one\n\ntwo",up\n\n,\na,b,up\n',
        "record 2, line 8: 3 fields where the header has 2",
    ),
    "two labels below a comment": (
        "csv",
        "# made by hand\ntext,label\n\"one\ntwo\",up\nthree,\"['up', 'down']\"\n",
        f"record 2, line 5: {SEVERAL}",
    ),
    "a row of another width in a table of tabs": (
        "tsv",
        "text\tlabel\none\tup\n\ntwo\tup\tmore\n",
        "record 2, line 4: 3 fields where the header has 2",
    ),
    "two labels of fastText": (
        "txt",
        "__label__up one\n\n__label__up __label__down two\n",
        f"record 2, line 3: {SEVERAL}",
    ),
    "a line that is no JSON": (
        "jsonl",
        lines(FINE) + "\n" + '{"text": }\n',
        "record 2, line 3: not valid JSON (Expecting value)",
    ),
    "a line that breaks off": (
        "jsonl",
        lines(FINE, FINE) + '{"text": "never\n' + lines(FINE),
        "record 3, line 3: not valid JSON",
    ),
    "a line with two labels": ("jsonl", lines(FINE, FINE, TWO), f"record 3, line 3: {SEVERAL}"),
    "a line with half an emoji": ("jsonl", lines(FINE, HALF), f"record 2, line 2: {LONE}"),
    "a member that is no object": (
        "json",
        pretty([FINE, FINE, 7]),
        "record 3, line 10: an object with a text is expected",
    ),
    "a member with two labels": ("json", pretty([FINE, TWO]), f"record 2, line 6: {SEVERAL}"),
    "a member that breaks off": (
        "json",
        pretty([FINE, FINE])[:-20],
        "record 2, line 8: not valid JSON",
    ),
    "a comma that is missing": (
        "json",
        '[\n{"text": "one"},\n{"text": "two"}\n{"text": "three"}\n]',
        "record 2, line 4: not valid JSON (a comma or the end of the array is missing)",
    ),
    "an array in an object": (
        "json",
        pretty({"version": 1, "data": [FINE, FINE, TWO]}),
        f"record 3, line 12: {SEVERAL}",
    ),
    "objects one after another": (
        "json",
        pretty(FINE) + "\n" + pretty(FINE) + "\n" + pretty(HALF),
        f"record 3, line 9: {LONE}",
    ),
    "a table in one object": (
        "json",
        json.dumps({"columns": ["text", "label"], "data": [["a b", "up"], ["c d"]]}),
        "record 2: 1 values where there are 2 columns",
    ),
    "an export of Label Studio": (
        "json",
        pretty(
            [
                {"id": 1, "data": {"text": "one"}, "annotations": []},
                {"id": 2, "data": {"text": "half \ud83d"}, "annotations": []},
            ]
        ),
        f"record 2, line 9: {LONE}",
    ),
    "a byte of another encoding": (
        "csv",
        b'text,label\n"one\ntwo",up\ncaf\xc3\xa9 caf\xc3\xa9,up\n\xff\x81bad,up\n',
        "line 5: byte 0xff is not UTF-8",
    ),
}
PACKED = {
    "plain": lambda name, content: (name, content),
    "gz": lambda name, content: (f"{name}.gz", gzip.compress(content)),
    "zst": lambda name, content: (f"{name}.zst", compression.zstd.compress(content)),
    "zip": lambda name, content: (f"{name}.zip", zipped(name, content)),
}


def zipped(name, content):
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"a folder/{name}", content)
    return target.getvalue()


def encoded(content, end="\n"):
    if isinstance(content, bytes):
        return content.replace(b"\n", end.encode())
    return content.replace("\n", end).encode("utf-8", "surrogatepass")


def failing(taken, path, message, **options):
    with pytest.raises(UserError) as caught:
        taken(path, **options)
    said = str(caught.value)
    assert said.startswith(f"{path}, {message}"), said
    assert "\n" not in said
    assert said.endswith(".")


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("what", FAULTS)
def test_the_place_in_whatever_a_file_is_packed(what, packed, taken, write):
    kind, content, message = FAULTS[what]
    failing(taken, write(*PACKED[packed](f"t.{kind}", encoded(content))), message)


@pytest.mark.parametrize("end", ["\r", "\r\n"])
@pytest.mark.parametrize("what", FAULTS)
def test_the_place_with_the_line_ends_of_other_systems(what, end, taken, write):
    kind, content, message = FAULTS[what]
    failing(taken, write(f"t.{kind}", encoded(content, end)), message)


@pytest.mark.parametrize("what", FAULTS)
def test_the_place_in_a_process_of_its_own(what, taken, write, monkeypatch):
    monkeypatch.setattr(parsing, "LARGE", 0)
    kind, content, message = FAULTS[what]
    failing(taken, write(f"t.{kind}", encoded(content)), message)


@pytest.mark.parametrize("what", FAULTS)
def test_the_place_on_standard_input(what, make_store, cli, monkeypatch):
    kind, content, message = FAULTS[what]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(encoded(content))))
    result = cli("-w", make_store(labels=("up",)).folder, "import", "-", "--format", kind)
    assert result.status == 1
    assert f"standard input, {message}" in result.err


@pytest.mark.parametrize("what", FAULTS)
def test_the_place_of_what_is_left_out(what, taken, write):
    kind, content, message = FAULTS[what]
    if kind == "json" and ("breaks off" in what or "comma" in what):
        return  # nothing can be read beyond
    fine = {"csv": "fine,up\n", "tsv": "fine\tup\n", "txt": "__label__up fine\n"}.get(kind, "")
    _, report = taken(write(f"t.{kind}", encoded(content) + fine.encode()), lenient=True)
    said = " ".join(report.notices)
    assert report.skipped >= 1
    if message.startswith("record") and "closed" not in message:
        assert message.partition(":")[0] in said, said


def test_the_row_of_a_workbook(taken, tmp_path):
    book = openpyxl.Workbook()
    rows = [[], ["text", "label"], [], ["one\ntwo", "up"], [], ["three", "['up', 'down']"]]
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row, start=1):
            book.active.cell(number, column, cell)
    book.save(tmp_path / "t.xlsx")
    failing(taken, tmp_path / "t.xlsx", f"record 2, line 6: {SEVERAL}")
    book.active.cell(6, 2, "up")
    book.active.cell(8, 3, "beyond")
    book.save(tmp_path / "t.xlsx")
    failing(taken, tmp_path / "t.xlsx", "record 3, line 8: there are cells beyond the 2 columns")


def test_the_record_of_a_table_of_arrow(taken, tmp_path):
    rows = pa.Table.from_pylist([{**FINE, "label": ["up"]}] * 3 + [TWO])
    pq.write_table(rows, tmp_path / "t.parquet")
    failing(taken, tmp_path / "t.parquet", f"record 4: {SEVERAL}")

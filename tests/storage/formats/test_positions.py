"""Errors name the file, the record and the line where the fault begins."""

from __future__ import annotations

import json

import pytest

from storage.errors import UserError
from storage.transfer import parsing

TABLES = {
    "an unclosed quote": (
        'text,label\nfine,up\n"never closed,up\nmore,up\nand more,up\n',
        "record 2, line 3: the quote that opens here is never closed",
    ),
    "an unclosed quote after a field of two lines": (
        'text,label,note\n"one\ntwo","up","never\nclosed,up,x\n',
        "record 1, line 3: the quote that opens here is never closed",
    ),
    "an unclosed quote that meets the next one": (
        'text,label\nfine,up\n"never closed,up\nmore,up\n"a quoted one",up\n',
        "record 2, line 3: text follows where the quote that opens here is closed in line 5",
    ),
    "text after a quote": (
        'text,label\nfine,up\n"quoted" and more,up\n',
        "record 2, line 3: text follows where the quote that opens here is closed; double",
    ),
    "too many fields": (
        'text,label\n"two\nlines",up\n\na, b,up\n',
        "record 2, line 5: 3 fields where the header has 2; quote the text",
    ),
    "too many fields in a record of several lines": (
        'text,label\nfine,up\n"two\nlines",b,up\n',
        r"record 2, line 3: 3 fields where the header has 2 \(in a record of 2 lines\)",
    ),
    "too few fields below a comment": (
        "sep=;\n# a comment\ntext;label\nfine;up\nalone\n",
        "record 2, line 5: 1 field where the header has 2",
    ),
    "several labels": (
        "text,label\nfine,up\n\"two\nlines\",\"['up', 'down']\"\n",
        "record 2, line 3: the labels 'up', 'down' stand where one is expected",
    ),
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("what", TABLES)
def test_the_place_of_a_fault_in_a_table(what, end, taken, write):
    content, message = TABLES[what]
    for encoding in ("utf-8", "utf-16"):
        with pytest.raises(UserError, match=message):
            taken(write("t.csv", content.replace("\n", end).encode(encoding)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_place_of_a_byte_that_does_not_fit_a_named_encoding(end, taken, write):
    content = "text,label\nfine,up\ncafé,up\n".replace("\n", end).encode("cp1252")
    with pytest.raises(UserError, match=r"t\.csv, line 3 is not ascii text \(byte 0xe9"):
        taken(write("t.csv", content), encoding="ascii")
    half = "text,label\nfine,up\n\ud83d,up\n".replace("\n", end)
    with pytest.raises(UserError, match=r"t\.csv, line 3 is not utf-16 text"):
        taken(write("t.csv", half.encode("utf-16", "surrogatepass")))


FINE = {"text": "up we go", "label": "up"}
JSON = [
    ([FINE, {"text": "x", "label": ["up", "down"]}], "record 2, line 6: the labels 'up', 'down'"),
    ([FINE, {"text": "half \ud83d"}], "record 2, line 6: the text is no valid Unicode"),
    ([FINE, FINE, 7], "record 3, line 10: an object with a text is expected"),
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("rows", "message"), JSON)
def test_the_place_of_a_fault_in_json(rows, message, end, taken, write):
    # Four lines an object, the first one after that of the bracket.
    pretty = json.dumps([row if row == 7 else dict(row) for row in rows], indent=1)
    with pytest.raises(UserError, match=message):
        taken(write("t.json", pretty.replace("\n", end)))
    lines = "".join(f"{json.dumps(row)}\n\n" for row in rows)
    record = int(message.split()[1].rstrip(","))
    with pytest.raises(UserError, match=f"record {record}, line {2 * record - 1}: "):
        taken(write("t.jsonl", lines.replace("\n", end)))


def test_the_place_where_json_breaks_off(taken, write):
    with pytest.raises(UserError, match=r"record 3, line 6: not valid JSON \(Unterminated string"):
        taken(write("t.json", '[{"a": 1},\n\n{"a": 2},\n\n{"a":\n"b'))
    with pytest.raises(UserError, match=r"record 2, line 2: not valid JSON \(Expecting value"):
        taken(write("t.jsonl", '{"a": 1}\n{"a": }\n'))


def test_the_place_of_a_fault_far_into_a_large_file(taken, write):
    rows = "".join(f'"text\nnumber {n}",up\n' for n in range(60_000))
    with pytest.raises(UserError, match="record 60001, line 120002: the quote that opens here"):
        taken(write("t.csv", f'text,label\n{rows}"never closed,up\n'))


def test_a_fault_in_a_process_of_its_own_has_its_place(taken, write, monkeypatch):
    monkeypatch.setattr(parsing, "LARGE", 0)
    rows = [{"text": f"text number {n}"} for n in range(100)] + [{"text": "half \ud83d"}]
    with pytest.raises(UserError, match="record 101, line 101: the text is no valid Unicode"):
        taken(write("t.jsonl", "\n".join(map(json.dumps, rows))))

"""Wrong records that are left out, and kept in a file of their own."""

from __future__ import annotations

import json

import pytest

from storage.config import Config
from storage.errors import UserError
from storage.formats.rejects import Rejects
from storage.query import tweets
from storage.transfer import importing, parsing
from storage.transfer.importing import ImportOptions

BROKEN = (
    "text,label\n"
    "up we go,up\n"
    "one, two,up\n"
    '"never closed,up\n'
    '"two\nlines",down\n'
    "alone\n"
    '"quoted" and more,up\n'
    "down it goes,down\n"
)
GOOD = ["up we go", "two\nlines", "down it goes"]


@pytest.fixture
def collected(make_store, tmp_path):
    """Imports a file and gives the texts, the report, and what the file of rejects holds."""

    def run(path, **options):
        store = make_store(f"workspace of {path.name}", labels=("up", "down"))
        plan = importing.plan(store.config, path, ImportOptions(lenient=True, **options))
        rejects = tmp_path / f"rejects of {path.name}"
        with Rejects(rejects, plan.source) as file:
            report = importing.run(store, plan, rejects=file)
        file.keep()
        texts = [tweet.text for tweet in tweets.each(store)]
        return texts, report, rejects.read_bytes() if rejects.exists() else None

    return run


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("large", [False, True])
def test_wrong_rows_are_kept_as_they_are(large, end, collected, write, monkeypatch):
    if large:
        monkeypatch.setattr(parsing, "LARGE", 0)
    content = BROKEN.replace("\n", end)
    texts, report, rejects = collected(write("t.csv", content))
    assert texts == [text.replace("\n", end) for text in GOOD]
    assert (report.added, report.skipped) == (3, 4)
    wrong = [content.split(end)[line] for line in (2, 3, 6, 7)]
    assert rejects.decode() == "text,label\r\n" + "".join(line + end for line in wrong)
    assert "4 wrong records are left out (record 2, line 3: 3 fields" in report.notices[-1]
    assert "record 3, line 4: text follows where the quote that opens here" in report.notices[-1]


def test_what_is_read_counts_all_wrong_rows_whatever_is_wrong(collected, write):
    path = write("t.csv", "text,label\nup we go,up\nragged\nx,\"['up', 'down']\"\n,\nx,up,y\n")
    _, report, _ = collected(path)
    assert (report.read, report.added, report.skipped) == (4, 1, 3)


@pytest.mark.parametrize("lenient", [False, True])
def test_empty_cells_of_columns_without_a_name_are_nothing(lenient, make_store, take_in, write):
    path = write("t.csv", "text,label,\nup we go,up,\ndown it goes,down,x\n")
    store, _ = take_in(make_store(labels=("up", "down")), path, lenient=lenient)
    assert [tweets.source_columns(store, number) for number in (1, 2)] == [{}, {"column3": "x"}]


def test_what_is_corrected_is_imported(collected, write):
    _, _, rejects = collected(write("t.csv", BROKEN))
    mended = rejects.replace(b"one, two", b'"one, two"').replace(b"alone", b"alone,up")
    mended = mended.replace(b'"never', b"never").replace(b'"quoted" and', b"quoted and")
    texts, report, rejects = collected(write("mended.csv", mended))
    assert texts == ["one, two", "never closed", "alone", "quoted and more"]
    assert (report.skipped, rejects) == (0, None)


def test_wrong_lines_of_json_are_kept(collected, write):
    wrong = ['{"text": ', "7", '{"text": "x", "label": ["up", "down"]}']
    lines = ['{"text": "up we go", "label": "up"}', *wrong, '{"text": "down it goes"}']
    texts, report, rejects = collected(write("t.jsonl", "\n".join(lines) + "\n"))
    assert texts == ["up we go", "down it goes"]
    assert rejects.decode().splitlines() == wrong
    assert report.skipped == 3


@pytest.mark.parametrize("between", [",", "\n"])
@pytest.mark.parametrize("wrong", ['"no object"', "7", "null", '["up", "down"]'])
def test_a_member_that_is_no_object_is_kept_and_not_the_record_before(
    wrong, between, collected, write
):
    members = ['{"text": "up we go",\n"label": "up"}', wrong, '{"text": "down it goes"}']
    content = between.join(members)
    texts, report, rejects = collected(
        write("t.json", f"[{content}]" if between == "," else content)
    )
    assert (texts, report.skipped) == (["up we go", "down it goes"], 1)
    assert rejects.decode() == f"{wrong}\n"


def test_rows_of_another_width_in_a_table_of_pandas_are_kept(collected, write):
    data = [["up we go", "up"], ["down", "down", "more"], "down", ["down it goes", None]]
    path = write("t.json", json.dumps({"columns": ["text", "label"], "data": data}))
    texts, report, rejects = collected(path)
    assert (texts, report.skipped) == (["up we go", "down it goes"], 2)
    assert [json.loads(line) for line in rejects.splitlines()] == data[1:3]
    with pytest.raises(UserError, match="record 2: 3 values where there are 2 columns"):
        importing.plan(Config(), path, ImportOptions())


def test_wrong_records_of_other_formats_become_json(collected, tmp_path):
    import openpyxl
    import pyarrow as pa
    import pyarrow.parquet as pq

    bad = {"text": "x", "label": '["up", "down"]'}
    rows = [{"text": "up we go", "label": "up"}, bad]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    (tmp_path / "t.json").write_text(json.dumps(rows))
    book = openpyxl.Workbook()
    for row in (["text", "label"], *(list(row.values()) for row in rows)):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    for name in ("t.parquet", "t.json", "t.xlsx"):
        texts, report, rejects = collected(tmp_path / name)
        assert (texts, report.skipped) == (["up we go"], 1)
        assert json.loads(rejects) == bad


def test_wrong_rows_of_a_workbook_are_imported_again_once_they_are_corrected(collected, tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for row in (
        ["text", "label", "column4"],
        ["up we go", "up"],
        ["down it goes", "down", 1, "beyond", "", "more"],
        ["sideways", '["up", "down"]'],
    ):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    texts, _, rejects = collected(tmp_path / "t.xlsx")
    beyond, several = map(json.loads, rejects.splitlines())
    assert texts == ["up we go"]
    assert beyond == {
        "text": "down it goes",
        "label": "down",
        "column4": 1,
        "column4_": "beyond",
        "column5": None,
        "column6": "more",
    }
    rows = [beyond, several | {"label": "up"}]
    (tmp_path / "again.jsonl").write_text("\n".join(map(json.dumps, rows)))
    texts, report, rejects = collected(tmp_path / "again.jsonl")
    assert (texts, report.skipped) == (["down it goes", "sideways"], 0)


def test_lines_with_bytes_that_do_not_fit_are_kept(collected, write):
    for name, head, good, bad in (
        ("t.csv", b"text,label\n", "up 🚀 we go,up\n", b"the \xff byte,up\n"),
        ("t.txt", b"", "up 🚀 we go\n", b"the \xff byte\n"),
        ("t.jsonl", b"", '{"text": "up 🚀 we go"}\n', b'{"text": "x", "label": "\xff"}\n'),
    ):
        texts, report, rejects = collected(write(name, head + good.encode() + bad))
        assert (texts, report.skipped) == (["up 🚀 we go"], 1)
        assert rejects.endswith(bad)


@pytest.mark.parametrize(
    ("name", "begins", "good", "between", "bad", "ends", "text"),
    [
        ("t.jsonl", "", r'{"text": "é à \ud83d\udc95"}', "\n", '{"text": "%"}', "", "é à 💕"),
        ("t.json", "[", r'{"text": "é à \ud83d\udc95"}', ",", '{"text": "%"}', "]", "é à 💕"),
        ("t.json", "[", r'{"text": "é à \\udc95"}', ",", '{"text": "%"}', "]", r"é à \udc95"),
        ("t.csv", "text,label\n", r"é à \udc95,up", "\n", "the % byte,up", "", r"é à \udc95"),
    ],
)
def test_an_escape_is_no_byte_that_does_not_fit(
    name, begins, good, between, bad, ends, text, collected, write
):
    content = f"{begins}{good}{between}{bad}{ends}".encode().replace(b"%", b"\xff")
    texts, report, _ = collected(write(name, content))
    assert (texts, report.skipped) == ([text], 1)


def test_a_file_of_wrong_records_alone_brings_nothing(collected, write, tmp_path):
    with pytest.raises(UserError, match="record 1, line 2: 1 field where the header has 2"):
        collected(write("t.csv", "text,label\nalone\nalone too\n"))
    with pytest.raises(UserError, match="none of its records can be taken; record 1, line 1: the"):
        collected(write("t.jsonl", '{"text": "x", "label": ["up", "down"]}\n'))
    assert [path.name for path in tmp_path.iterdir() if "rejects" in path.name] == []


def test_json_that_cannot_be_read_on_is_refused(collected, write):
    with pytest.raises(UserError, match="not valid JSON"):
        collected(write("t.json", '[{"text": "up we go"}, {"text"]'))


def test_a_file_that_is_there_is_not_written_over(write, collected, tmp_path):
    write("rejects of t.csv", "mine")
    with pytest.raises(UserError, match=r"rejects of t\.csv is there already"):
        collected(write("t.csv", BROKEN))
    assert (tmp_path / "rejects of t.csv").read_text() == "mine"

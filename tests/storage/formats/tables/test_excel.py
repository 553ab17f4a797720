"""Excel workbooks: sheets, odd cells, and files that only claim to be one."""

from __future__ import annotations

import copy
import datetime
import zipfile

import openpyxl
import pytest

from storage.errors import UsageError, UserError
from storage.formats.tables import excel
from storage.query import tweets

UP, DOWN = "up and away we go", "down it goes today"
BOTH = [(UP, "positive"), (DOWN, "negative")]
ROWS = [["text", "label"], [UP, "positive"], [DOWN, "negative"]]


@pytest.fixture
def workbook(tmp_path):
    """Writes a workbook with the rows of each sheet."""

    def write_sheets(name="t.xlsx", **sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return write_sheets


def test_the_first_sheet_is_read_or_the_one_that_is_named(taken, workbook):
    path = workbook(Tweets=ROWS, Old=[["text"], ["from another sheet"]])
    found, report = taken(path)
    assert found == BOTH
    assert report.notices == ("Sheet 'Tweets' is read; --sheet names another ('Old').",)
    assert report.encoding is None
    for named in ("Old", "2"):
        found, report = taken(path, sheet=named)
        assert found == [("from another sheet", None)]
    with pytest.raises(UsageError, match=r"no sheet 'None' \(sheets: 'Tweets', 'Old'\)"):
        taken(path, sheet="None")


def test_empty_rows_and_nameless_columns_are_nothing(taken, workbook):
    rows = [
        [],
        [None, None],
        ["text", "label", None, None],
        [UP, "positive"],
        [],
        [None, ""],
        [DOWN, "negative", None],
    ]
    assert taken(workbook(S=rows))[0] == BOTH
    rows[3].append("beside")
    with pytest.raises(UserError, match="record 1, line 4: there are cells beyond"):
        taken(workbook(S=[row[:2] for row in rows[:3]] + rows[3:]))


def test_numbers_dates_and_errors(make_store, take_in, workbook):
    day = datetime.datetime(2024, 5, 1, 12)
    rows = [
        ["text", "label", "id", "day", "share"],
        [12345, 1, 6, day, 0.5],
        ["#N/A", 0, 7, None, None],
        [UP, 1.0, 8, None, "#DIV/0!"],
        [True, 0, 9, None, None],
        [0.5, None, 10, None, None],
    ]
    path = workbook(S=rows)
    store, report = take_in(make_store(), path, codes={"0": "negative", "1": "positive"})
    assert [(t.text, t.label, t.external_id) for t in tweets.each(store)][:2] == [
        ("12345", "positive", "6"),
        (UP, "positive", "8"),
    ]
    assert [tweet.text for tweet in tweets.each(store)][2:] == ["True", "0.5"]
    assert report.rejected == 1
    assert tweets.source_columns(store, 1) == {"day": "2024-05-01T12:00:00", "share": 0.5}


def test_a_sheet_without_header(taken, workbook):
    found, report = taken(workbook(S=ROWS[1:]), labels=("positive", "negative"))
    assert (found, report.columns) == (BOTH, {"text": "column1", "label": "column2"})
    with pytest.raises(UserError, match="has no rows"):
        taken(workbook(S=[]))


def test_the_size_that_a_sheet_claims_is_not_believed(taken, workbook):
    path = workbook(S=ROWS)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    for claimed in (b'ref="A1:A1"', b'ref="A1:XFD1048576"'):
        parts[sheet] = parts[sheet].replace(b'ref="A1:B3"', claimed)
        with zipfile.ZipFile(path, "w") as book:
            for name, content in parts.items():
                book.writestr(name, content)
        assert taken(path)[0] == BOTH
        parts[sheet] = parts[sheet].replace(claimed, b'ref="A1:B3"')


def bomb(path, sheet, size):
    """A workbook whose sheet unpacks to `size` bytes of nothing."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book, book.open(sheet, "w") as part:
        for _ in range(size >> 20):
            part.write(bytes(1 << 20))
    return path


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_unread(taken, tmp_path, monkeypatch):
    path = bomb(tmp_path / "t.xlsx", "xl/worksheets/sheet1.xml", 200 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # nothing in it is read
    with pytest.raises(UserError, match=r"would unpack to 210 MB, 1,0\d\d times its size"):
        taken(path)


def test_parts_of_a_workbook_that_share_their_bytes_are_counted_each(taken, tmp_path):
    path = bomb(tmp_path / "t.xlsx", "xl/worksheets/sheet1.xml", 30 << 20)
    with zipfile.ZipFile(path, "a") as book:  # many names for the bytes of one
        first = book.infolist()[0]
        for number in range(2, 200):
            other = copy.copy(first)
            other.filename = f"xl/worksheets/sheet{number}.xml"
            book.filelist.append(other)
        book._didModify = True
    with pytest.raises(UserError, match=r"would unpack to 6,2.. MB, "):
        taken(path)


def test_a_row_far_below_the_last_one_ends_the_sheet(taken, workbook, monkeypatch):
    monkeypatch.setattr(excel, "MOST_ROWS", 1_000)
    path = workbook(S=ROWS)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    far = b'<row r="999999999"><c r="A999999999" t="inlineStr"><is><t>far</t></is></c></row>'
    parts[sheet] = parts[sheet].replace(b"</sheetData>", far + b"</sheetData>")
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    with pytest.raises(UserError, match="has a row below 1,000, where a sheet ends"):
        taken(path)


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"]
)
@pytest.mark.parametrize("content", [b"", b"<a", b"<!DOCTYPE x [<!ENTITY e 'x'>]><a>&e;</a>", None])
def test_a_damaged_workbook_is_one_sentence(part, content, taken, workbook):
    path = workbook(S=ROWS)
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    parts[part] = content
    with zipfile.ZipFile(path, "w") as book:
        for name, content in parts.items():
            if content is not None:
                book.writestr(name, content)
    with pytest.raises(UserError) as error:
        taken(path)
    assert "\n" not in str(error.value)


def test_what_only_claims_to_be_a_workbook_is_named(taken, write):
    with pytest.raises(UserError, match="cannot be opened as an archive"):
        taken(write("t.xlsx", "text,label\nup,up\n"))
    with pytest.raises(UserError, match=r"save it as \.xlsx or \.csv"):
        taken(write("t.xls", b"\xd0\xcf\x11\xe0"))
    with pytest.raises(UserError, match=r"is a zip archive or an Excel workbook; give it"):
        taken(write("t.csv", b"PK\x03\x04 and more"))


def test_titles_and_second_lines_of_a_sheet_are_no_tweets(taken, workbook):
    found, report = taken(workbook(Tweets=[["Export"], [], *ROWS]))
    assert found == BOTH
    assert report.notices == ("Above or below the header of the sheet 1 row is left out.",)
    second = [ROWS[0], ["Open-Ended Response", "Response"], *ROWS[1:]]
    assert taken(workbook(Tweets=second))[0] == BOTH

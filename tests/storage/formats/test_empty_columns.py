"""What a row has no value for: kept as the file has it, and found by one filter."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from storage.query import tweets

ROWS = (
    {"id": "a", "text": "up we go", "stars": "5", "airline": "A"},
    {"id": "b", "text": "down it goes", "stars": None, "airline": None},
)


def made(folder, ending):
    path = folder / f"rows.{ending}"
    if ending == "csv":
        path.write_text("id,text,stars,airline\na,up we go,5,A\nb,down it goes,,\n")
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    elif ending == "json":
        path.write_text(json.dumps(ROWS))
    elif ending == "parquet":
        pq.write_table(pa.Table.from_pylist(list(ROWS)), path)
    else:
        book = Workbook()
        for row in (list(ROWS[0]), *(list(row.values()) for row in ROWS)):
            book.active.append(row)
        book.save(path)
    return path


@pytest.mark.parametrize("lenient", [False, True], ids=["as a table", "row by row"])
@pytest.mark.parametrize(
    ("ending", "empty"),
    [("csv", ""), ("xlsx", None), ("jsonl", None), ("json", None), ("parquet", None)],
)
def test_no_column_of_a_row_is_lost(ending, empty, lenient, make_store, take_in, tmp_path):
    store, _ = take_in(make_store(), made(tmp_path, ending), lenient=lenient)
    assert tweets.source_columns(store, 1) == {"stars": "5", "airline": "A"}
    assert tweets.source_columns(store, 2) == {"stars": empty, "airline": empty}
    assert list(tweets.listing(store, "stars:none")) == [2]


def test_a_key_that_a_row_lacks_is_not_made_up(make_store, take_in, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "up we go", "stars": null}\n{"text": "down it goes today"}\n')
    store, _ = take_in(make_store(), path)
    assert [tweets.source_columns(store, n) for n in (1, 2)] == [{"stars": None}, {}]
    assert list(tweets.listing(store, "stars:none")) == [1, 2]

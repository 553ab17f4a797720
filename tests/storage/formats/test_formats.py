"""Each format in and out: compressed, without header, wide, long, spreadsheets, damaged."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tracemalloc

import pytest
from backports import zstd

from storage.errors import UsageError, UserError
from storage.formats import detection, readers
from storage.formats.source import ReadOptions
from storage.history import labels
from storage.query import tweets
from storage.transfer import exporting, importing
from storage.transfer.importing import ImportOptions

CSV = "text,label\nup we go,positive\ndown it goes,negative\n"
JSONL = '{"text": "up we go", "label": "positive"}\n{"text": "down it goes"}\n'


def found(store):
    return [tweet.text for tweet in tweets.each(store)]


def source(path):
    return detection.find(path, ReadOptions())


def rows_of(path):
    return list(readers.rows(source(path)))


def labelled(store):
    return [(tweet.text, tweet.label) for tweet in tweets.each(store)]


def pack(ending, content):
    if ending == ".gz":
        return gzip.compress(content)
    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})


# Compressed files


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", CSV.encode()),
        ("t.TSV", CSV.replace(",", "\t").encode()),
        ("t.jsonl", JSONL.encode()),
        ("t.json", f"[{JSONL.strip().replace(chr(10), ',')}]".encode()),
        ("old.csv", b"text,label\ncaf\xe9 up we go,positive\ndown it goes,negative\n"),
    ],
)
def test_a_compressed_file_is_read(name, content, ending, make_store, take_in, write):
    store, report = take_in(make_store(), write(f"{name}{ending}", pack(ending, content)))
    first, second = found(store)
    assert first in ("up we go", "café up we go")
    assert second == "down it goes"
    assert report.added == 2


def test_several_frames_and_members_are_one_file(make_store, take_in, write):
    first, second = CSV.encode(), b"bull run,positive\n"
    for ending in (".gz", ".zst"):
        path = write(f"t.csv{ending}", pack(ending, first) + pack(ending, second))
        store, _ = take_in(make_store(ending[1:]), path)
        assert found(store) == ["up we go", "down it goes", "bull run"]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
@pytest.mark.parametrize("damage", ["cut", "text", "flipped", "empty"])
def test_a_damaged_compressed_file_leaves_nothing(
    damage, name, ending, make_store, take_in, write, fill, tmp_path
):
    rows = [{"text": f"text {n} {os.urandom(40).hex()}"} for n in range(3000)]
    if name == "t.parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "whole")
        whole = (tmp_path / "whole").read_bytes()
    else:
        whole = "".join(
            json.dumps(row) + "\n" if name == "t.jsonl" else row["text"] + ",up\n" for row in rows
        ).encode()
        whole = whole if name == "t.jsonl" else b"text,label\n" + whole
    packed = pack(ending, whole)
    half = len(packed) // 2
    content = {
        "cut": packed[:half],
        "text": whole,
        "flipped": packed[:half]
        + bytes(b ^ 0xFF for b in packed[half : half + 9])
        + packed[half + 9 :],
        "empty": pack(ending, b""),
    }[damage]
    store = make_store()
    with pytest.raises(UserError) as error:
        take_in(store, write(f"{name}{ending}", content))
    assert "\n" not in str(error.value)
    expected = {"cut": "is cut off", "text": "is damaged", "flipped": "", "empty": ""}[damage]
    assert expected in str(error.value)
    assert tweets.counts(store).tweets == 0


# Tables without header, with many columns, with long cells


def test_a_file_without_header_gets_numbered_columns(make_store, take_in, write):
    store, report = take_in(make_store(), write("t.csv", CSV.partition("\n")[2]))
    assert report.columns == {"text": "column1", "label": "column2"}
    assert labelled(store) == [("up we go", "positive"), ("down it goes", "negative")]


def test_codes_tell_the_label_column_of_a_file_without_header(make_store, take_in, write):
    path = write("t.csv", "4,901,2009,up we go with this\n0,902,2009,down it goes again\n")
    store, report = take_in(make_store(), path, codes={"0": "negative", "4": "positive"})
    assert report.columns == {"text": "column4", "label": "column1"}
    assert labelled(store) == [
        ("up we go with this", "positive"),
        ("down it goes again", "negative"),
    ]


def test_a_column_of_few_values_is_the_label_of_a_file_without_header(make_store, take_in, write):
    rows = "".join(
        f"https://x.y/{n},number {n} is a tweet,{'hi' if n % 2 else 'lo'}\n" for n in range(20)
    )
    _, report = take_in(make_store(labels=()), write("t.csv", rows))
    assert report.columns == {"text": "column2", "label": "column3"}
    assert report.added == 20


@pytest.mark.parametrize(
    ("first", "has_header"),
    [
        ("Text,Mood", True),
        ("Kommentar,Stimmung", True),
        ("a,b", True),
        ("up we go,positive", False),
        ("we are going up now,x", False),
        ("1,x", False),
        ("https://t.co/a,x", False),
        ("same,x", False),
    ],
)
def test_the_first_row_is_a_header_unless_it_looks_like_the_rest(first, has_header, write):
    path = write("t.csv", f"{first}\nsame,y\nother,z\n")
    assert len(rows_of(path)) == (2 if has_header else 3)


def test_numbers_below_a_word_make_it_a_header(write):
    path = write("t.csv", "positive,negative\n0.1,0.9\n0.2,0.8\n")
    assert rows_of(path)[0] == {"positive": "0.1", "negative": "0.9"}


@pytest.mark.parametrize("header", [True, False])
def test_header_or_not_can_be_said(header, make_store, take_in, write):
    path = write("t.csv", "up we go,positive\ndown it goes,negative\n")
    named = {"text": "up we go"} if header else {"text": "column1"}
    store, _ = take_in(make_store(), path, header=header, columns=named)
    assert found(store) == (["down it goes"] if header else ["up we go", "down it goes"])


def test_a_ragged_row_of_a_file_without_header_is_named(make_store, take_in, write):
    with pytest.raises(UserError, match="line 3: 3 fields where the first row has 2"):
        take_in(make_store(), write("t.csv", CSV.partition("\n")[2] + "a,b,c\n"))


def test_commas_inside_the_first_text_do_not_choose_the_delimiter(make_store, take_in, write):
    path = write("t.csv", "up, up, up, and away;positive\ndown, it goes;negative\n")
    store, _ = take_in(make_store(), path)
    assert labelled(store)[0] == ("up, up, up, and away", "positive")


def test_a_list_of_texts_is_not_cut_at_its_commas(make_store, take_in, write):
    lines = ["Just bought $TSLA, feeling good", "I sold all my $AAPL, what a mess"]
    store, _ = take_in(make_store(), write("t.txt", "\n".join(lines)))
    assert found(store) == lines


def test_a_hundred_columns_and_a_megabyte_in_a_cell(make_store, take_in, write, tmp_path):
    names = ["text", "label", *(f"c{n}" for n in range(98))]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    for n in range(3):
        writer.writerow([f'tweet {n} "\r\n\t\x00' + "x" * 1_000_000, "up", *map(str, range(98))])
    store, _ = take_in(make_store(labels=("up",)), write("wide.csv", buffer.getvalue()))
    assert [len(text) for text in found(store)] == [1_000_013] * 3
    assert tweets.source_columns(store, 1) == {f"c{n}": str(n) for n in range(98)}
    for name in ("out.csv", "out.jsonl", "out.json", "out.parquet"):
        exporting.export(store, tmp_path / name)
        other, _ = take_in(make_store(f"for {name}", labels=("up",)), tmp_path / name)
        assert found(other) == found(store)
        assert tweets.source_columns(other, 3) == tweets.source_columns(store, 3)


def test_a_table_gives_names_and_values(write, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    names, lines = readers.table(source(write("t.csv", CSV)))
    assert (names, list(lines)) == (
        ["text", "label"],
        [["up we go", "positive"], ["down it goes", "negative"]],
    )
    pq.write_table(pa.table({"text": ["up"], "n": [1]}), tmp_path / "t.parquet")
    names, lines = readers.table(source(tmp_path / "t.parquet"))
    assert (names, list(lines)) == (["text", "n"], [["up", 1]])
    assert readers.table(source(write("t.jsonl", JSONL))) is None


# JSON


@pytest.mark.parametrize("form", ["array", "lines", "pretty"])
def test_a_large_json_file_is_read_in_little_memory(form, write):
    rows = [{"text": f"text {n} " + "x" * 1000, "n": [n]} for n in range(20_000)]
    content = {
        "array": json.dumps(rows),
        "lines": "\n".join(map(json.dumps, rows)),
        "pretty": "\n".join(json.dumps(row, indent=1) for row in rows),
    }[form]
    path = write("t.json", content)
    del content
    tracemalloc.start()
    count = sum(row["n"] == [n] for n, row in enumerate(readers.rows(source(path))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 12e6


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_json_is_the_same_wherever_it_is_cut(chunk, write, monkeypatch):
    from storage.formats import json_reader

    monkeypatch.setattr(json_reader, "CHUNK", chunk)
    rows = [
        {"text": 'é\\" 🚀 \ud83d\n', "n": [-1.5e-7, 12345, True, None, {}, []]},
        {},
        {"x": {"y": "z" * 300}, "inf": float("inf"), "minus": float("-inf")},
    ]
    for content in (json.dumps(rows), json.dumps(rows, indent=2), "\n".join(map(json.dumps, rows))):
        assert rows_of(write("t.json", content)) == rows


BAD_JSON = {
    "[{}": "line 1: .*end of the array is missing",
    '[{"a": 1},\n{"a": }]': "line 2: .*Expecting value",
    '[{"a": 1}]\n\nmore': "line 3: .*something follows",
    '[{"a": 1}\n{"a": 2}]': "line 2: .*comma",
    '{"a": "b\n"}': "control character",
    '{"a": ' + "1" * 5000 + "}": "number is too long",
    "[[1]]": "record 1, line 1: an object",
    '[{"a": "b': "Unterminated",
}


@pytest.mark.parametrize("content", BAD_JSON, ids=lambda value: value[:20])
def test_json_that_is_none_is_named_with_its_line(content, write):
    with pytest.raises(UserError, match=BAD_JSON[content]):
        rows_of(write("t.json", content))


def test_half_an_emoji_in_another_column_is_kept(make_store, take_in, write, tmp_path):
    path = write("t.jsonl", '{"text": "up we go", "user": "half \\ud83d"}')
    store, _ = take_in(make_store(), path)
    assert tweets.source_columns(store, 1) == {"user": "half \ud83d"}
    exporting.export(store, tmp_path / "out.csv")
    other, _ = take_in(make_store("other"), tmp_path / "out.csv")
    assert tweets.source_columns(other, 1) == {"user": "half \ud83d"}


@pytest.mark.parametrize("column", ["text", "id"])
def test_half_an_emoji_in_a_text_is_refused_with_row_and_code_point(
    column, make_store, take_in, write
):
    row = {"text": "up we go", "id": "7"} | {column: "half \ud83d"}
    path = write("t.jsonl", json.dumps({"text": "fine"}) + "\n" + json.dumps(row))
    store = make_store()
    with pytest.raises(UserError, match=rf"record 2, line 2: the {column} .*U\+D83D"):
        take_in(store, path)
    assert tweets.counts(store).tweets == 0


def test_half_an_emoji_in_a_label_is_refused(make_store, take_in, write):
    path = write("t.jsonl", '{"text": "up we go", "label": "half \\ud83d"}')
    with pytest.raises(UsageError):
        take_in(make_store(labels=()), path)


# Labels


def test_labels_and_codes_match_in_any_case(make_store, take_in, write):
    path = write("t.csv", "text,label\na b c,POSITIVE\nd e f,bull\ng h i,Bear\nj k l,0\n")
    codes = {"Bull": "Positive", "BEAR": "negative", "0": "negative"}
    store, _ = take_in(make_store(), path, codes=codes)
    assert [t.label for t in tweets.each(store)] == ["positive", "positive", "negative", "negative"]


def test_codes_beside_empty_cells_are_still_whole_numbers(make_store, take_in, tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"text": ["up we go", "down it goes", "no idea"], "label": [1, 0, None]})
    frame.to_parquet(tmp_path / "t.parquet")
    store, _ = take_in(
        make_store(), tmp_path / "t.parquet", codes={"0": "negative", "1": "positive"}
    )
    assert [t.label for t in tweets.each(store)] == ["positive", "negative", None]


def test_a_number_that_is_none_is_no_label(make_store, take_in, write):
    path = write("t.jsonl", '{"text": "up we go", "label": 1.0}\n{"text": "no", "label": NaN}')
    store, _ = take_in(make_store(), path, codes={"1": "positive"})
    assert [t.label for t in tweets.each(store)] == ["positive", None]


@pytest.mark.models
def test_the_class_names_of_a_data_set_are_its_labels(make_store, take_in, tmp_path):
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["down", "up"])})
    rows = {"text": ["up we go", "down it goes", "no idea"], "label": [1, 0, -1]}
    data = Dataset.from_dict(rows, features=features)
    data.save_to_disk(tmp_path / "set")
    data.to_parquet(tmp_path / "set.parquet")
    for name in ("set", "set.parquet"):
        store, _ = take_in(make_store(f"for {name}", labels=()), tmp_path / name)
        assert [t.label for t in tweets.each(store)] == ["up", "down", None]


# Spreadsheets


DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", "''=1", "'quoted'", "'"]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
def test_a_safe_file_has_no_formula_and_comes_back_the_same(
    ending, make_store, fill, take_in, tmp_path
):
    rows = [{"text": f"{cell} text", "id": cell, "label": "positive"} for cell in DANGEROUS]
    store = fill(make_store(), rows)
    labels.annotate(store, 1, "=HYPERLINK(1)")
    path = tmp_path / f"safe{ending}"
    exporting.export(store, path, safe_csv=True)
    content = gzip.decompress(path.read_bytes()) if ending.endswith("gz") else path.read_bytes()
    text = io.StringIO(content.decode(), newline="")
    cells = [c for r in csv.reader(text, delimiter="\t" if "tsv" in ending else ",") for c in r]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    other, _ = take_in(make_store("other"), path)
    assert [(t.text, t.external_id, t.note) for t in tweets.each(other)] == [
        (t.text, t.external_id, t.note) for t in tweets.each(store)
    ]


def test_safe_csv_is_for_tables(small, tmp_path):
    with pytest.raises(UsageError, match="--safe-csv is for CSV and TSV, not for jsonl"):
        exporting.export(small, tmp_path / "t.jsonl", safe_csv=True)


# datasets folders and odd places


@pytest.mark.models
def test_an_exported_data_set_is_loaded_by_its_library(small, tmp_path):
    from datasets import load_from_disk

    small.db.execute("UPDATE current SET split = 'test' WHERE tweet > 4")
    small.db.execute("UPDATE current SET split = 'dev' WHERE tweet = 4")
    assert exporting.export(small, tmp_path / "set", form="datasets") == 6
    loaded = load_from_disk(tmp_path / "set")
    assert {name: part.num_rows for name, part in loaded.items()} == {
        "train": 3,
        "dev": 1,
        "test": 2,
    }
    assert loaded["train"][0]["text"] == "up we go"
    assert loaded["dev"]["label"] == ["negative"]
    assert loaded["train"].filter(lambda row: row["id"] > 1).num_rows == 2


@pytest.mark.models
def test_an_empty_export_is_an_empty_data_set(small, tmp_path):
    from datasets import load_from_disk

    assert exporting.export(small, tmp_path / "set", "id:>99", form="datasets") == 0
    assert load_from_disk(tmp_path / "set")["train"].num_rows == 0


def test_a_data_set_does_not_replace_a_folder(small, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").touch()
    with pytest.raises(UserError, match="exists already"):
        exporting.export(small, tmp_path / "set", form="datasets")
    with pytest.raises(UsageError, match="cannot be compressed"):
        exporting.export(small, tmp_path / "set.gz", form="datasets")
    assert sorted(path.name for path in tmp_path.iterdir() if "set" in path.name) == ["set"]


def test_exported_parquet_is_read_by_others(small, tmp_path):
    import pandas as pd

    exporting.export(small, tmp_path / "t.parquet")
    frame = pd.read_parquet(tmp_path / "t.parquet")
    assert frame["label"].tolist()[:4] == ["positive"] * 3 + ["negative"]
    assert json.loads(frame["history"][0])[0]["kind"] == "gold import"


def test_a_pipe_and_a_device_are_refused(make_store, take_in, tmp_path, small):
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path / "null.csv"):
        if path.name == "null.csv":
            path.symlink_to("/dev/null")
        with pytest.raises(UserError, match="no ordinary file"):
            take_in(small, path)
        with pytest.raises(UserError, match="no file that could be replaced"):
            exporting.export(small, path)


def test_a_folder_with_paths_out_of_it_is_refused(make_store, take_in, write, tmp_path):
    state = {"_data_files": [{"filename": "../secret.arrow"}]}
    with pytest.raises(UserError, match="no file of this folder"):
        take_in(make_store(), write("state.json", json.dumps(state)).parent)


def test_a_damaged_parquet_file_leaves_nothing(make_store, take_in, small, tmp_path):
    path = tmp_path / "t.parquet"
    exporting.export(small, path)
    whole = path.read_bytes()
    store = make_store("other")
    for content in (whole[:-20], whole[20:], whole[:50] + b"\xff" * 40 + whole[90:]):
        path.write_bytes(content)
        with pytest.raises(UserError) as error:
            take_in(store, path)
        assert "\n" not in str(error.value)
        assert tweets.counts(store).tweets == 0


def test_a_changed_byte_of_a_data_set_ends_no_process(small, tmp_path, monkeypatch):
    """Arrow reads wherever an offset points to, and the process dies of it."""
    exporting.export(small, tmp_path / "set", form="datasets")
    path = tmp_path / "set" / "train" / "data-00000-of-00001.arrow"
    whole = path.read_bytes()
    outcomes = set()
    for place in range(0, len(whole), 8):
        path.write_bytes(whole[:place] + b"\xff" * 4 + whole[place + 4 :])
        try:
            outcomes.add(len(rows_of(tmp_path / "set")))
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes >= {6, "refused"}


def test_a_file_whose_name_is_no_unicode_is_imported(make_store, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.csv")
    path.write_text(CSV)
    store = make_store()
    assert importing.run(store, importing.plan(store.config, path, ImportOptions())).added == 2


def test_an_export_shows_one_moment(small, reopen, tmp_path):
    """Somebody labels while the export runs: labels and histories still fit."""
    other = reopen(small, "ben")
    window = exporting.event_records.export_events

    def labelled_meanwhile(store, ids):
        labels.assign(other, [1], "negative")
        return window(store, ids)

    exporting.event_records.export_events = labelled_meanwhile
    try:
        exporting.export(small, tmp_path / "t.jsonl")
    finally:
        exporting.event_records.export_events = window
    row = json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])
    assert row["label"] == "positive"
    assert [event["kind"] for event in row["history"]] == ["gold import"]

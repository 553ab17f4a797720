"""Files that are written can be read again, and an export never leaves half a file."""

from __future__ import annotations

import csv
import json

import pytest

from storage.errors import UsageError, UserError
from storage.history import labels
from storage.query import tweets
from storage.transfer import exporting

ROWS = [
    {"text": "up we go 🚀", "label": "positive"},
    {"text": 'quotes " and, commas;\ttabs', "label": "negative"},
    {"text": "two\r\nlines\nand more", "label": "positive"},
    {"text": "=1+1 looks like a formula", "label": "negative"},
    {"text": "\u202ebidi\u202c \x1b[31mred", "label": "positive"},
    {"text": "a\u0085next line and\u2028separator", "label": "negative"},
    {"text": " a space before and after ", "label": "positive"},
    {"text": "no label yet", "label": None},
]


@pytest.fixture
def store(make_store, fill):
    rows = [row | {"id": f"t{n}", "split": ("train", "test")[n % 2]} for n, row in enumerate(ROWS)]
    store = fill(make_store(), rows)
    labels.assign(store, [1], "negative")
    labels.mark(store, [2], "review", True)
    labels.annotate(store, 3, "look again")
    return store


def known(store):
    return [(tweet.text, tweet.label, tweet.split) for tweet in tweets.each(store)]


FORMS = ("csv", "tsv", "json", "jsonl")


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_comes_back_the_same(form, store, make_store, take_in, tmp_path):
    path = tmp_path / f"out.{form}"
    assert exporting.export(store, path) == 8
    other, report = take_in(make_store("other"), path)
    assert report.added == 8
    assert known(other) == known(store)


@pytest.mark.parametrize("form", FORMS)
def test_a_text_with_a_nul_is_written_whole(form, make_store, fill, take_in, tmp_path):
    store = fill(make_store(), [{"text": "nul \x00 inside", "label": "negative"}])
    exporting.export(store, tmp_path / f"out.{form}")
    other, _ = take_in(make_store("other"), tmp_path / f"out.{form}")
    assert tweets.tweet(other, 1).text == "nul \x00 inside"


def test_the_seed_format_comes_back_with_texts_and_labels(surge, make_store, take_in, tmp_path):
    path = tmp_path / "train.json"
    labels.mark(surge, [1], "excluded", True)
    labels.assign(surge, [2], None)
    assert exporting.export(surge, path, form="seed") == 498
    first = json.loads(path.read_text("utf-8").splitlines()[0])
    tweet = tweets.tweet(surge, 3)
    assert first == {"text": f"### Human: {tweet.text}\n### Assistant: {tweet.label}"}
    other, _ = take_in(make_store("other", labels=()), path)
    expected = [(t.text.rstrip(), t.label) for t in tweets.each(surge, "id:>2")]
    assert [(t.text.rstrip(), t.label) for t in tweets.each(other)] == expected


def test_an_export_into_the_same_workspace_adds_nothing(store, take_in, tmp_path):
    exporting.export(store, tmp_path / "out.csv")
    store, report = take_in(store, tmp_path / "out.csv")
    assert (report.added, report.existing) == (0, 8)


def test_the_columns_say_what_was_done(store, tmp_path, read_csv):
    exporting.export(store, tmp_path / "out.csv")
    first, second, third = read_csv(tmp_path / "out.csv")[:3]
    assert (first["gold"], first["label"], first["changed"]) == ("positive", "negative", "True")
    assert (second["flags"], third["note"]) == ("review", "look again")
    assert first["external_id"] == "t0"
    exporting.export(store, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))[1]["flags"] == ["review"]


def test_a_filter_chooses_what_is_exported(store, tmp_path):
    assert exporting.export(store, tmp_path / "out.jsonl", "changed:yes") == 1
    assert exporting.export(store, tmp_path / "none.json", "id:>99") == 0
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_surge_survives_a_csv_file(surge, tmp_path):
    exporting.export(surge, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [tweet.text for tweet in tweets.each(surge)]


def test_an_unknown_ending_is_named(store, tmp_path):
    with pytest.raises(
        UsageError, match=r"out\.xlsx is not known.*csv, tsv, json.*seed, labelstudio"
    ):
        exporting.export(store, tmp_path / "out.xlsx")


def test_a_failed_export_leaves_the_old_file(store, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(UserError):
        exporting.export(store, path, "label:nope")
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir() if "out" in p.name) == ["out.csv"]

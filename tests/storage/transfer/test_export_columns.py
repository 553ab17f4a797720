"""Chosen columns and predictions in exported files, and what an import makes of them."""

from __future__ import annotations

import csv
import json
import math

import pyarrow.parquet as pq
import pytest

from storage.errors import UsageError, UserError
from storage.formats import detection, readers
from storage.formats.source import ReadOptions
from storage.query import tweets
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.transfer import exporting
from storage.transfer.export_columns import shortest

FORMS = [
    ("t.csv", None),
    ("t.tsv", None),
    ("t.json", None),
    ("t.jsonl", None),
    ("t.parquet", None),
    ("t", "datasets"),
    ("ls.json", "labelstudio"),
    ("a.json", "argilla"),
]
ROWS = [
    {
        "id": "t0",
        "text": "up we go",
        "label": "positive",
        "score": 1.5,
        "tags": ["a"],
        "label 2": "x",
    },
    {
        "id": "t1",
        "text": "down it goes",
        "label": "negative",
        "score": math.nan,
        "tags": [math.inf],
    },
    {"id": "t2", "text": "sideways", "split": "test"},
]


@pytest.fixture
def predicted(make_store, take_in, write):
    """Three tweets with source columns; a run predicts the first two."""
    store, _ = take_in(make_store(), write("rows.json", json.dumps(ROWS)))
    run = runs.add(store, "a", "baseline", "baseline", None, ("positive", "negative"))
    given = [(1, (0.1, 0.9)), (2, (0.35, 0.65))]
    add_predictions(store, run, [Prediction(t, row, 0.1, 0.1, t == 1) for t, row in given])
    return store


def strict(text):
    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def read_back(path):
    return list(readers.rows(detection.find(path, ReadOptions())))


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_predictions_are_columns_and_no_labels(
    name, form, predicted, make_store, take_in, tmp_path
):
    path = tmp_path / name
    assert exporting.export(predicted, path, form=form, run=1) == 3
    first, _, last = sorted(read_back(path), key=lambda row: int(row["id"]))
    assert float(first["probability_positive"]) == 0.1
    assert str(first["in_sample"]) == "True"
    assert not last["probability_negative"]
    if form not in ("labelstudio", "argilla"):
        assert (first["predicted_label"], float(first["confidence"])) == ("negative", 0.9)
        assert str(first["run"]) == "1"
    other, _ = take_in(make_store("other"), path)
    assert [(t.text, t.label) for t in tweets.each(other)] == [
        (t.text, t.label) for t in tweets.each(predicted)
    ]
    for number in (1, 2, 3):
        assert tweets.source_columns(other, number) == tweets.source_columns(predicted, number)
    assert take_in(predicted, path)[1].added == 0


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_chosen_columns_stand_in_their_order(name, form, predicted, make_store, take_in, tmp_path):
    path = tmp_path / name
    chosen = 'score,external_id,text,"label 2",label,predicted_label,probability_negative'
    exporting.export(predicted, path, form=form, run=1, columns=chosen)
    if form is None and name.endswith("csv"):
        with path.open(encoding="utf-8", newline="") as file:
            names = next(csv.reader(file))
    elif name.endswith("parquet"):
        names = pq.read_schema(path).names
    else:
        names = list(read_back(path)[0])
    if form in ("labelstudio", "argilla"):
        assert {"score", "external_id", "label 2", "probability_negative"} <= set(names)
        assert "history" not in names
    else:
        wanted = ["score", "external_id", "text", "label 2", "label", "predicted_label"]
        assert [name for name in names if name != "split"] == [*wanted, "probability_negative"]
    other, report = take_in(make_store("other"), path)
    assert {t.text: t.label for t in tweets.each(other)} == {
        "up we go": "positive",
        "down it goes": "negative",
        "sideways": None,
    }
    assert report.columns["label"] == "label"


def test_a_prediction_alone_is_not_taken_for_the_label(predicted, make_store, take_in, tmp_path):
    path = tmp_path / "t.csv"
    exporting.export(predicted, path, columns="external_id,text,predicted_label,confidence")
    other, report = take_in(make_store("other"), path)
    assert "label" not in report.columns
    assert [t.label for t in tweets.each(other)] == [None] * 3


def test_a_source_column_may_be_called_like_one_of_ours(make_store, take_in, write, tmp_path):
    path = write("t.json", json.dumps([{"text": "up we go", "label": "positive", "note": 7}]))
    store, _ = take_in(make_store(), path)
    exporting.export(store, tmp_path / "t.jsonl", columns="note,source.note")
    assert strict((tmp_path / "t.jsonl").read_text()) == {"note": None, "source.note": 7}


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "ls.json", "a.json"])
def test_json_has_null_for_what_is_no_number(name, predicted, tmp_path):
    form = {"ls.json": "labelstudio", "a.json": "argilla"}.get(name)
    exporting.export(predicted, tmp_path / name, form=form, run=1)
    for line in (
        (tmp_path / name).read_text().splitlines()
        if name == "t.jsonl"
        else [(tmp_path / name).read_text()]
    ):
        strict(line)
    assert tweets.source_columns(predicted, 2)["tags"] == [None]


def test_a_mark_for_excel_is_no_part_of_the_first_name(predicted, make_store, take_in, tmp_path):
    for name in ("t.csv", "t.tsv.gz"):
        exporting.export(predicted, tmp_path / name, bom=True)
        other, report = take_in(make_store(f"of {name}"), tmp_path / name)
        assert (report.added, tweets.tweet(other, 1).external_id) == (3, "t0")
    assert (tmp_path / "t.csv").read_bytes()[:5] == b"\xef\xbb\xbfid"
    with pytest.raises(UsageError, match="--bom is for CSV and TSV"):
        exporting.export(predicted, tmp_path / "t.json", bom=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": "id,scores"}, "no column 'scores' .there are: id, .*history, .*score"),
        ({"columns": "id,id"}, "names 'id' twice"),
        ({"columns": " , "}, "names no column"),
        ({"columns": "probability_up", "run": 1}, "no column 'probability_up'"),
        ({"run": 7}, "There is no run 7"),
        ({"form": "seed", "columns": "text"}, "--columns is not for seed"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(options, said, predicted, tmp_path):
    with pytest.raises(UserError, match=said):
        exporting.export(predicted, tmp_path / "t.csv", **options)
    assert list(tmp_path.glob("*t.csv*")) == []


def test_predictions_need_a_run(make_store, fill, tmp_path):
    store = fill(make_store("empty"), ROWS[:1])
    with pytest.raises(UserError, match="There are no predictions yet"):
        exporting.export(store, tmp_path / "t.csv", columns="text,confidence")


def test_a_run_of_labels_alone_has_no_probabilities(predicted, tmp_path):
    runs.update(predicted, 1, reason=runs.LABELS_ONLY)
    exporting.export(predicted, tmp_path / "t.jsonl", run=1)
    first = json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])
    assert first["confidence"] == 0.9
    assert not [name for name in first if name.startswith("probability_")]


def test_rounded_numbers_are_the_stored_ones():
    from array import array

    for value in (0.1, 1 / 3, 0.123456789, 1e-9, 0.99999994, 1.0, 0.0):
        (stored,) = array("f", (value,))
        assert array("f", (shortest(stored),))[0] == stored
    assert shortest(array("f", (0.9,))[0]) == 0.9

"""What other programs write, in the shapes that their versions have."""

from __future__ import annotations

import csv
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.errors import UserError
from storage.formats import detection, readers
from storage.formats.source import ReadOptions
from storage.query import tweets

UP, DOWN = "up and away we go", "down it goes today"
BOTH = [(UP, "positive"), (DOWN, "negative")]


@pytest.fixture
def given(taken, write):
    """Text and label of each tweet of some JSON, and the report."""

    def run(rows, name="t.json", **options):
        content = json.dumps(rows) if name.endswith("json") else "\n".join(map(json.dumps, rows))
        return taken(write(name, content), **options)

    return run


def given_labels(path):
    """What the annotators said in each record of a file."""
    source = detection.find(path, ReadOptions())
    return [
        [(one.column, one.label, one.annotator, one.at) for one in record.given_labels]
        for record in readers.records(source)
    ]


# Label Studio


def choices(*names, control="sentiment", kind="choices"):
    return {"from_name": control, "to_name": "text", "type": kind, "value": {kind: list(names)}}


def task(text, *results, **more):
    entry = {"result": list(results)}
    return {"id": 1, "data": {"text": text}, "annotations": [entry]} | more


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"data": {"text": UP}}, None),
        ({"data": {"text": UP}, "meta": {}, "project": 1}, None),
        (task(UP, annotations=None), None),
        (task(UP, annotations=[]), None),
        (task(UP, annotations=[12, 13]), None),
        (task(UP, annotations={"result": []}), None),
        (task(UP, annotations={"result": [choices("a")]}), "a"),
        (task(UP, choices("a"), predictions=[7]), "a"),
        (task(UP, choices("a"), predictions=None, drafts=[{}]), "a"),
        (task(UP, choices("a"), {"type": "labels", "value": {"start": 0, "labels": ["x"]}}), "a"),
        (task(UP, choices("a"), choices("a")), "a"),
        (task(UP, choices(["a"], kind="taxonomy")), "a"),
        (task(UP, choices(["a", "b"], kind="taxonomy")), "a / b"),
        (task(UP, {"from_name": "s", "type": "choices", "value": {"choices": "a"}}), "a"),
        (task(UP, {"from_name": "s", "type": "choices", "value": {"choices": None}}), None),
        (task(UP, {"from_name": "s", "type": "choices"}), None),
        (task(UP, annotations=[{"result": None}, {"result": {}}, None, "x"]), None),
        ({"id": 5, "result": [choices("a")], "task": {"id": 1, "data": {"text": UP}}}, "a"),
    ],
)
def test_a_task_of_label_studio_in_any_form(row, label, given):
    assert given([row])[0] == [(UP, label)]
    assert given(row)[0] == [(UP, label)]  # one file for each
    assert given([row], name="t.jsonl")[0] == [(UP, label)]


def test_the_only_control_is_the_label_in_all_tasks(given, taken, write):
    """A task that answers another control alone has no label by that."""
    rows = [
        task(UP, choices("up"), choices("stocks", control="topic")),
        task(DOWN, choices("bonds", control="topic")),
    ]
    found, _ = given(rows, columns={"label": "sentiment"})
    assert found == [(UP, "up"), (DOWN, None)]
    assert "label" not in given(rows)[1].columns or given(rows)[1].columns["label"] == "sentiment"


def test_annotations_that_are_none_are_counted(given):
    rows = [
        task(UP, annotations=[12]),
        task(DOWN),
        task("x" * 20, choices("a"), was_cancelled=True),
    ]
    said = "\n".join(given(rows)[1].notices)
    assert "1 record: annotations are given as numbers" in said
    assert "1 record: the annotation was skipped or is empty" in said


def test_other_answers_of_label_studio_are_columns(make_store, take_in, write):
    stars = {"from_name": "stars", "type": "rating", "value": {"rating": 4}}
    note = {"from_name": "text", "type": "textarea", "value": {"text": ["a note"]}}
    path = write("t.json", json.dumps([task(UP, choices("a"), stars, note)]))
    store, _ = take_in(make_store(labels=()), path)
    assert tweets.source_columns(store, 1) == {"stars": 4, "text answer": ["a note"]}


def test_json_min_and_csv_of_label_studio(given, taken, write):
    row = {
        "text": UP,
        "id": 1,
        "sentiment": "positive",
        "annotator": 1,
        "annotation_id": 1,
        "created_at": "2024",
        "updated_at": "2024",
        "lead_time": 1.5,
    }
    found, report = given([row, row | {"id": 2, "text": DOWN, "sentiment": "negative"}])
    assert found == BOTH
    assert report.columns == {
        "text": "text",
        "label": "sentiment",
        "id": "id",
        "annotator": "annotator",
    }
    several = row | {"sentiment": {"choices": ["positive", "negative"]}}
    with pytest.raises(UserError, match="record 1, line 1: the labels 'positive', 'negative'"):
        given([several])
    head = "annotation_id,annotator,created_at,id,lead_time,sentiment,text\n"
    assert taken(write("t.csv", f'{head}1,1,2024,1,1.5,positive,"{UP}"\n'))[0] == BOTH[:1]
    with pytest.raises(UserError, match="record 1, line 2: the labels 'a', 'b'"):
        cell = '"{""choices"":[""a"",""b""]}"'
        taken(write("t.csv", f'{head}1,1,2024,1,1.5,{cell},"{UP}"\n'))


def test_the_given_labels_of_label_studio(write):
    entries = [
        {"completed_by": 1, "created_at": "2024-01-01", "result": [choices("up")]},
        {
            "completed_by": {"id": 2, "email": "b@x.y"},
            "updated_at": "2024-01-02",
            "created_at": "2024-01-01",
            "result": [choices("down")],
        },
        {"completed_by": None, "result": [choices("up")]},
        {"completed_by": 3, "was_cancelled": True, "result": [choices("up")]},
    ]
    path = write("t.json", json.dumps([task(UP, annotations=entries)]))
    assert given_labels(path) == [
        [
            ("label", "up", "1", "2024-01-01"),
            ("label", "down", "b@x.y", "2024-01-02"),
            ("label", "up", None, None),
        ],
    ]


# Argilla


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"fields": {"text": UP}}, None),
        ({"fields": {"text": UP}, "id": "a", "status": "pending"}, None),
        ({"fields": {"text": UP}, "responses": None, "metadata": None, "suggestions": None}, None),
        ({"fields": {"text": UP}, "responses": {"mood": [{"value": "a"}]}}, "a"),
        ({"fields": {"text": UP}, "responses": {"mood": [{"value": ["a"]}]}}, "a"),
        ({"fields": {"text": UP}, "responses": {"mood": [{"value": []}]}}, None),
        ({"fields": {"text": UP}, "responses": {"mood": {"value": "a"}}}, "a"),
        ({"fields": {"text": UP}, "responses": [{"values": {"mood": {"value": "a"}}}]}, "a"),
        (
            {
                "text": UP,
                "mood.responses": ["b", "a"],
                "mood.responses.users": ["u", "v"],
                "mood.responses.status": ["discarded", "submitted"],
                "mood.suggestion": "b",
            },
            "a",
        ),
        (
            {
                "text": UP,
                "mood.responses": None,
                "mood.responses.users": None,
                "mood.suggestion": "b",
            },
            None,
        ),
        (
            {
                "text": UP,
                "mood": [{"user_id": "u", "value": "a", "status": "submitted"}],
                "mood-suggestion": "b",
                "mood-suggestion-metadata": {},
                "external_id": "1",
            },
            "a",
        ),
        (
            {
                "text": UP,
                "annotation": "a",
                "prediction": [{"label": "b", "score": 0.9}],
                "annotation_agent": "u",
                "status": "Validated",
            },
            "a",
        ),
    ],
)
def test_a_record_of_argilla_in_any_form(row, label, given):
    assert given([row])[0] == [(UP, label)]
    assert given([row], name="t.jsonl")[0] == [(UP, label)]


@pytest.mark.models
def test_flat_tables_of_argilla_come_as_csv_and_parquet(taken, write, tmp_path):
    import pandas as pd

    rows = [
        {
            "id": "1",
            "text": UP,
            "label.responses": ["positive"],
            "label.responses.users": ["u"],
            "label.responses.status": ["submitted"],
            "label.suggestion": "negative",
        },
        {
            "id": "2",
            "text": DOWN,
            "label.responses": ["positive", "negative"],
            "label.responses.users": ["u", "v"],
            "label.responses.status": ["draft", "submitted"],
            "label.suggestion": None,
        },
    ]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert taken(tmp_path / name)[0] == BOTH
        assert given_labels(tmp_path / name) == [
            [("label", "positive", "u", None)],
            [("label", "negative", "v", None)],
        ]


def test_questions_of_argilla_that_are_no_labels_stay_columns(make_store, take_in, write):
    spans = [{"start": 0, "end": 2, "label": "x"}]
    row = {"fields": {"text": UP}, "responses": {"parts": [{"value": spans, "user_id": "u"}]}}
    store, report = take_in(make_store(labels=()), write("t.json", json.dumps([row])))
    assert tweets.source_columns(store, 1) == {"parts": spans}
    assert "label" not in report.columns


def test_the_given_labels_of_argilla(write):
    answers = [
        {"value": "a", "user_id": "u"},
        {"value": "b", "user_id": "v", "updated_at": "2024"},
        {"value": "c", "user_id": "w", "status": "draft"},
    ]
    row = {"fields": {"text": UP}, "responses": {"mood": answers}}
    assert given_labels(write("t.json", json.dumps([row]))) == [
        [("label", "a", "u", None), ("label", "b", "v", "2024")]
    ]


# doccano and Prodigy


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"id": 1, "text": UP, "label": ["a"], "Comments": []}, "a"),
        ({"id": 1, "data": UP, "label": ["a"]}, "a"),
        ({"id": 1, "text": UP, "labels": ["a"]}, "a"),
        ({"id": 1, "text": UP, "cats": ["a"], "entities": []}, "a"),
        ({"id": 1, "text": UP, "label": []}, None),
        ({"id": 1, "text": UP, "annotations": [{"label": "a", "user": 1}], "meta": {}}, "a"),
        ({"id": 1, "text": UP, "annotations": []}, None),
    ],
)
def test_a_text_of_doccano_in_any_form(row, label, given):
    assert given([row], name="t.jsonl")[0] == [(UP, label)]
    assert given([row])[0] == [(UP, label)]


def test_a_csv_of_doccano(taken, write):
    path = write("t.csv", f"id,data,label\n1,{UP},positive\n2,{DOWN},negative\n")
    assert taken(path)[0] == BOTH
    path = write("u.csv", f"id,data,label\n1,{UP},a\n2,{DOWN},b\n3,sideways we go,a#b\n")
    with pytest.raises(UserError, match=r"'a#b' \(1 time\) is several labels in one: the labels"):
        taken(path)
    found, _ = taken(path, codes={"a#b": "none", "a": "a", "b": "b"})
    assert found[2] == ("sideways we go", None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": UP, "label": ["a", "b"]}, "the labels 'a', 'b' stand where one is expected"),
        ({"text": UP, "label": [[0, 5, "PER"]]}, "the label marks a part of the text"),
        ({"text": UP, "label": [{"start": 0, "end": 2, "label": "x"}]}, "marks a part of the text"),
        (
            {"text": UP, "annotations": [{"label": 1, "user": 1}, {"label": 2, "user": 1}]},
            "the labels 1 and 2 stand where one is expected",
        ),
        (
            {"text": UP, "annotations": [{"label": 1, "start_offset": 0, "end_offset": 2}]},
            "the annotations mark parts of the text",
        ),
        ({"text": UP, "accept": ["a", "b"], "answer": "accept"}, "the labels 'a', 'b'"),
        (
            {"data": {"text": UP}, "annotations": [{"result": [choices("a", "b")]}]},
            "has the choices 'a', 'b' where one label is expected",
        ),
        ({"fields": {"text": UP}, "responses": {"x": [{"value": ["a", "b"]}]}}, "the labels 'a', "),
        ({"text": UP, "label": {"a": 0.6, "b": 0.4}}, "an object with the keys 'a', 'b'"),
        ({"text": UP, "label": {"a": 1, "b": 1, "c": 0}}, "the labels 'a', 'b'"),
    ],
)
def test_several_labels_are_refused_with_the_record(row, message, given):
    fine = {"text": DOWN, "label": "a"} if "text" in row else row | {"annotations": []}
    fine = {"fields": {"text": DOWN}, "responses": {}} if "fields" in row else fine
    with pytest.raises(UserError, match=rf"record 2, line 2: .*{message}"):
        given([fine, row], name="t.jsonl")


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ({"text": UP, "label": "a", "answer": "accept", "_input_hash": 1}, "a"),
        ({"text": UP, "label": "a", "answer": "reject"}, None),
        ({"text": UP, "label": "a", "answer": "ignore"}, None),
        ({"text": UP, "accept": ["a"], "answer": "accept", "options": [{"id": "a"}]}, "a"),
        ({"text": UP, "accept": [], "answer": "accept", "options": [{"id": "a"}]}, None),
        ({"text": UP, "accept": ["a", "b"], "answer": "ignore"}, None),
        (
            {
                "text": UP,
                "accept": [2],
                "answer": "accept",
                "options": [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}],
            },
            "b",
        ),
        ({"text": UP, "label": "a", "answer": "accept", "meta": {"source": "x"}, "spans": []}, "a"),
    ],
)
def test_an_answer_of_prodigy(row, label, given):
    assert given([row], name="t.jsonl")[0] == [(UP, label)]


def test_what_prodigy_rejected_and_who_answered(make_store, take_in, write):
    rows = [
        {"text": UP, "label": "a", "answer": "reject"},
        {"text": DOWN, "label": "a", "answer": "accept", "_annotator_id": "ana", "_timestamp": 7},
    ]
    path = write("t.jsonl", "\n".join(map(json.dumps, rows)))
    store, _ = take_in(make_store(labels=()), path)
    assert tweets.source_columns(store, 1)["rejected label"] == "a"
    assert given_labels(path) == [[], [("label", "a", "ana", "7")]]


# Data sets


@pytest.mark.models
def test_class_names_of_lists_are_labels(taken, tmp_path):
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    names = ClassLabel(names=["down", "up"])
    features = Features({"text": Value("string"), "labels": Sequence(names)})
    data = {"text": [UP, DOWN, "sideways"], "labels": [[1], [0], []]}
    Dataset.from_dict(data, features=features).to_parquet(tmp_path / "t.parquet")
    assert taken(tmp_path / "t.parquet")[0] == [(UP, "up"), (DOWN, "down"), ("sideways", None)]
    data["labels"][1] = [0, 1]
    Dataset.from_dict(data, features=features).save_to_disk(tmp_path / "set")
    with pytest.raises(UserError, match="record 2: the labels 'down', 'up' stand where one is"):
        taken(tmp_path / "set")


# Containers and nested records


@pytest.mark.parametrize(
    "content",
    [
        {"data": [{"text": UP, "label": "positive"}, {"text": DOWN, "label": "negative"}]},
        {
            "version": "1.0",
            "about": {"a": [1]},
            "tags": [{"a": 1}],
            "rows": [{"text": UP, "label": "positive"}, {"text": DOWN, "label": "negative"}],
            "n": 2,
        },
        {
            "features": [{"name": "text"}],
            "rows": [
                {"row_idx": 0, "row": {"text": UP, "label": "positive"}, "truncated_cells": []},
                {"row_idx": 1, "row": {"text": DOWN, "label": "negative"}, "truncated_cells": []},
            ],
        },
        [
            {"tweet": {"full_text": UP, "label": "positive"}},
            {"tweet": {"full_text": DOWN, "label": "negative"}},
        ],
        {"text": {"0": UP, "1": DOWN}, "label": {"0": "positive", "1": "negative"}},
        {"text": [UP, DOWN], "label": ["positive", "negative"]},
        {"0": {"text": UP, "label": "positive"}, "1": {"text": DOWN, "label": "negative"}},
        {
            "columns": ["text", "label"],
            "index": [0, 1],
            "data": [[UP, "positive"], [DOWN, "negative"]],
        },
        {
            "schema": {"fields": []},
            "data": [
                {"index": 0, "text": UP, "label": "positive"},
                {"index": 1, "text": DOWN, "label": "negative"},
            ],
        },
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_container_of_records_is_opened(content, indent, taken, write):
    for name in ("t.json", "t.jsonl"):
        assert taken(write(name, json.dumps(content, indent=indent)))[0] == BOTH


@pytest.mark.parametrize("form", ["list", "columns", "index"])
def test_a_large_container_is_opened_too(form, read, write):
    rows = [{"text": f"{UP} {n} " + "x" * 200, "n": n, "tags": [{"a": n}]} for n in range(12_000)]
    names = rows[0].keys()
    content = {
        "list": {"about": [{"a": 1}], "data": rows, "end": 1},
        "columns": {name: {str(row["n"]): row[name] for row in rows} for name in names},
        "index": {str(row["n"]): row for row in rows},
    }[form]
    found, source = read(write("t.json", json.dumps(content)))
    assert found == rows
    assert (source.container, source.orient) == {
        "list": ("data", None),
        "columns": (None, "columns"),
        "index": (None, "index"),
    }[form]


def test_what_stands_beside_the_records_is_named(taken, write):
    path = write("t.json", json.dumps({"version": 1, "data": [{"text": UP}], "more": []}))
    _, report = taken(path)
    assert report.notices[0] == (
        "The records are those of 'data'; what stands beside them ('version', 'more') is not."
    )


def test_the_full_text_of_a_tweet_wins(taken, write, make_store, take_in):
    rows = [
        {"id": 1, "text": "up and aw…", "truncated": True, "extended_tweet": {"full_text": UP}},
        {"id": 2, "text": DOWN, "truncated": False},
    ]
    path = write("t.jsonl", "\n".join(map(json.dumps, rows)))
    assert [text for text, _ in taken(path)[0]] == [UP, DOWN]
    path = write("t.csv", f"id,text,full_text\n1,up and aw…,{UP}\n2,{DOWN},\n")
    store, report = take_in(make_store(), path)
    assert [tweet.text for tweet in tweets.each(store)] == [UP, DOWN]
    assert report.columns == {"text": "full_text", "id": "id"}


SHORT = "up and aw…"
WHOLE = [
    {"text": SHORT, "truncated": True, "extended_tweet": {"full_text": UP}},
    {"text": f"{SHORT} https://t.co/x", "note_tweet": {"text": UP}},
    {"text": SHORT, "full_text": UP},
    {"text": SHORT, "truncated": True, "full_text": UP},
    {"text": SHORT, "retweeted_status": {"text": SHORT, "full_text": UP}},
    {"text": SHORT, "retweeted_status": {"text": UP}},
    {"full_text": SHORT, "retweeted_status": {"full_text": UP}},
    {"text": SHORT, "full_text": SHORT, "retweeted_status": {"full_text": UP}},
]


@pytest.mark.parametrize("before", [0, 250])
@pytest.mark.parametrize("row", WHOLE)
def test_a_cut_tweet_has_its_full_text_wherever_it_stands(row, before, given):
    name = "text" if "text" in row else "full_text"
    rows = [{name: f"short tweet {n}"} for n in range(before)]
    found, report = given([*rows, row], "t.jsonl")
    assert (found[-1], report.notices[:-1]) == ((UP, None), ())


def as_parquet(rows, path):
    pq.write_table(pa.Table.from_pylist(rows), path)


def as_datasets(rows, path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(rows).save_to_disk(str(path))


def as_csv(rows, path):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(
            {k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()} for row in rows
        )


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("row", WHOLE)
@pytest.mark.parametrize(("save", "name"), [(as_parquet, "t.parquet"), (as_csv, "t.csv")])
def test_a_cut_tweet_has_its_full_text_in_every_container(
    save, name, row, lenient, taken, tmp_path
):
    named = "text" if "text" in row else "full_text"
    nothing = dict.fromkeys(row)
    path = tmp_path / name
    save([row, *(nothing | {named: f"short tweet {n}"} for n in range(3))], path)
    found, report = taken(path, lenient=lenient)
    assert found[0] == (UP, None)
    assert not [notice for notice in report.notices if "cut" in notice]
    if "truncated" in row:
        save([{"text": SHORT, "truncated": True, "id": 1}], path)
        assert any("the text is cut" in notice for notice in taken(path)[1].notices)


def test_a_cut_tweet_has_its_full_text_in_a_datasets_folder(taken, tmp_path):
    as_datasets(WHOLE[:1], tmp_path / "set")
    assert taken(tmp_path / "set")[0] == [(UP, None)]


def test_a_retweet_keeps_whose_it_is(given):
    original = {"text": SHORT, "truncated": True, "extended_tweet": {"full_text": UP}}
    row = {"text": "RT @ana: up…", "truncated": False, "retweeted_status": original}
    assert given([row])[0] == [(f"RT @ana: {UP}", None)]
    assert given([row | {"text": "RT @ana: Up"}])[0] == [("RT @ana: Up", None)]


@pytest.mark.parametrize(
    "row",
    [
        {"text": SHORT, "truncated": True},
        {"text": SHORT, "truncated": True, "extended_tweet": None},
        {"text": SHORT, "retweeted_status": {"text": f"{SHORT} more", "truncated": True}},
        {"text": SHORT, "retweeted_status": {"text": "something else"}},
    ],
)
def test_a_cut_tweet_without_its_full_text_is_said(row, given):
    _, report = given([row])
    assert "1 record: the text is cut, and the full text is not in the record." in report.notices


@pytest.mark.parametrize("lenient", [False, True])
def test_a_cut_tweet_of_a_table_without_its_full_text_is_said(lenient, taken, write):
    head = "text,truncated"
    path = write("t.csv", f"{head}\n{SHORT},True\n{SHORT},False\n{UP},True\n")
    said = "1 record: the text is cut, and the full text is not in the record."
    assert said in taken(path, lenient=lenient)[1].notices
    path = write("t.csv", f"{head},full_text\n{SHORT},True,{UP}\n")
    assert not [notice for notice in taken(path)[1].notices if "cut" in notice]


def test_the_full_text_may_come_late_in_a_table(taken, write):
    rows = "".join(f"short tweet {n},\n" for n in range(250))
    found, _ = taken(write("t.csv", f"text,full_text\n{rows}{SHORT},{UP}\n"))
    assert (found[0], found[-1]) == (("short tweet 0", None), (UP, None))


def test_a_text_that_is_no_beginning_of_the_full_text_is_another_one(taken, write):
    path = write("t.jsonl", json.dumps({"text": "a headline", "full_text": UP}))
    assert taken(path, columns={"text": "text"})[0] == [("a headline", None)]


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        (["up", "and", "away", 7], "up and away 7"),
        ([{"text": "up"}, {"text": "we"}], "up we"),
        (12345, "12345"),
        (1.5, "1.5"),
        ({"content": UP}, UP),
    ],
)
def test_texts_that_are_no_strings(text, read_as, given):
    assert given([{"text": text, "label": "a"}])[0] == [(read_as, "a")]


@pytest.mark.parametrize("text", [None, "", "  ", [], {}, "\ufeff", "\x1a", [[]], float("nan")])
def test_a_file_that_brings_nothing_fails(text, given, make_store, take_in, write):
    with pytest.raises(UserError, match=r"its only row has no text in column 'text'; name"):
        given([{"text": text, "label": "a"}], columns={"text": "text"})


def test_a_file_that_is_there_already_brings_nothing_and_is_fine(make_store, take_in, write):
    path = write("t.jsonl", json.dumps({"text": UP}))
    store, _ = take_in(make_store(), path)
    assert take_in(store, path)[1].existing == 1


@pytest.mark.parametrize(
    ("name", "header", "rejected"),
    [
        ("m.csv", "Input.text,Answer.label,AssignmentStatus,WorkerId", "Rejected"),
        ("t.csv", "INPUT:text,OUTPUT:label,ASSIGNMENT:status,ASSIGNMENT:worker_id", "REJECTED"),
    ],
)
def test_rejected_assignments_of_crowd_platforms_are_no_judgements(
    name, header, rejected, taken, write
):
    rows = ("up,Approved,w1", f"down,{rejected},w2", f"spam,{rejected},w3")
    path = write(name, f"{header}\n" + "".join(f"some text here,{row}\n" for row in rows))
    found, report = taken(path)
    assert found == [("some text here", "up")]
    assert report.labels == {"up": 1}
    assert any(notice.startswith("2 records: the assignment was") for notice in report.notices)
    book = openpyxl.Workbook()
    for row in (header, *(f"some text here,{row}" for row in rows)):
        book.active.append(row.split(","))
    book.save(path.with_suffix(".xlsx"))
    assert taken(path.with_suffix(".xlsx"))[0] == found


@pytest.mark.parametrize(
    "labels", [("a|c", "b", "a"), ("a#c", "b#c"), ("positive;d", "x"), ("a,b", "b")]
)
def test_labels_that_are_several_in_one_are_refused(labels, taken, write):
    path = write(
        "t.csv", "text,label\n" + "".join(f'text {n},"{x}"\n' for n, x in enumerate(labels))
    )
    with pytest.raises(UserError, match="is several labels in one"):
        taken(path)


def test_marks_between_labels_may_stand_in_the_name_of_one(taken, write):
    labels = ["other, please specify", "other", "x|y"]
    rows = "".join(f'text {n},"{label}"\n' for n, label in enumerate(labels))
    assert [label for _, label in taken(write("t.csv", "text,label\n" + rows))[0]] == labels


def test_what_stands_between_the_label_and_text_of_fasttext_is_no_text(taken, write):
    path = write("t.txt", "__label__up , up we go\n__label__down down, it goes\n, no label here\n")
    assert taken(path)[0] == [
        ("up we go", "up"),
        ("down, it goes", "down"),
        (", no label here", None),
    ]


def test_printed_lists_of_tokens_are_joined(taken, write):
    path = write("t.csv", "tokens,label\n\"['up', 'we']\",up\n\"['down', 'it, is']\",down\n")
    assert taken(path)[0] == [("up we", "up"), ("down it, is", "down")]
    path = write("u.csv", "text,label\n\"['up', 'we']\",up\nplain text,down\n")
    assert taken(path)[0] == [("['up', 'we']", "up"), ("plain text", "down")]


@pytest.mark.parametrize(
    "beside",
    [
        {"features": {"mood": {"names": ["negative", "positive"], "_type": "ClassLabel"}}},
        {"features": [{"name": "mood", "type": {"names": ["negative", "positive"]}}]},
        {"label_names": ["negative", "positive"]},
        {"config": {"id2label": {"0": "negative", "1": "positive"}}},
    ],
)
def test_names_of_codes_beside_the_records_are_their_names(beside, taken, write):
    rows = [{"text": UP, "label": 1}, {"text": DOWN, "label": 0}]
    path = write("t.json", json.dumps(beside | {"rows": rows}))
    found, report = taken(path)
    assert found == BOTH
    assert "The file says what its labels mean (0=negative, 1=positive)." in report.notices
    assert [label for _, label in taken(path, codes={"0": "down", "1": "up"})[0]] == ["up", "down"]
    words = [{"text": UP, "label": "positive"}, {"text": DOWN, "label": "negative"}]
    assert taken(write("w.json", json.dumps(beside | {"rows": words})))[0] == BOTH


def test_an_array_for_each_split_is_read_whole(make_store, take_in, write):
    parts = {"train": [{"text": UP}], "Test": [{"text": DOWN}], "valid": [{"text": "so so"}]}
    for more in ([], [{"text": f"text number {n}"} for n in range(30_000)]):
        parts["train"] += more
        store, report = take_in(make_store(str(len(more))), write("t.json", json.dumps(parts)))
        assert report.added == 3 + len(more)
        splits = {tweet.text: tweet.split for tweet in tweets.each(store)}
        assert (splits[UP], splits[DOWN], splits["so so"]) == ("train", "test", "dev")


def test_formulas_that_hold_a_text_are_that_text(make_store, take_in, write):
    rows = 'id,text,label\n"=""001""",up we go,"=""positive"""\n002,down,negative\n'
    store, _ = take_in(make_store(), write("t.csv", rows))
    found = [(tweet.external_id, tweet.label) for tweet in tweets.each(store)]
    assert found == [("001", "positive"), ("002", "negative")]


@pytest.mark.parametrize("column", ["Usage", "subset", "what it is for"])
def test_a_column_of_splits_is_found_by_its_name_or_its_values(column, make_store, take_in, write):
    rows = f"text,{column}\n{UP},Training\n{DOWN},test\n"
    store, report = take_in(make_store(), write("t.csv", rows))
    assert report.columns["split"] == column
    assert [tweet.split for tweet in tweets.each(store)] == ["train", "test"]


@pytest.mark.parametrize("rows", [2, 9_000, 16_000, 30_000])
def test_a_container_of_any_size_is_one(rows, taken, write):
    records = [{"text": f"text number {n}", "label": "ab"[n % 2]} for n in range(rows)]
    _, report = taken(write("t.json", json.dumps({"data": records})))
    assert report.added == rows


def test_records_deep_in_an_object_are_found(taken, write):
    records = [{"text": UP, "label": "positive"}, {"text": DOWN, "label": "negative"}]
    value = {"status": {"code": 200}, "result": {"page": {"data": records}, "n": 2}}
    found, report = taken(write("t.json", json.dumps(value)))
    assert found == BOTH
    assert report.notices == ("The records are those of 'result.page.data'.",)
    records[1] = 7
    with pytest.raises(UserError, match="record 2: an object with a text is expected"):
        taken(write("u.json", json.dumps(value)))


def test_lines_of_arrays_are_told_as_such(taken, write):
    path = write("t.jsonl", f'["{UP}", "positive"]\n["{DOWN}", "negative"]\n')
    with pytest.raises(UserError, match="record 1, line 1: an object with a text is expected"):
        taken(path)

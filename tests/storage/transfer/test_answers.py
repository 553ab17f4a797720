"""Judgements of several annotators in files for Label Studio and Argilla, there and back."""

from __future__ import annotations

import json
import uuid

import pytest

from storage.history import integrity, labels
from storage.query import tweets
from storage.store import open_store
from storage.transfer import exporting

CROWD = (
    "id,text,label,annotator\n"
    "1,up we go,positive,ana\n1,up we go,positive,ben\n1,up we go,negative,eve\n"
    "2,tied tweet,positive,ana\n2,tied tweet,negative,ben\n"
    "3,decided tweet,positive,ana\n3,decided tweet,negative,ben\n"
    "4,cleared tweet,positive,ana\n4,cleared tweet,positive,ben\n"
)


@pytest.fixture
def crowd(make_store, take_in, write):
    """A majority, a tie, a tie that ana decided, and an agreement that was taken away."""
    store, _ = take_in(make_store(), write("crowd.csv", CROWD))
    labels.assign(store, [3], "negative")
    labels.assign(store, [4], None)
    return store


def known(store):
    return [
        (
            t.text,
            t.gold,
            t.label,
            [
                (e["annotator"], e["kind"], e["field"], e["new"])
                for e in labels.history(store, t.id)
            ],
        )
        for t in tweets.each(store)
    ]


@pytest.mark.parametrize("form", ["labelstudio", "argilla"])
def test_annotators_come_back_as_they_were(form, crowd, make_store, take_in, tmp_path):
    path = tmp_path / "t.json"
    exporting.export(crowd, path, form=form)
    first = json.loads(path.read_text())[0]
    assert len(first["annotations"] if form == "labelstudio" else first["responses"]["label"]) == 3
    other, _ = take_in(make_store("other", annotator="zoe"), path)
    assert known(other) == known(crowd)
    assert integrity.check(other) == []
    assert [t.label for t in tweets.each(other)] == ["positive", None, "negative", None]
    assert list(tweets.listing(other, "conflict:yes")) == list(
        tweets.listing(crowd, "conflict:yes")
    )
    again, report = take_in(other, path)
    assert (report.added, report.existing, report.restored) == (0, 4, 0)
    assert known(again) == known(crowd)


@pytest.mark.parametrize("form", ["labelstudio", "argilla"])
def test_without_histories_they_are_judgements(form, crowd, make_store, take_in, tmp_path):
    path = tmp_path / "t.json"
    exporting.export(crowd, path, "id:<4", form=form, columns="external_id,text")
    other, _ = take_in(make_store("other", annotator="zoe"), path)
    assert [t.label for t in tweets.each(other)][:2] == ["positive", None]
    names = ["ana", "ben", "eve"]
    if form == "argilla":  # which knows users by a UUID
        names = [str(uuid.uuid5(uuid.NAMESPACE_OID, name)) for name in names]
    judged = [
        (e["annotator"], e["new"]) for e in labels.history(other, 1) if e["field"] == "judgement"
    ]
    assert sorted(judged) == sorted(zip(names, ["positive", "positive", "negative"], strict=True))


@pytest.mark.parametrize("form", ["labelstudio", "argilla"])
def test_an_answer_added_there_is_a_label_of_the_importer(
    form, crowd, take_in, make_store, tmp_path
):
    path = tmp_path / "t.json"
    exporting.export(crowd, path, form=form)
    rows = json.loads(path.read_text())
    if form == "labelstudio":
        added = json.loads(json.dumps(rows[1]["annotations"][0]))
        del added["result"][0]["meta"]
        added |= {"completed_by": 7, "created_at": "2099-01-01T00:00:00Z"}
        rows[1]["annotations"].append(added)
    else:
        rows[1]["responses"]["label"].append({"value": "positive", "user_id": "x"})
    path.write_text(json.dumps(rows))
    other, _ = take_in(make_store("other", annotator="zoe"), path)
    assert [t.label for t in tweets.each(other)] == ["positive", "positive", "negative", None]
    assert labels.history(other, 2)[-1]["annotator"] == "zoe"


def test_label_studio_is_told_no_user_that_it_may_not_know(crowd, tmp_path):
    exporting.export(crowd, tmp_path / "t.json", form="labelstudio")
    for task in json.loads((tmp_path / "t.json").read_text()):
        assert all("completed_by" not in entry for entry in task["annotations"])


def test_a_label_of_somebody_here_counts_among_the_answers(crowd, tmp_path):
    with_ben = open_store(crowd.folder, "ben")
    labels.assign(with_ben, [1], "negative")
    with_ben.close()
    exporting.export(crowd, tmp_path / "t.json", form="labelstudio")
    first = json.loads((tmp_path / "t.json").read_text())[0]
    said = {
        entry["result"][0]["meta"]["annotator"]: entry["result"][0]["value"]["choices"][0]
        for entry in first["annotations"]
    }
    assert said == {"ana": "positive", "ben": "negative", "eve": "negative"}

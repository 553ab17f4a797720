"""Records of Label Studio and Argilla, as these programs write and read them."""

from __future__ import annotations

import json

import pytest

from storage.errors import UserError
from storage.history import labels
from storage.history.events import EditContext
from storage.query import tweets
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions
from storage.transfer import exporting


def choice(*names, control="sentiment"):
    return {
        "id": "a1",
        "from_name": control,
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
        "value": {"choices": list(names)},
    }


def annotation(*results, **more):
    return {"id": 1, "completed_by": 3, "was_cancelled": False, "result": list(results)} | more


def task(text, *annotations, **more):
    data = {"text": text, "ticker": "TSLA"}
    return {"id": 7, "data": data, "annotations": list(annotations), "predictions": []} | more


def taken(rows, make_store, take_in, write, **options):
    store, _ = take_in(make_store(), write("t.json", json.dumps(rows)), **options)
    return {tweet.text: tweet.label for tweet in tweets.each(store)}, store


def test_label_studio_tasks_give_the_choice_of_the_completed_annotation(make_store, take_in, write):
    rows = [
        task("one annotation", annotation(choice("Positive"))),
        task("none", annotation(choice("Positive"), was_cancelled=True)),
        task("skipped", annotation()),
        task(
            "the newest counts",
            annotation(choice("Positive"), updated_at="2026-02-02T00:00:00Z"),
            annotation(choice("Negative"), updated_at="2026-03-01T00:00:00Z"),
        ),
        task(
            "ground truth counts more",
            annotation(choice("Positive"), ground_truth=True, updated_at="2026-01-01T00:00:00Z"),
            annotation(choice("Negative"), updated_at="2026-03-01T00:00:00Z"),
        ),
        task("a guess only", predictions=[{"score": 0.9, "result": [choice("Negative")]}]),
        {
            "id": 9,
            "data": {"text": "an old export"},
            "completions": [annotation(choice("Negative"))],
        },
    ]
    found, store = taken(rows, make_store, take_in, write)
    assert found == {
        "one annotation": "positive",
        "none": None,
        "skipped": None,
        "the newest counts": "negative",
        "ground truth counts more": "positive",
        "a guess only": None,
        "an old export": "negative",
    }
    first, guess = tweets.tweet(store, 1), tweets.source_columns(store, 6)
    assert first.external_id == "7"
    assert tweets.source_columns(store, 1) == {"ticker": "TSLA"}
    assert guess == {"ticker": "TSLA", "predicted label": "Negative"}


def test_two_controls_are_two_columns(make_store, take_in, write):
    rows = [task("up we go", annotation(choice("Positive"), choice("stocks", control="topic")))]
    found, store = taken(rows, make_store, take_in, write)
    assert found == {"up we go": "positive"}
    assert tweets.source_columns(store, 1)["topic"] == "stocks"


def test_two_choices_are_one_sentence(make_store, take_in, write):
    rows = [task("up we go", annotation(choice("Positive", "Negative")))]
    with pytest.raises(UserError, match="task 7 has the choices 'Positive', 'Negative'"):
        taken(rows, make_store, take_in, write)


def test_argilla_records_give_the_submitted_response(make_store, take_in, write):
    user = "d3d1a5d8-0f0c-4a6e-9f5b-0d4c8c2b6f11"
    suggestion = {"label": {"value": "negative", "score": 0.9, "agent": "model"}}
    rows = [
        {
            "id": "a",
            "fields": {"text": "answered"},
            "metadata": {"ticker": "TSLA"},
            "suggestions": suggestion,
            "vectors": {"v": [0.1]},
            "responses": {"label": [{"value": "positive", "user_id": user}]},
            "_server_id": None,
        },
        {
            "id": "b",
            "fields": {"text": "suggested"},
            "metadata": {},
            "suggestions": suggestion,
            "responses": {},
            "vectors": {},
        },
        {
            "id": "c",
            "fields": {"text": "a draft"},
            "suggestions": {},
            "metadata": {},
            "responses": {"label": [{"value": "positive", "user_id": user, "status": "draft"}]},
        },
        {
            "id": 4,
            "fields": {"text": "of version 1"},
            "external_id": "d",
            "metadata": {},
            "responses": [{"values": {"label": {"value": "negative"}}, "status": "submitted"}],
            "suggestions": [{"question_name": "label", "value": "positive"}],
        },
    ]
    found, store = taken(rows, make_store, take_in, write)
    assert found == {
        "answered": "positive",
        "suggested": None,
        "a draft": None,
        "of version 1": "negative",
    }
    assert tweets.source_columns(store, 1) == {"ticker": "TSLA", "predicted label": "negative"}
    assert [tweet.external_id for tweet in tweets.each(store)] == ["a", "b", "c", "d"]


@pytest.fixture
def predicted(small):
    """A correction, and the predictions of a run for the first two tweets."""
    labels.assign(small, [1], "negative", EditContext(queue="suspects"))
    for number in ("a", "b", "c"):
        run = runs.add(small, number, "train", "fast", None, ("positive", "negative"))
    given = [(1, (0.25, 0.75)), (2, (0.5, 0.5))]
    add_predictions(small, run, [Prediction(t, row, 0.1, 0.1, False) for t, row in given])
    return small


def test_label_studio_gets_what_it_imports(predicted, tmp_path):
    exporting.export(predicted, tmp_path / "t.json", form="labelstudio")
    first, *_, last = json.loads((tmp_path / "t.json").read_text())
    assert first["data"]["text"] == "up we go"
    assert first["annotations"] == [
        {
            "result": [
                {
                    "from_name": "label",
                    "to_name": "text",
                    "type": "choices",
                    "value": {"choices": ["negative"]},
                }
            ]
        }
    ]
    assert first["predictions"][0]["model_version"] == "run 3"
    assert first["predictions"][0]["score"] == 0.75
    assert first["predictions"][0]["result"][0]["value"] == {"choices": ["negative"]}
    assert last["annotations"] == last["predictions"] == []


def test_argilla_gets_what_it_imports(predicted, tmp_path):
    exporting.export(predicted, tmp_path / "t.json", form="argilla")
    first, *_, last = json.loads((tmp_path / "t.json").read_text())
    assert set(first) == {"id", "fields", "metadata", "suggestions", "responses", "vectors"}
    assert first["fields"] == {"text": "up we go"}
    assert first["responses"]["label"][0]["value"] == "negative"
    assert first["suggestions"]["label"] == {
        "value": "negative",
        "score": 0.75,
        "agent": "run 3",
    }
    plain = (str, int, float, bool, list, type(None))
    assert all(isinstance(value, plain) for value in first["metadata"].values())
    assert last["responses"] == last["suggestions"] == {}


def test_an_argilla_user_can_be_named(predicted, reopen, tmp_path):
    user = "d3d1a5d8-0f0c-4a6e-9f5b-0d4c8c2b6f11"
    exporting.export(reopen(predicted, user), tmp_path / "t.json", form="argilla")
    first = json.loads((tmp_path / "t.json").read_text())[0]
    assert first["responses"]["label"][0]["user_id"] == user


@pytest.mark.parametrize("form", ["labelstudio", "argilla"])
def test_a_label_given_elsewhere_is_an_event_of_the_importer(
    form, predicted, make_store, take_in, tmp_path
):
    path = tmp_path / "t.json"
    exporting.export(predicted, path, form=form)
    rows = json.loads(path.read_text())
    if form == "labelstudio":
        rows[1]["annotations"] = [annotation(choice("Negative"))]
    else:
        rows[1]["responses"] = {"label": [{"value": "negative", "user_id": "x"}]}
    path.write_text(json.dumps(rows))
    other, _ = take_in(make_store("other", annotator="eve"), path)
    tweet = tweets.tweet(other, 2)
    assert (tweet.gold, tweet.label) == ("positive", "negative")
    assert labels.history(other, 2)[-1]["annotator"] == "eve"
    assert tweets.tweet(other, 1).label == "negative"
    assert len(labels.history(other, 1)) == 2

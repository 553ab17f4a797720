"""What a model says of a text, in the shapes in which people bring it."""

from __future__ import annotations

import json

import pytest

from storage.config import Config
from storage.errors import UsageError
from storage.formats.position import RecordError
from storage.formats.values import codes, scores
from storage.formats.values.scores import LabelMeanings

NAMED = {"LABEL_0": "negative", "LABEL_1": "positive"}


def read(row, labels=("positive", "negative"), given=None, **named):
    meanings = LabelMeanings(Config(labels=labels), codes.codes(given or {}))
    columns = scores.find([row], meanings, named, "f.csv")
    found = scores.reader(columns, meanings)(row)
    return None if found is None else scores.checked(found), columns


def pairs(up, down):
    return [{"label": "LABEL_1", "score": up}, {"label": "LABEL_0", "score": down}]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "a", "positive": 0.7, "negative": 0.3},
        {"Negative": "0.3", "POSITIVE": "0,7"},
        {"probability_negative": 0.3, "probability_positive": 0.7, "label": "negative"},
        {"p_positive": 0.7, "p_negative": 0.3, "positive": 1, "negative": 0},
        {"positive_score": 0.7, "negative_score": 0.3},
        {"p_LABEL_1": 0.7, "p_LABEL_0": 0.3},
        {"out": {"negative": 0.3, "positive": 0.7}},
        {"out": pairs(0.7, 0.3)},
        {"out": [pairs(0.7, 0.3)]},
        {"out": json.dumps(pairs(0.7, 0.3))},
        {"out": str(pairs(0.7, 0.3))},
        {"label": "LABEL_1", "score": 0.7},
        {"label": "negative", "predicted_label": "positive", "confidence": 0.7},
        {"label": "negative", "out": {"label": "LABEL_1", "score": 0.7}},
        {"out": pairs(0.7, 0.3)[:1]},
    ],
)
def test_probabilities_come_in_many_shapes(row):
    found, _ = read(row, given=NAMED)
    assert found == pytest.approx((0.7, 0.3))


def test_labels_of_several_words_are_found_in_names_of_columns():
    row = {"probability_strong_buy": 0.25, "probability_sell": 0.75}
    assert read(row, ("strong buy", "sell"))[0] == (0.25, 0.75)
    assert read(row, ("sell", "strong_buy"))[0] == (0.75, 0.25)


def test_a_label_is_known_by_its_word_and_by_former_names():
    config = Config(labels=("up", "down"), words={"up": "Bullish"}, former={"negative": "down"})
    meanings = LabelMeanings(config, codes.codes({}))
    names = ("UP", "bullish", "Negative", "p_negative", "sideways")
    assert [meanings.of_column(name) for name in names] == [0, 0, 1, 1, None]


def test_a_label_without_the_others_is_spread_and_known_as_such():
    found, columns = read({"label": "b", "score": 0.5}, ("a", "b", "c"))
    assert (found, columns.whole, columns.sure) == ((0.25, 0.5, 0.25), False, True)
    found, columns = read({"prediction": "b"}, ("a", "b", "c"))
    assert (found, columns.whole, columns.sure) == ((0, 1, 0), False, False)
    assert read({"a": 0.2, "b": 0.3, "c": 0.5}, ("a", "b", "c"))[1].whole


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"positive": 2.5, "negative": -1.5}, r"negative \(2.5, -1.5\), as logits are"),
        ({"positive": 3.5, "negative": 1.5}, "add up to 5, not 1.*logits need softmax"),
        ({"positive": 70, "negative": 30}, r"add up to 100, not 1 \(--normalise"),
        ({"positive": 0.5, "negative": 0.4}, "0.5, 0.4 add up to 0.9, not 1"),
        ({"positive": 0, "negative": 0}, "add up to 0, not 1$"),
        ({"positive": float("nan"), "negative": 1}, "is no finite number"),
        ({"positive": "inf", "negative": 1}, "is no finite number"),
        ({"positive": 0.5, "negative": None}, "there is no probability of 'negative'"),
        ({"out": [{"label": "up", "score": 1}, {"label": "negative", "score": 0}]}, "'up' is none"),
        ({"out": {"positive": 0.5, "Positive": 0.5}}, "'positive' has two scores"),
        ({"label": "up", "score": 0.7}, "'up' is none of this workspace.*--map"),
        ({"label": "positive", "score": 0.3}, "0.3 cannot be that of the most probable of 2"),
        ({"label": "positive", "score": "high"}, "'high' is no probability"),
    ],
)
def test_what_is_no_distribution_is_refused(row, said):
    named = {"label": "label", "confidence": "score"} if "label" in row else {}
    if row.get("negative", 1) is None:
        meanings = LabelMeanings(Config(labels=("positive", "negative")), codes.codes({}))
        columns = scores.ScoreColumns(("positive", "negative"))
        with pytest.raises(RecordError, match=said):
            scores.reader(columns, meanings)(row)
        return
    with pytest.raises(RecordError, match=said):
        read(row, **named)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "a", "label": "positive"}, "has no predictions"),
        ({"positive": 0.4, "text": "a"}, "no probability of 'negative'"),
        ({"p_positive": 0.4, "p_up": 0.6}, "'p_up' names a label that this workspace does not"),
        ({"p_positive": 1, "prob_positive": 1, "p_negative": 0}, "two columns for the probability"),
    ],
)
def test_columns_that_are_no_predictions_are_refused(row, said):
    with pytest.raises(UsageError, match=said):
        read(row)


def test_rounded_probabilities_are_taken_and_others_on_request():
    assert scores.checked((0.334, 0.333, 0.333)) == (0.334, 0.333, 0.333)
    assert sum(scores.checked((0.33, 0.33, 0.33))) == pytest.approx(1)
    assert scores.checked((70.0, 30.0), normalise=True) == (0.7, 0.3)
    with pytest.raises(RecordError, match="logits"):
        scores.checked((2.0, -1.0), normalise=True)


def test_a_row_without_a_prediction_has_none():
    meanings = LabelMeanings(Config(labels=("positive", "negative")), codes.codes({}))
    for columns, row in (
        (scores.ScoreColumns(("a", "b")), {"a": None, "b": ""}),
        (scores.ScoreColumns(scores="out"), {"out": []}),
        (scores.ScoreColumns(label="label"), {"label": " "}),
    ):
        assert scores.reader(columns, meanings)(row) is None

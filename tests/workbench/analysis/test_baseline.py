"""The baseline: honest out-of-fold probabilities, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from storage.errors import UserError
from workbench.analysis.baseline import fit_baseline, predict

UP = ["stocks go up today", "bull run ahead", "to the moon", "great gains now", "buy more calls"]
DOWN = ["stocks crash today", "bear market ahead", "down it goes", "heavy losses", "sell all puts"]
TEXTS = [f"{text} {n}" for n in range(6) for text in (*UP, *DOWN)]
LABELS = [0] * 5 + [1] * 5
GIVEN = LABELS * 6


def out_of_fold(texts, labels, groups, n_labels=2, folds=5, seed=42):
    return fit_baseline(texts, labels, groups, n_labels, folds, 10.0, seed).out_of_fold


def test_it_learns_words():
    rows = predict(TEXTS, GIVEN, ["bull gains", "bear losses"], 2, 10.0)
    assert rows.argmax(axis=1).tolist() == [0, 1]
    assert rows.sum(axis=1) == pytest.approx([1, 1])


def test_out_of_fold_probabilities_sum_to_one_and_are_right_mostly():
    rows = out_of_fold(TEXTS, GIVEN, range(len(TEXTS)))
    assert rows.sum(axis=1) == pytest.approx(np.ones(len(TEXTS)))
    assert (rows.argmax(axis=1) == GIVEN).mean() > 0.9


def test_no_text_is_predicted_by_a_model_that_saw_it():
    """Words that nothing else shares: knowing the text itself is the only way to be right."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 9)) for _ in range(60)]
    labels = rng.integers(0, 2, 60).tolist()
    seen = predict(words, labels, words, 2, 10.0)
    assert (seen.argmax(axis=1) == labels).mean() == 1.0
    rows = out_of_fold(words, labels, range(60))
    assert (rows.argmax(axis=1) == labels).mean() < 0.75


def test_no_text_is_predicted_by_a_model_that_saw_its_double():
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 9)) for _ in range(40)]
    labels = rng.integers(0, 2, 40).tolist()
    texts, given, groups = words * 3, labels * 3, [*range(40)] * 3
    leaking = out_of_fold(texts, given, range(120))
    assert (leaking.argmax(axis=1) == given).mean() > 0.95
    rows = out_of_fold(texts, given, groups)
    assert (rows.argmax(axis=1) == given).mean() < 0.75


def test_the_same_seed_gives_the_same_probabilities():
    first = out_of_fold(TEXTS, GIVEN, range(60), seed=1)
    assert np.array_equal(first, out_of_fold(TEXTS, GIVEN, range(60), seed=1))
    assert not np.array_equal(first, out_of_fold(TEXTS, GIVEN, range(60), seed=2))


def test_a_label_without_tweets_gets_no_probability():
    rows = predict(TEXTS, [2 * label for label in GIVEN], ["bull gains"], 4, 10.0)
    assert rows[0, [1, 3]].tolist() == [0, 0]
    assert rows.sum() == pytest.approx(1)


def test_nothing_to_predict_is_no_error():
    assert predict(TEXTS, GIVEN, [], 2, 10.0).shape == (0, 2)


def test_one_label_alone_is_refused():
    with pytest.raises(UserError, match="all carry one label"):
        predict(TEXTS, [0] * 60, ["x"], 2, 10.0)
    with pytest.raises(UserError, match="two different"):
        out_of_fold(TEXTS, GIVEN, [7] * 60)


@pytest.mark.parametrize(("rare", "n"), [(1, 10), (2, 10), (1, 2), (1, 3)])
def test_few_tweets_or_one_rare_label_give_probabilities_or_a_sentence(rare, n):
    texts = [f"{TEXTS[i]} number{i}" for i in range(n)]
    labels = [1] * rare + [0] * (n - rare)
    try:
        rows = out_of_fold(texts, labels, range(n))
    except UserError as error:
        assert "label" in str(error)
    else:
        assert rows.sum(axis=1) == pytest.approx(np.ones(n))


@pytest.mark.parametrize(
    "texts", [["🚀", "🤑", "🚀🚀", "📉"], ["a", "b", "c", "d"], ["!", "?", ".", ","]]
)
def test_texts_without_words_give_probabilities_or_a_sentence(texts):
    try:
        rows = predict(texts, [0, 0, 1, 1], ["🚀 x", ""], 2, 10.0)
    except UserError:
        return
    assert rows.sum(axis=1) == pytest.approx([1, 1])

"""What an answer hangs on, of models that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.texts.word_effects import MOST_PARTS, explain

WEIGHTS = {"up": 1.0, "moon": 0.8, "down": -1.5, "not": -0.3}


def score(texts):
    """A logistic model of words; the second label is positive."""
    sums = [sum(WEIGHTS.get(word, 0) for word in text.split()) for text in texts]
    up = 1 / (1 + np.exp(-np.array(sums) - 0.1))
    return np.stack([1 - up, up], axis=1).tolist()


def test_effects_are_differences_of_probability():
    found = explain("we go up now", score)
    assert (found.label, [part.text for part in found.parts]) == (1, ["we", "go", "up", "now"])
    whole, without = score(["up", "now"])
    assert [part.effect for part in found.parts] == pytest.approx(
        [0, 0, whole[1] - without[1], 0], abs=1e-12
    )
    assert found.smallest is None  # without words it is positive too


def test_the_smallest_removal_is_one_word_where_one_is_enough():
    found = explain("down it goes up up", score)
    assert found.label == 1
    assert (found.smallest.parts, found.smallest.label) == ((3,), 0)  # either `up`; the first
    assert score([found.smallest.text])[0][0] > 0.5


def test_two_words_where_none_alone_is_enough():
    found = explain("up moon down up", score)
    assert [found.parts[place].text for place in found.smallest.parts] == ["up", "up"]
    for single in ("moon down up", "up down up", "up moon up", "up moon down"):
        assert score([single])[0][1] > 0.5


def test_more_words_in_a_row_where_two_are_not_enough():
    found = explain("down a b c d up up up up", score)
    assert [found.parts[place].text for place in found.smallest.parts] == ["up", "up", "up"]


@given(st.text(max_size=200))
def test_any_text_is_asked_in_one_batch_and_cut_without_loss(text):
    batches = []

    def count(texts):
        batches.append(len(texts))
        return score(texts)

    found = explain(text, count)
    assert len(batches) == 1 and batches[0] == found.tried + 1
    assert len(found.parts) <= MOST_PARTS
    assert all(part.text == text[part.start : part.end] for part in found.parts)
    joined = "".join(part.text for part in found.parts)
    assert "".join(joined.split()) == "".join(text.split())


def test_a_long_text_is_cut_into_parts_of_several_words():
    found = explain(" ".join(f"w{n}" for n in range(100)), score)
    assert len(found.parts) == MOST_PARTS and " " in found.parts[0].text
    assert found.tried < 1_000

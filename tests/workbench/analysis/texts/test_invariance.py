"""Changes that should not matter, and what is counted of a model that minds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.measures.metrics import wilson
from workbench.analysis.texts.invariance import CHANGES, invariance

EXAMPLES = {
    "another cashtag": ("$TSLA up, $gme down, $tsla!", "$XYZ up, $ABCD down, $XYZ!"),
    "without URL": ("see https://x.y/z now", "see now"),
    "without @user": ("hey @ann look", "hey look"),
    "lower case": ("BUY $TSLA Now", "buy $TSLA now"),
    "without emoji": ("up \u2764\ufe0f we go \U0001f680", "up we go"),
    "exclamation marks": ("buy!! now!", "buy. now."),
}


@pytest.mark.parametrize(("name", "texts"), EXAMPLES.items())
def test_a_change_does_what_it_is_called(name, texts):
    before, after = texts
    assert CHANGES[name](before) == after


def test_a_text_without_exclamation_marks_gets_some():
    assert CHANGES["exclamation marks"]("buy.") == "buy!!!"
    assert CHANGES["another cashtag"]("$XYZ up") == "$ABCD up"


@given(st.text(max_size=80))
def test_any_text_is_changed_without_an_error(text):
    for change in CHANGES.values():
        change(text)


def test_flips_are_counted_among_the_texts_that_change():
    def score(texts):  # minds capitals, and nothing else
        return [(0.9, 0.1) if any(map(str.isupper, text)) else (0.2, 0.8) for text in texts]

    found = {each.change: each for each in invariance(["Up", "down", "Hey!"], score)}
    lower = found["lower case"]
    assert (lower.n, [flip.place for flip in lower.flips], lower.rate) == (2, [0, 2], 1.0)
    assert (lower.low, lower.high) == wilson(2, 2)
    assert (found["exclamation marks"].n, found["exclamation marks"].flips) == (3, ())
    assert (found["without URL"].n, found["without URL"].rate) == (0, None)


def test_no_texts_have_no_rates():
    assert all(each.rate is None for each in invariance([], lambda texts: []))

"""The baseline that answers at once: the terms and the answers are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from workbench.analysis.baseline import fit_baseline, stored_model
from workbench.analysis.baseline_model import terms_of
from workbench.analysis.texts.text_features import vectoriser
from workbench.analysis.texts.text_terms import character_terms, folded, word_terms

ODD = st.text(st.sampled_from(list("abÉßİ_9 \t\n'$@🚀")), max_size=40)


@settings(max_examples=200)
@given(ODD)
def test_terms_are_those_of_scikit_learn(text):
    words = TfidfVectorizer(preprocessor=folded, ngram_range=(1, 2)).build_analyzer()
    characters = TfidfVectorizer(
        preprocessor=folded, analyzer="char_wb", ngram_range=(3, 5)
    ).build_analyzer()
    assert word_terms(folded(text)) == words(text)
    assert character_terms(folded(text)) == characters(text)


def made(labels, rows=120):
    rng = np.random.default_rng(labels)
    words = [f"word{n}" for n in range(30)]
    texts = [f"{' '.join(rng.choice(words, 6))} 🚀 http://x.y/{n} it's" for n in range(rows)]
    given = [n % labels for n in range(rows)]
    texts = [f"{text} says{label}" for text, label in zip(texts, given, strict=True)]
    fitted = fit_baseline(texts, given, [n // 2 for n in range(rows)], labels, 3, 1.0, 1)
    return texts, fitted, stored_model(fitted, texts)


@pytest.mark.parametrize("labels", [2, 3])
def test_it_answers_as_the_models_that_were_fitted(labels):
    texts, fitted, model = made(labels)
    asked = [*texts[:5], "", "unknown", "word1 word1 word2 SAYS1", "@ann word3!"]
    assert model.predict(asked) == pytest.approx(fitted.predict(asked), abs=2e-3)
    for place in (0, 7, 119):
        own = model.predict([texts[place]], model.without([texts[place]]))
        assert own[0] == pytest.approx(fitted.out_of_fold[place], abs=2e-3)
    assert model.predict([]).shape == (0, labels)


def test_a_text_is_answered_by_models_that_have_seen_neither_it_nor_others_with_it():
    texts, fitted, model = made(2)
    unseen = {tuple(sorted(row)) for row in (fitted.left_out + 1).tolist()}
    assert model.without(["never seen"]) == (0,)
    for place in range(0, 120, 2):
        pair = model.without(texts[place : place + 2])  # one group, so in the same folds
        assert pair == model.without([texts[place]]) and pair in unseen
    folds = fitted.left_out.tolist()
    first, second = folds.index(min(folds)), folds.index(max(folds))
    assert model.without([texts[first], texts[second]]) == ()


def test_a_text_of_no_known_term_gets_what_is_common():
    _, fitted, model = made(3)
    assert model.predict(["zzz"])[0] == pytest.approx(fitted.predict(["zzz"])[0], abs=1e-6)
    assert terms_of("a") == (
        [],
        [
            "c a ",
        ],
    )
    assert vectoriser(1).fit(["zz a"]).get_feature_names_out().size

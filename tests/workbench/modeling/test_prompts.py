"""Prompts and label words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import UserError
from workbench.modeling.base.loading import load_tokenizer
from workbench.modeling.data.prompts import make_prompter

TEMPLATE = "### Human: {text}\n### Assistant:"


@pytest.fixture(scope="module")
def tokenizer(demo_base):
    return load_tokenizer(str(demo_base))


def test_label_words_follow_the_prompt_with_their_space(tokenizer):
    prompter = make_prompter(tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 64)
    assert prompter.label_tree.branches == {(): [0]}
    [prompt] = prompter.encode(["up"])
    whole = tokenizer("### Human: up\n### Assistant: Positive")["input_ids"]
    assert [*prompt, *prompter.label_token_ids[0]] == whole


@given(text=st.text(max_size=400))
@settings(max_examples=150)
def test_every_prompt_fits_and_keeps_its_question(tokenizer, text):
    prompter = make_prompter(tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 48)
    [prompt] = prompter.encode([text])
    assert len(prompt) + 1 <= 48
    assert tokenizer.decode(prompt).endswith("\n### Assistant:")
    assert tokenizer.decode(prompt).startswith("### Human:")


def test_a_long_text_loses_its_end_only(tokenizer):
    prompter = make_prompter(tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 40)
    text = "first words stay " + "and so on " * 50
    [prompt] = prompter.encode([text])
    assert "first words stay and so on" in tokenizer.decode(prompt)
    assert len(prompt) > 33


@given(text=st.text(max_size=200), times=st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_texts_that_lose_their_end_are_counted(tokenizer, text, times):
    prompter = make_prompter(tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 48)
    wider = make_prompter(tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 4_000)
    cut = prompter.encode([text]) != wider.encode([text])
    assert prompter.count_cut([text] * times) == times * cut


def test_words_that_are_the_same_tokens_are_refused(tokenizer):
    with pytest.raises(UserError, match="cannot be told from another"):
        make_prompter(tokenizer, TEMPLATE, ("a", "b"), ("Positive", "Positive"), 64)


def test_a_length_without_room_for_a_text_is_refused(tokenizer):
    with pytest.raises(UserError, match="max_length"):
        make_prompter(tokenizer, TEMPLATE, ("a", "b"), ("Positive", "Negative"), 16)


def test_falcon_label_words_are_single_tokens(shared_data):
    """The real tokenizer of Falcon-7B, where it is at hand."""
    folder = shared_data.parent / "falcon-tokenizer"
    tokenizer = load_tokenizer_without_model(folder)
    words = ("Positive", "Negative", "Neutral")
    prompter = make_prompter(tokenizer, TEMPLATE, ("p", "n", "z"), words, 64)
    assert prompter.label_token_ids == ((29043,), (40332,), (52219,))


def load_tokenizer_without_model(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer

"""Labels as disjoint outcomes: words of any number of tokens, also where one begins another."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers_by_code import KINDS

from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.loading import load_base
from workbench.modeling.classify import classify_texts
from workbench.modeling.data.batches import label_word_examples, pack, pad
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.label_tree import closed_answers, label_tree
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.export.adapter_folder import adapter_details, save_adapter
from workbench.modeling.packed.forward_backward import target_losses
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.modeling.trainers import train
from workbench.recipes import recipes

TEMPLATE = "{text}\nLabel:"
WORD_SETS = [
    ("buy", "buy more", "sell"),
    ("Bull", "Bullish", "Bear", "Bearish"),
    ("1", "10", "100", "42"),
    ("🚀", "🚀🚀", "💩"),
    ("STRONG BUY", "Buy", "buy"),
    ("a", "a b", "a b c", "a b c d"),
]
RECIPE = recipes.load(
    "tiny", ["training.max_steps=80", "training.learning_rate=1e-2", "lora.dropout=0.0"]
)
END = 9
tokens = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)
words = st.lists(tokens, min_size=2, max_size=7, unique=True)


def reference(logits_after, answers) -> list[float]:
    """The probability that each answer is written, token by token, if nothing else may be."""
    found = []
    for answer in answers:
        probability = 1.0
        for place, token in enumerate(answer):
            options = sorted({a[place] for a in answers if a[:place] == answer[:place]})
            row = logits_after(answer[:place])[options].softmax(0)
            probability *= float(row[options.index(token)])
        found.append(probability)
    return found


@given(words=words, seed=st.integers(0, 99))
def test_the_choices_of_any_set_of_words_lead_to_one_label_each_and_sum_to_1(words, seed):
    answers = closed_answers(words, END)
    assert not any(a != b and b[: len(a)] == a for a in answers for b in answers)
    tree = label_tree(answers)
    table: dict[tuple[int, ...], torch.Tensor] = {}
    generator = torch.Generator().manual_seed(seed)

    def logits_after(path):
        return table.setdefault(path, torch.randn(END + 1, generator=generator))

    probabilities = []
    for decisions in tree.decisions:
        probability = 1.0
        for decision in decisions:
            choice = tree.choices[decision.choice]
            options = logits_after(choice.path)[[tree.columns[c] for c in choice.columns]]
            probability *= float(options.softmax(0)[decision.option])
        probabilities.append(probability)
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    assert probabilities == pytest.approx(reference(logits_after, answers), abs=1e-5)


@given(words=words)
def test_every_choice_lies_on_one_branch(words):
    tree = label_tree(closed_answers(words, END))
    assert sorted(n for numbers in tree.branches.values() for n in numbers) == [
        *range(len(tree.choices))
    ]
    for path, numbers in tree.branches.items():
        for number in numbers:
            assert path[: len(tree.choices[number].path)] == tree.choices[number].path
    assert len(tree.branches) <= len(words) - 1


def test_words_of_one_token_are_one_choice_in_the_order_of_the_labels():
    tree = label_tree(closed_answers([(7,), (3,), (5,)], END))
    assert tree.columns == (7, 3, 5) and tree.branches == {(): [0]}
    assert [tree.column(decision) for [decision] in tree.decisions] == [0, 1, 2]


def test_only_a_word_that_begins_another_needs_its_end():
    assert closed_answers([(1,), (1, 2), (3, 1)], END) == [(1, END), (1, 2), (3, 1)]


@pytest.fixture(scope="module")
def tiny(tiny_base):
    """A function that gives the folder of a small base for a kind of tokenizer, and loads it."""

    def load(kind: str):
        folder = tiny_base(kind)
        return folder, load_base(str(folder), RECIPE.quantization)

    return load


def prompter_for(base, words):
    return make_prompter(base.tokenizer, TEMPLATE, words, words, 64)


@torch.no_grad()
def plain_probabilities(model, prompter, text: str) -> list[float]:
    [prompt] = prompter.encode([text])
    answers = closed_answers(prompter.label_token_ids, prompter.end_token_id)
    return reference(
        lambda path: model(input_ids=torch.tensor([[*prompt, *path]])).logits[0, -1], answers
    )


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_writing_a_word_and_sum_to_1(tiny, kind):
    _, base = tiny(kind)
    texts = ["up", "no way that this goes up again, they said", "🚀"]
    for words in WORD_SETS:
        if kind == "unigram" and "💩" in words:
            continue  # which it has no token for
        prompter = prompter_for(base, words)
        for text, row in zip(texts, score_texts(base.model, prompter, texts), strict=True):
            assert sum(row) == pytest.approx(1, abs=1e-6)
            expected = plain_probabilities(base.model, prompter, text)
            assert row == pytest.approx(expected, abs=1e-5)


def test_natural_labels_of_falcon_are_disjoint(shared_data):
    """With Falcon's own tokenizer `Bull` begins `Bullish`, and `Bear` begins `Bearish`."""
    tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(
        shared_data.parent / "falcon-tokenizer"
    )
    words = ("Bull", "Bullish", "Bear", "Bearish", "Sad", "Sadness")
    prompter = make_prompter(tokenizer, TEMPLATE, words, words, 64)
    answers = prompter.label_token_ids
    assert any(a != b and b[: len(a)] == a for a in answers for b in answers)
    assert len(set(prompter.label_tree.decisions)) == len(words)


@pytest.mark.parametrize("words", WORD_SETS, ids=" ".join)
def test_training_optimises_what_scoring_computes(tiny, words):
    """The losses of an example sum to the negative logarithm of its label's probability."""
    _, base = tiny("byte_level")
    prompter = prompter_for(base, words)
    texts, labels = ["up", "down it goes", "no way"], [len(words) - 1, 0, 1]
    examples = label_word_examples(prompter, texts, labels)
    owners = torch.tensor([e.index for e in examples for _ in e.targets])
    rows = torch.tensor(score_texts(base.model, prompter, texts))
    expected = -rows[torch.arange(3), labels].log()
    capabilities = ModelCapabilities(packing=True, linear_lm_head=True)
    columns = torch.tensor(prompter.label_tree.columns)
    for batch in (pack(examples, 1.0, 0, 64, min_targets=30), pad(examples, 1.0, 0, 8)):
        with torch.no_grad():
            losses = target_losses(base.model, capabilities, columns, batch)
        assert losses.isfinite().all()
        summed = torch.zeros(3).index_add(0, owners, losses[: len(owners)])
        assert torch.allclose(summed, expected, atol=1e-4)


@pytest.mark.parametrize("words", WORD_SETS, ids=" ".join)
def test_a_task_that_such_labels_separate_is_learnt_whole(tiny, tmp_path, words):
    folder, base = tiny("byte_level")
    prompter = prompter_for(base, words)
    hints = ("apple", "river", "stone", "cloud")[: len(words)]
    texts = [f"{hint} {number}" for number in range(6) for hint in hints]
    labels = [*range(len(words))] * 6
    trained = train(
        base,
        RECIPE,
        prompter,
        Examples(texts, labels),
        Examples([], []),
        tmp_path / "steps",
        lambda *arguments, **values: None,
        lambda: False,
    )
    rows = score_texts(trained.model, prompter, texts)
    assert [row.index(max(row)) for row in rows] == labels
    assert all(sum(row) == pytest.approx(1, abs=1e-6) for row in rows)
    given = [row[label] for row, label in zip(rows, labels, strict=True)]
    assert sum(given) / len(given) > 0.6

    # how probable each given label was is recorded for words of any length
    assert trained.dynamics is not None
    assert set(trained.dynamics.example_indices) == {*range(len(texts))}
    assert all(0 < probability <= 1 for probability in trained.dynamics.probabilities)

    details = adapter_details(RECIPE, str(folder), prompter, words)
    save_adapter(trained.model, base.tokenizer, tmp_path / "adapter", details)
    again = classify_texts(tmp_path / "adapter", texts)
    assert torch.allclose(torch.tensor(again), torch.tensor(rows), atol=1e-4)

    if words == ("a", "a b", "a b c", "a b c d"):
        card = (tmp_path / "adapter/README.md").read_text("utf-8")
        [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        names: dict = {}
        with contextlib.chdir(folder.parent):  # the card names a base that lies here
            exec(code.replace('"."', repr(str(tmp_path / "adapter")), 1), names)
        texts = [*texts[:4], "</s>apple <|user|>", "river " * 60]
        for text, row in zip(texts, score_texts(trained.model, prompter, texts), strict=True):
            assert names["probabilities"](text) == pytest.approx(row, abs=1e-4)


def test_an_adapter_of_an_earlier_version_loads_and_scores_the_same(tiny, tmp_path):
    folder, base = tiny("byte_level")
    words = ("Positive", "Negative")
    prompter = prompter_for(base, words)
    assert prompter.label_tree.branches == {(): [0]}
    trained = train(
        base,
        recipes.with_overrides(RECIPE, ["training.max_steps=2"]),
        prompter,
        Examples(["up", "down"] * 4, [0, 1] * 4),
        Examples([], []),
        tmp_path / "steps",
        lambda *arguments, **values: None,
        lambda: False,
    )
    rows = score_texts(trained.model, prompter, ["up", "down"])
    details = adapter_details(RECIPE, str(folder), prompter, words)
    del details["end_token_id"]
    save_adapter(trained.model, base.tokenizer, tmp_path / "adapter", details)
    assert "end_token_id" not in json.loads((tmp_path / "adapter/workbench.json").read_text())
    again = classify_texts(tmp_path / "adapter", ["up", "down"])
    assert torch.allclose(torch.tensor(again), torch.tensor(rows), atol=1e-6)

"""Packed rows: every tweet is answered as if it were alone, whatever lies beside it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.modeling.base.capabilities import Ways, find_out, inputs
from workbench.modeling.base.falcon_attention import MultiQuery, fuse_attention
from workbench.modeling.base.loading import dequantise, load_base
from workbench.modeling.data import batches, sampler
from workbench.modeling.data.batches import (
    UNUSED,
    Row,
    answer_rows,
    divide,
    packed,
    padded,
    text_rows,
)
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.packed.step_runner import place_losses

TEMPLATE = "### Human: {text}\n### Assistant:"
EVERYWHERE = Ways(packed=True, plain_head=True)
PACKABLE = ("falcon-7b", "falcon-new", "llama", "mistral", "qwen2", "gpt-neox")


@pytest.fixture(scope="module")
def ready(prepare, sample):
    """(model, prompter, rows) of the demo base in 4-bit."""
    _, base, prompter = prepare()
    examples = sample(12)
    fuse_attention(base.model)
    rows = answer_rows(prompter, examples.texts, examples.labels)
    return base.model.eval(), prompter, rows


@torch.no_grad()
def alone(model, rows) -> torch.Tensor:
    return torch.stack(
        [model(input_ids=torch.tensor([row.tokens])).logits[0, row.positions[0]] for row in rows]
    )


@torch.no_grad()
def together(model, rows, multiple: int = 8) -> torch.Tensor:
    batch = packed(rows, 1.0, 0, multiple)
    return model(**inputs(model, batch)).logits[0, batch.where]


def test_packed_tweets_have_the_logits_of_single_ones(ready):
    model, _, rows = ready
    assert torch.allclose(together(model, rows), alone(model, rows), atol=2e-4)


def test_packing_changes_logits_in_bfloat16_by_no_more_than_rounding(demo_base, prepare, sample):
    _, base, prompter = prepare("quantization.compute_dtype=bfloat16")
    rows = answer_rows(prompter, sample(8).texts, sample(8).labels)
    fuse_attention(base.model)
    expected = alone(base.model.eval(), rows).float()
    difference = (together(base.model, rows).float() - expected).abs()
    assert difference.mean() < 0.02 * expected.std()


def test_no_tweet_sees_another(ready):
    model, _, rows = ready
    generator = torch.Generator().manual_seed(0)
    before = together(model, rows)
    for changed in (0, 5, 11):
        noise = torch.randint(5, 2000, (len(rows[changed].tokens),), generator=generator).tolist()
        others = [n for n in range(len(rows)) if n != changed]
        rows_now = [*rows]
        rows_now[changed] = Row(noise, rows[changed].positions, [0])
        after = together(model, rows_now)
        assert torch.equal(after[others], before[others])
        assert not torch.equal(after[changed], before[changed])


def test_results_depend_on_neither_order_nor_bucket(ready):
    model, _, rows = ready
    plain = together(model, rows)
    assert torch.allclose(together(model, rows[::-1]).flip(0), plain, atol=2e-4)
    for multiple in (1, 64, 256):
        assert torch.allclose(together(model, rows, multiple), plain, atol=2e-4)


def test_packed_and_padded_batches_have_the_same_losses(ready):
    model, prompter, rows = ready
    labels = torch.tensor([answer[0] for answer in prompter.answers])
    with torch.no_grad():
        losses = [
            place_losses(model, EVERYWHERE, labels, batch)
            for batch in (packed(rows, 1.0, 0, 64), padded(rows, 1.0, 0, 8))
        ]
    assert torch.allclose(*losses, atol=1e-4)


def test_falcon_answers_the_same_with_fused_attention(prepare, sample):
    _, base, prompter = prepare()
    rows = answer_rows(prompter, sample(4).texts, sample(4).labels)
    stock = alone(base.model.eval(), rows)
    fuse_attention(base.model)
    assert sum(isinstance(part, MultiQuery) for part in base.model.modules()) == 4
    assert torch.allclose(alone(base.model, rows), stock, atol=1e-4)


def test_4_bit_and_dequantised_weights_give_the_same_bits(prepare, sample):
    recipe, base, prompter = prepare()
    rows = answer_rows(prompter, sample(8).texts, sample(8).labels)
    from workbench.modeling.training.lora import add_adapter, lean

    fuse_attention(base.model)
    with lean(add_adapter(base.model, recipe.lora, 1).eval()):
        in_4_bit = together(base.model, rows)
    _, plain, _ = prepare()
    fuse_attention(plain.model)
    dequantise(plain.model, torch.float32)
    with lean(add_adapter(plain.model, recipe.lora, 1).eval()):
        assert torch.equal(together(plain.model, rows), in_4_bit)


@pytest.mark.parametrize("architecture", PACKABLE)
def test_these_models_can_be_packed(make_base, prepare, architecture):
    recipe, *_ = prepare()
    base = load_base(str(make_base(architecture)), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 128)
    fuse_attention(base.model)
    ways = find_out(base.model, prompter)
    assert ways.packed and ways.plain_head, ways.reason


def test_what_cannot_be_packed_says_so(make_base, prepare):
    recipe, *_ = prepare()
    base = load_base(str(make_base("falcon-alibi")), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 128)
    ways = find_out(base.model, prompter)
    assert not ways.packed and "padded into batches, since" in ways.told()


def test_a_model_that_lets_tweets_see_one_another_is_not_packed(make_base, prepare, monkeypatch):
    recipe, *_ = prepare()
    base = load_base(str(make_base("falcon-7b")), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 128)

    def causal_only(documents, dtype):
        length = documents.shape[1]
        hidden = torch.full((length, length), torch.finfo(dtype).min).triu(1)
        return hidden.to(dtype)[None, None]

    monkeypatch.setattr("workbench.modeling.base.capabilities.block_diagonal", causal_only)
    assert "see one another" in find_out(base.model, prompter).reason


def test_rows_over_whole_texts_predict_each_token_and_the_end(prepare, sample):
    _, base, prompter = prepare()
    [row] = text_rows(prompter, ["up"], [1])
    whole = prompter.prompts(["up"])[0] + [*prompter.answers[1], base.tokenizer.eos_token_id]
    assert (row.tokens, row.targets) == (whole[:-1], whole[1:])
    for row in text_rows(prompter, ["long " * 500], [0]):
        assert prompter.max_length - 4 < len(row.tokens) + 1 <= prompter.max_length


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=150),
    per_step=st.integers(1, 20),
    epoch=st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("arrange", [sampler.level, sampler.grouped])
def test_an_epoch_takes_every_row_once(arrange, lengths, per_step, epoch):
    steps = arrange(lengths, per_step, 42, epoch)
    assert sorted(row for step in steps for row in step) == list(range(len(lengths)))
    assert len(steps) == sampler.steps_in_epoch(len(lengths), per_step)
    assert max(map(len, steps)) <= per_step and all(steps)
    assert arrange(lengths, per_step, 42, epoch) == steps


def test_steps_are_level_and_epochs_differ():
    generator = torch.Generator().manual_seed(1)
    lengths = (20 + torch.rand(400, generator=generator) ** 3 * 200).int().tolist()
    tokens = [sum(lengths[n] for n in step) for step in sampler.level(lengths, 16, 42, 0)]
    assert max(tokens) - min(tokens) < 64
    first, second = sampler.level(lengths, 16, 42, 0), sampler.level(lengths, 16, 42, 1)
    together = [{frozenset((a, b)) for s in steps for a in s for b in s if a < b}
                for steps in (first, second)]  # fmt: skip
    assert len(together[0] & together[1]) < 0.15 * len(together[0])


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=40), tokens=st.integers(60, 400))
@settings(max_examples=60, deadline=None)
def test_a_step_is_divided_without_losing_a_row(lengths, tokens):
    rows = [Row([1] * length, [0], [0], number) for number, length in enumerate(lengths)]
    parts = divide(rows, tokens)
    assert sorted(row.number for part in parts for row in part) == list(range(len(rows)))
    assert all(sum(len(row.tokens) for row in part) <= tokens + 60 for part in parts)


def test_fillers_weigh_nothing_and_belong_to_nobody():
    rows = [Row([1, 2, 3], [2], [0]), Row([4, 5], [1], [1])]
    batch = packed(rows, 0.5, 9, 8, places=4)
    assert batch.input_ids.tolist() == [[1, 2, 3, 4, 5, 9, 9, 9]]
    assert batch.documents.tolist() == [[0, 0, 0, 1, 1, UNUSED, UNUSED, UNUSED]]
    assert batch.weights.tolist() == [0.5, 0.5, 0, 0] and batch.where.tolist() == [2, 4, 0, 0]
    seen = batches.block_diagonal(batch.documents, torch.float32)[0, 0] == 0
    assert seen[4].tolist() == [False, False, False, True, True, False, False, False]

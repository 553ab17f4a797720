"""Packed rows: every tweet is answered as if it were alone, whatever lies beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.modeling.base.capabilities import ModelCapabilities, probe_capabilities
from workbench.modeling.base.falcon_attention import FusedMultiQueryAttention, fuse_attention
from workbench.modeling.base.forward import model_inputs
from workbench.modeling.base.linear_4bit import dequantise
from workbench.modeling.base.loading import load_base
from workbench.modeling.data import batches, sampler
from workbench.modeling.data.batches import (
    PADDING_DOCUMENT,
    TokenizedExample,
    full_text_examples,
    label_word_examples,
    pack,
    pad,
    share_prefix,
    split_by_tokens,
)
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.packed.forward_backward import target_losses
from workbench.modeling.packed.schedule import TrainingSchedule
from workbench.modeling.training.process_group import SINGLE_PROCESS, ProcessGroup
from workbench.recipes import recipes
from workbench.recipes.memory_modes import MEMORY_MODES

TEMPLATE = "### Human: {text}\n### Assistant:"
EVERYWHERE = ModelCapabilities(packing=True, linear_lm_head=True)
PACKABLE = ("falcon-7b", "falcon-new", "llama", "mistral", "qwen2", "gpt-neox")


@pytest.fixture(scope="module")
def ready(prepare, sample):
    """(model, prompter, rows) of the demo base in 4-bit."""
    _, base, prompter = prepare()
    examples = sample(12)
    fuse_attention(base.model)
    rows = label_word_examples(prompter, examples.texts, examples.labels)
    return base.model.eval(), prompter, rows


@torch.no_grad()
def alone(model, rows) -> torch.Tensor:
    return torch.stack(
        [
            model(input_ids=torch.tensor([row.tokens])).logits[0, row.target_positions[0]]
            for row in rows
        ]
    )


@torch.no_grad()
def together(model, rows, multiple: int = 8) -> torch.Tensor:
    batch = pack(rows, 1.0, 0, multiple)
    return model(**model_inputs(model, batch)).logits[0, batch.target_positions]


def test_packed_tweets_have_the_logits_of_single_ones(ready):
    model, _, rows = ready
    assert torch.allclose(together(model, rows), alone(model, rows), atol=2e-4)


def test_packing_changes_logits_in_bfloat16_by_no_more_than_rounding(demo_base, prepare, sample):
    _, base, prompter = prepare("quantization.compute_dtype=bfloat16")
    rows = label_word_examples(prompter, sample(8).texts, sample(8).labels)
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
        rows_now[changed] = TokenizedExample(noise, rows[changed].target_positions, [0])
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
    labels = torch.tensor([answer[0] for answer in prompter.label_token_ids])
    with torch.no_grad():
        losses = [
            target_losses(model, EVERYWHERE, labels, batch)
            for batch in (pack(rows, 1.0, 0, 64), pad(rows, 1.0, 0, 8))
        ]
    assert torch.allclose(*losses, atol=1e-4)


def test_tweets_that_share_the_beginning_of_their_prompts_are_answered_the_same(ready):
    model, _, rows = ready
    prefix, own = share_prefix(rows)
    assert len(prefix) >= 3
    assert all([*prefix, *b.tokens] == a.tokens for a, b in zip(rows, own, strict=True))
    for some in (own, own[::-1]):
        batch = pack(some, 1.0, 0, 64, prefix=prefix)
        assert batch.input_ids[0, : len(prefix)].tolist() == prefix
        with torch.no_grad():
            found = model(**model_inputs(model, batch)).logits[0, batch.target_positions]
        expected = alone(model, rows if some is own else rows[::-1])
        assert torch.allclose(found, expected, atol=2e-4)


@given(
    prefix=st.lists(st.integers(0, 3), max_size=5),
    rests=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1, max_size=5),
)
@settings(max_examples=60)
def test_what_is_shared_is_as_long_as_can_be(prefix, rests):
    rows = [[*prefix, *rest] for rest in rests]
    examples = [TokenizedExample(row, [len(row) - 1], [0]) for row in rows]
    shared, own = share_prefix(examples)
    assert [[*shared, *example.tokens] for example in own] == rows
    assert all(example.target_positions == [len(example.tokens) - 1] for example in own)
    assert all(example.tokens for example in own)
    longer = {tuple(row[: len(shared) + 1]) for row in rows}
    assert len(longer) > 1 or min(map(len, rows)) == len(shared) + 1


def test_falcon_answers_the_same_with_fused_attention(prepare, sample):
    _, base, prompter = prepare()
    rows = label_word_examples(prompter, sample(4).texts, sample(4).labels)
    stock = alone(base.model.eval(), rows)
    fuse_attention(base.model)
    assert sum(isinstance(part, FusedMultiQueryAttention) for part in base.model.modules()) == 4
    assert torch.allclose(alone(base.model, rows), stock, atol=1e-4)


def test_4_bit_and_dequantised_weights_give_the_same_bits(prepare, sample):
    recipe, base, prompter = prepare()
    rows = label_word_examples(prompter, sample(8).texts, sample(8).labels)
    from workbench.modeling.base.lora import add_adapter, fast_lora_layers

    fuse_attention(base.model)
    with fast_lora_layers(add_adapter(base.model, recipe.lora, 1).eval()):
        in_4_bit = together(base.model, rows)
    _, plain, _ = prepare()
    fuse_attention(plain.model)
    dequantise(plain.model, torch.float32)
    with fast_lora_layers(add_adapter(plain.model, recipe.lora, 1).eval()):
        assert torch.equal(together(plain.model, rows), in_4_bit)


@pytest.mark.parametrize("architecture", PACKABLE)
def test_these_models_can_be_packed(make_base, prepare, architecture):
    recipe, *_ = prepare()
    base = load_base(str(make_base(architecture)), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 128)
    fuse_attention(base.model)
    capabilities = probe_capabilities(base.model, prompter)
    assert capabilities.packing and capabilities.linear_lm_head, capabilities.reason
    assert capabilities.shared_prefix


def test_what_cannot_be_packed_says_so(make_base, prepare):
    recipe, *_ = prepare()
    base = load_base(str(make_base("falcon-alibi")), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 128)
    capabilities = probe_capabilities(base.model, prompter)
    assert not capabilities.packing and "padded into batches, since" in capabilities.describe()


def test_a_model_that_lets_tweets_see_one_another_is_not_packed(make_base, prepare, monkeypatch):
    recipe, *_ = prepare()
    base = load_base(str(make_base("falcon-7b")), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), ("Positive", "Negative"), 128)

    def causal_only(document_ids, dtype):
        length = document_ids.shape[1]
        hidden = torch.full((length, length), torch.finfo(dtype).min).triu(1)
        return hidden.to(dtype)[None, None]

    monkeypatch.setattr("workbench.modeling.base.forward.block_diagonal_mask", causal_only)
    assert "see one another" in probe_capabilities(base.model, prompter).reason


def test_rows_over_whole_texts_predict_each_token_and_the_end(prepare, sample):
    _, base, prompter = prepare()
    [row] = full_text_examples(prompter, ["up"], [1])
    whole = prompter.encode(["up"])[0] + [*prompter.label_token_ids[1], base.tokenizer.eos_token_id]
    assert (row.tokens, row.targets) == (whole[:-1], whole[1:])
    for row in full_text_examples(prompter, ["long " * 500], [0]):
        assert prompter.max_length - 4 < len(row.tokens) + 1 <= prompter.max_length


@given(
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=150),
    per_step=st.integers(1, 20),
    epoch=st.integers(0, 3),
)
@settings(max_examples=60)
@pytest.mark.parametrize("arrange", [sampler.balance_tokens, sampler.group_by_length])
def test_an_epoch_takes_every_row_once(arrange, lengths, per_step, epoch):
    steps = arrange(lengths, per_step, 42, epoch)
    assert sorted(row for step in steps for row in step) == list(range(len(lengths)))
    assert len(steps) == sampler.steps_per_epoch(len(lengths), per_step)
    assert max(map(len, steps)) <= per_step and all(steps)
    assert arrange(lengths, per_step, 42, epoch) == steps


def test_steps_are_level_and_epochs_differ():
    generator = torch.Generator().manual_seed(1)
    lengths = (20 + torch.rand(400, generator=generator) ** 3 * 200).int().tolist()
    tokens = [sum(lengths[n] for n in step) for step in sampler.balance_tokens(lengths, 16, 42, 0)]
    assert max(tokens) - min(tokens) < 64
    first, second = (
        sampler.balance_tokens(lengths, 16, 42, 0),
        sampler.balance_tokens(lengths, 16, 42, 1),
    )
    together = [
        {frozenset((a, b)) for s in steps for a in s for b in s if a < b}
        for steps in (first, second)
    ]
    assert len(together[0] & together[1]) < 0.15 * len(together[0])


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=40), tokens=st.integers(60, 400))
@settings(max_examples=60)
def test_a_step_is_divided_without_losing_a_row(lengths, tokens):
    rows = [
        TokenizedExample([1] * length, [0], [0], number) for number, length in enumerate(lengths)
    ]
    parts = split_by_tokens(rows, tokens)
    assert sorted(row.index for part in parts for row in part) == list(range(len(rows)))
    assert all(sum(len(row.tokens) for row in part) <= tokens + 60 for part in parts)


def test_fillers_weigh_nothing_and_belong_to_nobody():
    rows = [TokenizedExample([1, 2, 3], [2], [0]), TokenizedExample([4, 5], [1], [1])]
    batch = pack(rows, 0.5, 9, 8, min_targets=4)
    assert batch.input_ids.tolist() == [[1, 2, 3, 4, 5, 9, 9, 9]]
    assert batch.document_ids.tolist() == [
        [0, 0, 0, 1, 1, PADDING_DOCUMENT, PADDING_DOCUMENT, PADDING_DOCUMENT]
    ]
    assert batch.weights.tolist() == [0.5, 0.5, 0, 0] and batch.target_positions.tolist() == [
        2,
        4,
        0,
        0,
    ]
    seen = batches.block_diagonal_mask(batch.document_ids, torch.float32)[0, 0] == 0
    assert seen[4].tolist() == [False, False, False, True, True, False, False, False]


@pytest.mark.parametrize(("packing", "shares"), [(True, True), (True, False), (False, False)])
def test_shapes_to_come_are_those_of_the_steps_and_each_is_made_once(
    prepare_small, monkeypatch, packing, shares
):
    settings = recipes.load("tiny", ["training.max_steps=40"]).training
    rows = [
        TokenizedExample([1] * (9 + number % 31), [3], [number % 2], number)
        for number in range(100)
    ]
    prompter = prepare_small()[2]
    capabilities = ModelCapabilities(packing, True, shared_prefix=shares)
    mode = MEMORY_MODES["16-bit"]
    schedule = TrainingSchedule(
        settings, mode, capabilities, rows, False, prompter, SINGLE_PROCESS, False
    )
    shapes = {batch.shape for step in range(40) for _, batch in schedule.step_passes(step, 8)}
    made, make = [], schedule.make_batch
    monkeypatch.setattr(schedule, "make_batch", lambda *given: made.append(1) or make(*given))
    found = [batch.shape for batch in schedule.batches_by_shape(0, 8)]
    assert {*found} == shapes and len(found) == len(shapes) == len(made)
    sizes = [rows * columns for rows, columns, _ in found]
    assert sizes == sorted(sizes, reverse=True)


def schedule_of(prompter, lengths, packing, mode, processes=SINGLE_PROCESS, sharded=False):
    settings = recipes.load("tiny").training
    rows = [TokenizedExample([1] * length, [3], [0], place) for place, length in enumerate(lengths)]
    capabilities = ModelCapabilities(packing, True)
    return TrainingSchedule(settings, mode, capabilities, rows, False, prompter, processes, sharded)


def test_a_padded_pass_has_no_more_tweets_than_a_batch_of_the_recipe_and_no_more_tokens(
    prepare_small,
):
    mode, prompter = MEMORY_MODES["16-bit"], prepare_small()[2]
    wide = schedule_of(prompter, [8] * 64, False, mode)
    most = wide.settings.batch_size
    assert {len(part) for part in wide.split_into_passes(wide.examples)} == {most}
    narrow = schedule_of(prompter, [8] * 64, False, replace(mode, tokens=8 * (most - 1)))
    assert max(len(part) for part in narrow.split_into_passes(narrow.examples)) == most - 1


def test_processes_of_a_sharded_base_do_equally_many_passes_of_which_fillers_weigh_nothing(
    prepare_small,
):
    mode, prompter = replace(MEMORY_MODES["16-bit"], tokens=64), prepare_small()[2]
    first, second = (
        schedule_of(prompter, [64] + [5] * 15, True, mode, ProcessGroup(rank, 2), sharded=True)
        for rank in range(2)
    )
    passes = [*first.step_passes(0, 8)], [*second.step_passes(0, 8)]
    assert len(passes[0]) == len(passes[1]) == 2
    done = [(len(own), batch.weights.sum().item()) for part in passes for own, batch in part]
    assert sum(own for own, _ in done) == 16
    assert sum(weight for _, weight in done) == pytest.approx(1)
    assert [weight for own, weight in done if not own] == [0]

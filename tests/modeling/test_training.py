"""Fine-tuning: losses, what moves, stopping and going on."""

from __future__ import annotations

import itertools
import statistics

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from workbench.modeling import checkpoints, memory
from workbench.modeling.adapting import Masters, add_adapter, lean
from workbench.modeling.attention import fuse_attention
from workbench.modeling.batches import answer_rows, packed
from workbench.modeling.checkpoints import COMPLETE, Course, newest
from workbench.modeling.examples import Examples
from workbench.modeling.passes import Passes
from workbench.modeling.scoring import score
from workbench.modeling.training import train
from workbench.modeling.ways import Ways

NOBODY = Examples([], [])


def silent(*args, **values):
    """A report that nobody reads."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


def weights(model) -> dict[str, torch.Tensor]:
    """What was trained."""
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


def test_the_label_word_loss_has_the_gradient_of_a_plain_reference(prepare, sample):
    recipe, base, prompter = prepare("lora.dropout=0.0")
    examples = sample(6)
    fuse_attention(base.model)
    adapted = add_adapter(base.model, recipe.lora, 1)
    torch.manual_seed(3)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.02 * torch.randn_like(parameter)
    masters = Masters(adapted, torch.float32)
    answers = [answer[0] for answer in prompter.answers]
    rows = answer_rows(prompter, examples.texts, examples.labels)
    ways = Ways(packed=True, plain_head=True)
    with lean(adapted):
        passes = Passes(base.model, masters, ways, torch.tensor(answers), silent)
        for part in (rows[:2], rows[2:]):
            passes(packed(part, 1 / 6, 0, 8))
    found = masters.named(masters.gradient)

    for row, label in zip(rows, examples.labels, strict=True):  # PEFT's own layers, one by one
        logits = adapted(input_ids=torch.tensor([row.tokens])).logits[0, -1, answers]
        (-logits.log_softmax(0)[label] / 6).backward()
    for name, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(found[name], parameter.grad, atol=1e-5, rtol=1e-3), name
            assert parameter.grad.abs().sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_training_learns_and_moves_every_adapter_weight(prepare, sample, tmp_path, dtype):
    recipe, base, prompter = prepare(
        "training.max_steps=24", "training.save_steps=100", "training.memory=nf4",
        f"quantization.compute_dtype={dtype}",
    )  # fmt: skip
    before = {n: p.detach().clone() for n, p in base.model.named_parameters()}
    examples = sample(48)
    trained = train(base, recipe, prompter, examples, NOBODY, tmp_path, silent, never)
    rows = score(trained.model, prompter, examples.texts)
    right = sum(row[label] > 0.5 for row, label in zip(rows, examples.labels, strict=True))
    assert right >= 44  # of 48, which it saw eight times
    start = weights(add_adapter(prepare()[1].model, recipe.lora, recipe.training.seed))
    for name, weight in trained.model.named_parameters():
        if weight.requires_grad:
            assert weight.dtype == torch.float32
            assert (weight != start[name].float()).float().mean() > 0.99, name
        else:
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            assert torch.equal(weight.detach(), before[plain]), name


@pytest.mark.slow
def test_steps_in_parts_or_with_checkpointing_learn_the_same(
    prepare, sample, tmp_path, monkeypatch
):
    def losses(*overrides):
        recipe, base, prompter = prepare(
            "training.max_steps=2", "training.logging_steps=1", "lora.dropout=0.0", *overrides
        )
        seen = []
        train(
            base, recipe, prompter, sample(16), NOBODY, tmp_path / overrides[0],
            lambda event, **values: seen.append(values["loss"]) if event == "step" else None, never,
        )  # fmt: skip
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(memory, "TOKENS_ON_CPU", 2048)
        whole = losses("training.memory=16-bit")
    assert losses("training.memory=24gb") == pytest.approx(whole, abs=1e-4)
    assert losses("training.memory=8gb") == pytest.approx(whole, abs=1e-4)


@pytest.mark.slow
def test_full_text_loss_follows_the_stock_trainer(prepare, sample, tmp_path):
    """The seed preset's curve over 50 steps, with the same samples in another order."""

    def curve(name, *overrides):
        recipe, base, prompter = prepare(
            "training.max_steps=50", "training.logging_steps=10", "training.save_steps=1000",
            "training.learning_rate=5e-4", "quantization.compute_dtype=float32",
            "training.max_length=64", "training.batch_size=8", "training.accumulation=1",
            *overrides, recipe=name,
        )  # fmt: skip
        losses = []
        examples = sample(80)
        train(
            base, recipe, prompter, examples, NOBODY, tmp_path / name,
            lambda event, **values: losses.append(values["loss"]) if event == "step" else None,
            never,
        )  # fmt: skip
        return losses

    stock = curve("seed", "training.gradient_checkpointing=false")
    ours = curve("fast", "loss=full-text", "training.warmup=0.03")
    assert len(stock) == len(ours) == 5
    assert stock[0] - stock[-1] > 0.3  # it learns at all
    assert ours == pytest.approx(stock, rel=0.05)


@pytest.mark.slow
def test_the_seed_preset_trains_with_the_stock_trainer_on_whole_texts(prepare, sample, tmp_path):
    recipe, base, prompter = prepare(
        "training.max_steps=2", "training.logging_steps=1", "quantization.compute_dtype=float32",
        recipe="seed",
    )  # fmt: skip
    losses = []
    examples = sample(40)

    def report(event, **values):
        if event == "step":
            losses.append(values["loss"])

    train(base, recipe, prompter, examples, NOBODY, tmp_path, report, never)
    assert len(losses) == 2
    texts = [
        prompter.text(text, [" Positive", " Negative"][label]) + "<|endoftext|>"
        for text, label in zip(examples.texts, examples.labels, strict=True)
    ]
    _, fresh, _ = prepare("quantization.compute_dtype=float32", recipe="seed")
    total = tokens = 0
    with torch.no_grad():
        for text in texts:
            ids = fresh.tokenizer(text, return_tensors="pt")["input_ids"][:, :256]
            logits = fresh.model(input_ids=ids).logits[0, :-1]
            total += functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
            tokens += ids.shape[1] - 1
    # the first step's loss is that of the untrained base over whole texts, 16 of the 40
    assert losses[0] == pytest.approx(total / tokens, rel=0.12)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_stopped_run_ends_bit_for_bit_like_one_that_was_not(prepare, sample, tmp_path, dtype):
    """Stopped in the middle of an epoch, with dropout, and resumed in a model loaded anew."""
    overrides = (
        "training.max_steps=7", "training.save_steps=100", "training.logging_steps=1",
        "lora.dropout=0.1", f"quantization.compute_dtype={dtype}",
    )  # fmt: skip
    seen = []

    def report(event, **values):
        if event == "step":
            seen.append(values["step"])

    def run(folder, stop_asked):
        recipe, base, prompter = prepare(*overrides)
        return train(base, recipe, prompter, sample(48), NOBODY, folder, report, stop_asked)

    straight = run(tmp_path / "straight", never)
    calls = itertools.count(1)
    stopped = run(tmp_path / "stopped", lambda: next(calls) == 4)
    assert (stopped.stopped, stopped.steps) == (True, 4)
    assert newest(tmp_path / "stopped").name == "checkpoint-4"
    seen.clear()
    resumed = run(tmp_path / "stopped", never)
    assert seen == [5, 6, 7] and (resumed.steps, resumed.stopped) == (7, False)
    expected = weights(straight.model)
    for name, weight in weights(resumed.model).items():
        assert torch.equal(weight, expected[name]), name
    assert resumed.dynamics == straight.dynamics
    *_, prompter = prepare(*overrides)
    texts = sample(20).texts
    assert score(resumed.model, prompter, texts) == score(straight.model, prompter, texts)


@pytest.mark.slow
def test_dynamics_say_how_probable_each_given_label_was_in_each_epoch(prepare, sample, tmp_path):
    recipe, base, prompter = prepare("training.max_steps=8")
    examples = sample(32)
    trained = train(base, recipe, prompter, examples, NOBODY, tmp_path, silent, never)
    dynamics = trained.dynamics
    pairs = set(zip(dynamics.numbers, dynamics.epochs, strict=True))
    assert pairs == {(number, epoch) for number in range(32) for epoch in range(4)}
    first, last = (
        statistics.mean(
            p for p, e in zip(dynamics.probabilities, dynamics.epochs, strict=True) if e == epoch
        )
        for epoch in (0, 3)
    )
    assert 0 < first < last <= 1


@pytest.mark.slow
def test_checkpoints_are_the_last_two_and_the_best_on_dev(prepare, sample, tmp_path, monkeypatch):
    shares = iter([0.5, 0.9, 0.6, 0.7, 0.8])
    monkeypatch.setattr("workbench.modeling.training.accuracy", lambda *a: next(shares))
    recipe, base, prompter = prepare("training.max_steps=5", "training.save_steps=1")
    train(base, recipe, prompter, sample(16), sample(4), tmp_path, silent, never)
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint-2", "checkpoint-4", "checkpoint-5",
    }  # fmt: skip
    files = {path.name for path in (tmp_path / "checkpoint-2").iterdir()}
    assert files == {"adapter.safetensors", "state.safetensors", "course.json", COMPLETE}
    assert checkpoints.read_course(tmp_path / "checkpoint-5") == Course(5, 42, 2, 0.9)
    assert all("lora_" in name for name in load_file(tmp_path / "checkpoint-5/adapter.safetensors"))


def test_a_checkpoint_that_was_not_finished_is_passed_over(tmp_path):
    for step, complete in ((10, True), (20, True), (30, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if complete:
            (tmp_path / f"checkpoint-{step}" / COMPLETE).touch()
    assert newest(tmp_path).name == "checkpoint-20"
    assert newest(tmp_path / "nowhere") is None

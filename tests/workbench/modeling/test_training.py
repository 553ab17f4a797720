"""Fine-tuning: losses, what moves, stopping and going on."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import weakref

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from storage.errors import UserError
from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.lora import add_adapter, fast_lora_layers
from workbench.modeling.data.batches import label_word_examples, pack
from workbench.modeling.data.examples import Examples
from workbench.modeling.packed import batch_probe
from workbench.modeling.packed.checkpoint_io import TrainingState, read_training_state
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.modeling.scoring import label_probabilities
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.modeling.trainers import train
from workbench.modeling.training import dev_evaluation
from workbench.modeling.training.dev_evaluation import DevMetrics
from workbench.recipes import recipes
from workbench.rundir.folder import COMPLETE

NOBODY = Examples([], [])


def silent(*args, **values):
    """A report that nobody reads."""


def never() -> bool:
    """Nobody asks to stop."""
    return False


def weights(model) -> dict[str, torch.Tensor]:
    """What was trained."""
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


def test_the_label_word_loss_has_the_gradient_of_a_plain_reference(prepare_small, sample):
    recipe, base, prompter = prepare_small("lora.dropout=0.0")
    examples = sample(6)
    fuse_attention(base.model)
    adapted = add_adapter(base.model, recipe.lora, 1)
    torch.manual_seed(3)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.02 * torch.randn_like(parameter)
    masters = MasterWeights(adapted, torch.float32)
    answers = [answer[0] for answer in prompter.label_token_ids]
    rows = label_word_examples(prompter, examples.texts, examples.labels)
    capabilities = ModelCapabilities(packing=True, linear_lm_head=True)
    with fast_lora_layers(adapted):
        passes = ForwardBackward(base.model, masters, capabilities, torch.tensor(answers), silent)
        for part in (rows[:2], rows[2:]):
            passes(pack(part, 1 / 6, 0, 8))
    found = masters.named_views(masters.gradient)

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
        "training.max_length=48",
        "training.max_steps=16",
        "training.batch_size=8",
        "training.save_steps=100",
        "training.memory=nf4",
        f"quantization.compute_dtype={dtype}",
    )
    before = {n: p.detach().clone() for n, p in base.model.named_parameters()}
    examples = sample(16)
    trained = train(base, recipe, prompter, examples, NOBODY, tmp_path, silent, never)
    rows = score_texts(trained.model, prompter, examples.texts)
    right = sum(row[label] > 0.5 for row, label in zip(rows, examples.labels, strict=True))
    assert right >= 15  # of 16, which it saw eight times
    start = weights(add_adapter(prepare()[1].model, recipe.lora, recipe.training.seed))
    for name, weight in trained.model.named_parameters():
        if weight.requires_grad:
            assert weight.dtype == torch.float32
            assert (weight != start[name].float()).float().mean() > 0.99, name
        else:
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            assert torch.equal(weight.detach(), before[plain]), name


@pytest.mark.slow
def test_steps_in_parts_or_with_checkpointing_learn_the_same(prepare_small, sample, tmp_path):
    def losses(*overrides):
        recipe, base, prompter = prepare_small(
            "training.max_steps=2", "training.logging_steps=1", "lora.dropout=0.0", *overrides
        )
        seen = []
        train(
            base,
            recipe,
            prompter,
            sample(16),
            NOBODY,
            tmp_path / overrides[0],
            lambda event, **values: seen.append(values["loss"]) if event == "step" else None,
            never,
        )
        return seen

    whole = losses("training.memory=16-bit")
    assert losses("training.memory=24gb") == pytest.approx(whole, abs=1e-4)
    assert losses("training.memory=8gb") == pytest.approx(whole, abs=1e-4)


@pytest.mark.slow
def test_the_last_step_is_told_and_a_loss_that_is_no_number_with_it(
    prepare_small, sample, tmp_path
):
    recipe, base, prompter = prepare_small("training.max_steps=3", "training.logging_steps=2")
    told = []

    def report(event, **values):
        told.append((values["step"], values["loss"])) if event == "step" else None

    with torch.no_grad():
        base.model.get_output_embeddings().weight[:] = torch.nan
    train(base, recipe, prompter, sample(16), NOBODY, tmp_path, report, never)
    assert [step for step, _ in told] == [2, 3] and math.isnan(told[-1][1])


@pytest.mark.slow
def test_full_text_loss_follows_the_stock_trainer(prepare_small, sample, tmp_path):
    """The seed preset's curve over 30 steps, with the same samples in another order."""

    def curve(name, *overrides):
        recipe, base, prompter = prepare_small(
            "training.max_steps=30",
            "training.logging_steps=6",
            "training.save_steps=1000",
            "training.learning_rate=5e-4",
            "quantization.compute_dtype=float32",
            "training.max_length=32",
            "training.batch_size=8",
            "training.accumulation=1",
            *overrides,
            recipe=name,
        )
        losses = []
        examples = sample(80)
        train(
            base,
            recipe,
            prompter,
            examples,
            NOBODY,
            tmp_path / name,
            lambda event, **values: losses.append(values["loss"]) if event == "step" else None,
            never,
        )
        return losses

    stock = curve("seed", "training.gradient_checkpointing=false")
    ours = curve("fast", "loss=full-text", "training.warmup=0.03")
    assert len(stock) == len(ours) == 5
    assert stock[0] - stock[-1] > 0.3  # it learns at all
    assert ours == pytest.approx(stock, rel=0.005)  # a tenth of what it learns


@pytest.mark.slow
def test_the_seed_preset_trains_with_the_stock_trainer_on_whole_texts(prepare, sample, tmp_path):
    recipe, base, prompter = prepare(
        "training.max_steps=2",
        "training.logging_steps=1",
        "quantization.compute_dtype=float32",
        recipe="seed",
    )
    losses = []
    examples = sample(40)

    def report(event, **values):
        if event == "step":
            losses.append(values["loss"])

    train(base, recipe, prompter, examples, NOBODY, tmp_path, report, never)
    assert len(losses) == 2
    texts = [
        prompter.as_text(text) + [" Positive", " Negative"][label] + "<|endoftext|>"
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


FORMS = {
    "packed": (),
    "packed in 16 bits": ("quantization.compute_dtype=bfloat16",),
    "padded, grouped by length": (),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_stopped_run_ends_bit_for_bit_like_one_that_was_not(
    form, prepare_small, sample, tmp_path, monkeypatch
):
    """Stopped in the middle of an epoch, with dropout, and resumed in a model loaded anew."""
    if form.startswith("padded"):
        padded = ModelCapabilities(packing=False, linear_lm_head=True, reason="it is to be tested")
        monkeypatch.setattr(
            "workbench.modeling.packed.adapter_fits.probe_capabilities", lambda *a: padded
        )
    overrides = (
        "training.max_steps=7",
        "training.save_steps=2",
        "training.logging_steps=1",
        "lora.dropout=0.1",
        "training.keep_best=true",
        *FORMS[form],
    )
    seen, judged = [], []

    def report(event, **values):
        if event == "step":
            seen.append(values["step"])
        elif event == "dev":
            judged.append(values)

    def run(folder, stop_asked):
        recipe, base, prompter = prepare_small(*overrides)
        return train(base, recipe, prompter, sample(48), sample(8), folder, report, stop_asked)

    straight = run(tmp_path / "straight", never)
    expected, judged[:] = list(judged), []
    calls = itertools.count(1)
    stopped = run(tmp_path / "stopped", lambda: next(calls) == 5)
    assert (stopped.stopped, stopped.steps) == (True, 5)
    names = {path.name for path in (tmp_path / "stopped").iterdir()}
    assert {"checkpoint-4", "checkpoint-5"} <= names
    seen.clear()
    resumed = run(tmp_path / "stopped", never)
    assert seen == [6, 7] and (resumed.steps, resumed.stopped) == (7, False)
    assert judged == expected
    assert (resumed.adapter_step, resumed.remark) == (straight.adapter_step, straight.remark)
    learned = weights(straight.model)
    for name, weight in weights(resumed.model).items():
        assert torch.equal(weight, learned[name]), name
    assert resumed.dynamics == straight.dynamics
    *_, prompter = prepare_small(*overrides)
    texts = sample(20).texts
    assert score_texts(resumed.model, prompter, texts) == score_texts(
        straight.model, prompter, texts
    )


@pytest.mark.slow
def test_the_stock_trainer_too_ends_bit_for_bit_like_one_that_was_not_stopped(
    prepare_small, sample, tmp_path
):
    def run(folder, stop_asked):
        recipe, base, prompter = prepare_small(
            "training.max_steps=4",
            "training.save_steps=3",
            "training.batch_size=2",
            "training.accumulation=2",
            "quantization.compute_dtype=float32",
            "training.max_length=64",
            recipe="seed",
        )
        trained = train(base, recipe, prompter, sample(12), NOBODY, folder, silent, stop_asked)
        return trained, prompter

    straight, prompter = run(tmp_path / "straight", never)
    calls = itertools.count(1)
    stopped, _ = run(tmp_path / "stopped", lambda: next(calls) == 2)
    assert (stopped.stopped, stopped.steps) == (True, 2)
    resumed, _ = run(tmp_path / "stopped", never)
    assert (resumed.stopped, resumed.steps) == (False, 4)
    learned = weights(straight.model)
    for name, weight in weights(resumed.model).items():
        assert torch.equal(weight, learned[name]), name
    texts = sample(20).texts
    assert score_texts(resumed.model, prompter, texts) == score_texts(
        straight.model, prompter, texts
    )


@pytest.mark.slow
def test_dynamics_say_how_probable_each_given_label_was_in_each_epoch(
    prepare_small, sample, tmp_path
):
    recipe, base, prompter = prepare_small("training.max_steps=8", "training.max_length=48")
    examples = sample(32)
    trained = train(base, recipe, prompter, examples, NOBODY, tmp_path, silent, never)
    dynamics = trained.dynamics
    pairs = set(zip(dynamics.example_indices, dynamics.epochs, strict=True))
    assert pairs == {(number, epoch) for number in range(32) for epoch in range(4)}
    first, last = (
        statistics.mean(
            p for p, e in zip(dynamics.probabilities, dynamics.epochs, strict=True) if e == epoch
        )
        for epoch in (0, 3)
    )
    assert 0 < first < last <= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "seed"])
def test_trained_biases_of_the_base_fit_the_weights_beside_them(
    name, prepare_small, sample, tmp_path
):
    recipe, base, prompter = prepare_small(
        "lora.bias=all",
        "quantization.compute_dtype=bfloat16",
        "training.max_steps=2",
        "training.learning_rate=0.05",
        "training.batch_size=4",
        "training.accumulation=1",
        "training.max_length=64",
        recipe=name,
    )
    norm = base.model.transformer.ln_f
    before = norm.bias.detach().clone()
    trained = train(base, recipe, prompter, sample(8), NOBODY, tmp_path, silent, never)
    assert norm.bias.dtype == norm.weight.dtype == torch.bfloat16
    assert not torch.equal(norm.bias, before)
    kinds = {tensor.dtype for n, tensor in weights(trained.model).items() if "lora_" in n}
    assert kinds == {torch.float32}
    assert len(score_texts(trained.model, prompter, ["up", "down"])) == 2


def test_biases_of_a_base_that_is_shared_out_are_not_trained(
    prepare_small, sample, tmp_path, monkeypatch
):
    monkeypatch.setattr("workbench.modeling.packed.adapter_fits.is_sharded", lambda model: True)
    recipe, base, prompter = prepare_small("lora.bias=all", "training.memory=sharded")
    with pytest.raises(UserError, match=r"set lora\.bias=none"):
        train(base, recipe, prompter, sample(4), NOBODY, tmp_path, silent, never)


def test_a_run_holds_no_graph_when_it_is_over_and_scores_dev_as_its_memory_says(
    prepare_small, sample, tmp_path, monkeypatch
):
    class Graph:
        """Stands in for a captured pass and the memory that it holds."""

    held, settings = [], []

    def prepare_passes(work, passes, *rest):
        passes.graphs[(0,)] = graph = Graph()
        held.append(weakref.ref(graph))

    def scorer(model, prompter, expected, memory):
        settings.append(memory)
        return label_probabilities.label_scorer(model, prompter, expected, memory)

    monkeypatch.setattr(batch_probe, "probe_longest_batch", prepare_passes)
    monkeypatch.setattr(dev_evaluation, "label_scorer", scorer)
    recipe, base, prompter = prepare_small("training.max_steps=1", "training.memory=8gb")
    gc.disable()  # which may not come round before the run scores
    try:
        trained = train(base, recipe, prompter, sample(4), sample(2), tmp_path, silent, never)
        assert [graph() for graph in held] == [None]
    finally:
        gc.enable()
    assert settings == ["8gb"]
    assert not trained.model.is_gradient_checkpointing
    assert not base.model.get_input_embeddings()._forward_hooks


LOSSES = (0.9, 0.4, 0.6, 0.5, 0.4, 0.3)
"""What dev evaluations find in the tests below: the second is the best for a while."""


@pytest.fixture
def foreseen(monkeypatch):
    """Lets the dev evaluation after each step find the losses above."""

    def arrange(first=0):
        losses = iter(LOSSES[first:])
        monkeypatch.setattr(
            dev_evaluation, "dev_metrics", lambda *a: DevMetrics(next(losses), 0.5, 4)
        )

    return arrange


SHORT = (
    "training.save_steps=1",
    "training.batch_size=4",
    "training.accumulation=1",
    "training.max_length=64",
    "quantization.compute_dtype=float32",
    "training.keep_best=true",
)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["tiny", "seed"])
def test_a_run_ends_when_dev_gets_no_better_and_keeps_the_best(
    recipe, prepare_small, sample, tmp_path, foreseen
):
    overrides = (*SHORT, "training.max_steps=6", "training.patience=3")

    def run(folder, stop_asked=never):
        chosen, base, prompter = prepare_small(*overrides, recipe=recipe)
        return train(base, chosen, prompter, sample(12), sample(4), folder, silent, stop_asked)

    foreseen()
    straight = run(tmp_path / "straight")
    assert (straight.steps, straight.adapter_step, straight.stopped) == (5, 2, False)
    assert straight.remark == (
        "Ended at step 5 of 6: no better on dev since step 2, whose adapter is kept."
    )
    files = (tmp_path / "straight" / "checkpoint-2").glob("adapter*.safetensors")
    [best] = [load_file(path) for path in files]
    for name, weight in weights(straight.model).items():
        [kept] = [
            v
            for n, v in best.items()
            if n.replace(".default", "") in (name, name.replace(".default", ""))
        ]
        assert torch.equal(weight, kept), name

    foreseen()
    calls = itertools.count(1)
    assert run(tmp_path / "parts", lambda: next(calls) == 3).stopped
    foreseen(3)
    resumed = run(tmp_path / "parts")
    assert (resumed.steps, resumed.adapter_step, resumed.remark) == (5, 2, straight.remark)
    learned = weights(straight.model)
    assert all(torch.equal(w, learned[name]) for name, w in weights(resumed.model).items())


@pytest.mark.slow
def test_checkpoints_are_the_last_two_and_the_best_on_dev(
    prepare_small, sample, tmp_path, foreseen
):
    foreseen()
    recipe, base, prompter = prepare_small(*SHORT, "training.max_steps=5")
    trained = train(base, recipe, prompter, sample(16), sample(4), tmp_path, silent, never)
    assert (trained.steps, trained.adapter_step) == (5, 2)
    assert trained.remark == "The adapter is that of step 2 of 5, the best on dev."
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint-2",
        "checkpoint-3",
        "checkpoint-4",
    }
    files = {path.name for path in (tmp_path / "checkpoint-2").iterdir()}
    assert files == {"adapter.safetensors", "state.safetensors", "course.json", COMPLETE}
    assert read_training_state(tmp_path / "checkpoint-4") == TrainingState(4, 42, 2, 0.4)
    assert all("lora_" in name for name in load_file(tmp_path / "checkpoint-4/adapter.safetensors"))


def test_a_verdict_is_the_mean_loss_of_the_given_labels():
    found = dev_evaluation.dev_metrics([[0.9, 0.1], [0.4, 0.6], [1.0, 0.0]], [0, 0, 1])
    assert found.accuracy == pytest.approx(1 / 3) and found.n == 3
    assert found.loss == pytest.approx(-(math.log(0.9) + math.log(0.4) + math.log(1e-12)) / 3)
    assert found.improves_on(None) and not found.improves_on(found.loss)


@pytest.mark.parametrize(
    ("patience", "step", "best", "ends"),
    [
        (0, 90, 10, False),
        (2, 20, 10, False),
        (2, 29, 10, False),
        (2, 30, 10, True),
        (2, 30, 0, False),
        (1, 20, 10, True),
    ],
)
def test_patience_counts_evaluations(patience, step, best, ends):
    wishes = [f"training.patience={patience}", "training.save_steps=10"]
    settings = recipes.load("fast", wishes).training
    assert dev_evaluation.should_stop_early(settings, step, best) is ends

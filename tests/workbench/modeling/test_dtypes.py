"""What a run computes in, and weighs: left open, in float16, balanced."""

from __future__ import annotations

import pytest
import torch

from storage.errors import UserError
from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.compute_dtype import with_compute_dtype
from workbench.modeling.base.loading import load_base
from workbench.modeling.base.lora import add_adapter, fast_lora_layers
from workbench.modeling.data.batches import label_word_examples, pack
from workbench.modeling.data.examples import Examples, balanced_weights
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.packed import loss_scale
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.modeling.trainers import train
from workbench.planning.memory_estimate import training_bytes
from workbench.recipes import recipes
from workbench.worker.reporter import Reporter

WORDS = ("Positive", "Negative")
TEXTS, LABELS = ["up", "down it goes", "no way", "buy"] * 2, [0, 1, 1, 0] * 2
HALF = ["quantization.compute_dtype=float16", "lora.dropout=0.0", "training.memory=nf4"]


def loaded(folder, *overrides: str, recipe: str = "tiny"):
    """(recipe, base, prompter) of a small base."""
    chosen = recipes.load(recipe, overrides)
    base = load_base(str(folder), chosen.quantization)
    return chosen, base, make_prompter(base.tokenizer, "{text}\nLabel:", WORDS, WORDS, 64)


@pytest.mark.parametrize(
    ("avx512_bf16", "amx", "dtype"),
    [(False, False, "float32"), (True, False, "bfloat16"), (False, True, "bfloat16")],
)
def test_a_cpu_computes_in_what_is_fast_there(tiny_base, monkeypatch, avx512_bf16, amx, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    recipe, base, _ = loaded(tiny_base(), recipe="fast")
    assert recipe.quantization.compute_dtype == recipes.AUTO
    assert base.model.dtype == getattr(torch, dtype)
    assert base.quantization.compute_dtype == dtype  # which is what the adapter says later


@pytest.mark.parametrize(("multiplies", "dtype"), [(True, "bfloat16"), (False, "float16")])
def test_a_gpu_without_bfloat16_computes_in_float16(monkeypatch, multiplies, dtype):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: multiplies
    )
    assert with_compute_dtype(recipes.load("seed").quantization).compute_dtype == dtype
    chosen = recipes.load("fast", ["quantization.compute_dtype=float32"]).quantization
    assert with_compute_dtype(chosen) == chosen


def test_an_estimate_knows_how_large_a_number_is(repository):
    recipe = recipes.load("fast", ["training.memory=nf4"])
    base = str(repository / "sample_data" / "base")
    as_named = {
        dtype: training_bytes(
            base,
            recipes.with_overrides(recipe, [f"quantization.compute_dtype={dtype}"]),
            512,
            device,
        )
        for dtype, device in (("bfloat16", "cuda"), ("float32", "cpu"))
    }
    assert training_bytes(base, recipe, 512, "cuda") == as_named["bfloat16"]
    assert training_bytes(base, recipe, 512, "cpu") == as_named["float32"]


def gradient_of(folder, dtype: str, weight: float) -> torch.Tensor:
    """The gradient of the adapter for one batch whose loss is that small."""
    recipe, base, prompter = loaded(folder, *HALF, f"quantization.compute_dtype={dtype}")
    adapted = add_adapter(base.model, recipe.lora, 1)
    torch.manual_seed(3)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data = 0.02 * torch.randn_like(parameter)
    masters = MasterWeights(adapted, base.model.dtype)
    columns = torch.tensor(prompter.label_tree.columns)
    examples = label_word_examples(prompter, TEXTS, LABELS)
    with fast_lora_layers(adapted):
        passes = ForwardBackward(
            base.model, masters, ModelCapabilities(True, True), columns, lambda text: None
        )
        passes(pack(examples, weight, 0, 8))
    if passes.loss_scale is not None:
        assert passes.loss_scale.unscale(masters.gradient)
    return masters.gradient


def test_gradients_of_a_hundred_thousandth_survive_float16(tiny_base):
    expected = gradient_of(tiny_base(), "float32", 1e-5)
    found = gradient_of(tiny_base(), "float16", 1e-5)
    assert 1e-8 < expected.abs().median() < 1e-5
    assert (found - expected).norm() < 0.05 * expected.norm()


def test_the_factor_of_the_loss_ends_at_one_where_it_changes_nothing():
    scale = loss_scale.LossScale(torch.device("cpu"))
    factors = []
    for skipped in (0, 1, 16, 17, 100):
        scale.set(skipped)
        factors.append(scale.factor.item())
    assert factors == [2.0**16, 2.0**15, 1, 1, 1]
    assert scale.unscale(torch.tensor([float("inf")])), "so that the run ends"


def test_a_run_goes_on_after_a_logged_step_that_overflows(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scale, "START", 2.0**30)
    overrides = [*HALF, "training.max_steps=20", "training.logging_steps=1"]
    recipe, base, prompter = loaded(tiny_base(), *overrides)
    reporter, norms = Reporter(tmp_path), []

    def report(event, **values):
        reporter.report(event, **values)
        if event == "step":
            norms.append(values.get("grad_norm"))

    examples = Examples(TEXTS, LABELS)
    nobody = Examples([], [])
    done = train(base, recipe, prompter, examples, nobody, tmp_path, report, lambda: False)
    assert done.steps == 20 and norms[0] is None and norms[-1] > 0


def test_a_step_that_overflows_is_skipped_and_a_resumed_run_knows(tiny_base, tmp_path, monkeypatch):
    monkeypatch.setattr(loss_scale, "START", 2.0**30)
    overrides = [*HALF, "training.max_steps=40", "training.save_steps=10"]
    nobody = Examples([], [])

    def run(name: str, stop_after: int):
        recipe, base, prompter = loaded(tiny_base(), *overrides)
        notes, asked = [], iter(range(1, 100))
        trained = train(
            base,
            recipe,
            prompter,
            Examples(TEXTS, LABELS),
            nobody,
            tmp_path / name,
            lambda event, **values: notes.append(values["text"]) if event == "note" else None,
            lambda: next(asked) >= stop_after,
        )
        weights = [p.detach() for p in trained.model.parameters() if p.requires_grad]
        return trained, weights, [note for note in notes if "overflowed in float16" in note]

    whole, weights, notes = run("whole", 1_000)
    assert whole.steps == 40 and "of step 1 overflowed" in notes[0] and len(notes) < 30
    assert all(weight.isfinite().all() for weight in weights)
    first, _, before = run("parts", 3)
    assert first.stopped and 0 < len(before) <= 3
    _, resumed, after = run("parts", 1_000)
    assert [*before, *after] == notes
    assert all(torch.equal(one, other) for one, other in zip(resumed, weights, strict=True))


def test_the_stock_trainer_scales_the_loss_in_float16_too(tiny_base, tmp_path):
    recipe, base, prompter = loaded(
        tiny_base(), HALF[0], "lora.targets=all-linear", "training.max_steps=6", recipe="seed"
    )
    trained = train(
        base,
        recipe,
        prompter,
        Examples(TEXTS, LABELS),
        Examples([], []),
        tmp_path,
        lambda *arguments, **values: None,
        lambda: False,
    )
    moved = [p for name, p in trained.model.named_parameters() if "lora_B" in name]
    assert moved and all(weight.isfinite().all() for weight in moved)
    assert all((weight != 0).float().mean() > 0.95 for weight in moved)


def test_balanced_labels_weigh_the_same(tiny_base, tmp_path):
    labels = [0, 0, 0, 0, 0, 0, 1, 1]
    weights = balanced_weights(labels)
    assert sum(weights) == pytest.approx(8)
    assert sum(weights[:6]) == pytest.approx(sum(weights[6:]))

    def losses(*more: str) -> list[float]:
        seen = []
        recipe, base, prompter = loaded(
            tiny_base(),
            "lora.dropout=0.0",
            "training.max_steps=1",
            "training.logging_steps=1",
            *more,
        )
        train(
            base,
            recipe,
            prompter,
            Examples(TEXTS, labels),
            Examples([], []),
            tmp_path / str(more),
            lambda event, **values: seen.append(values["loss"]) if event == "step" else None,
            lambda: False,
        )
        return seen

    _, base, prompter = loaded(tiny_base())
    from workbench.modeling.scoring.label_probabilities import score_texts

    rows = torch.tensor(score_texts(base.model, prompter, TEXTS))
    each = -rows[torch.arange(8), labels].log()
    assert losses() == [pytest.approx(float(each.mean()), abs=1e-4)]
    balanced = float((each * torch.tensor(weights)).mean())
    assert losses("training.class_weights=balanced") == [pytest.approx(balanced, abs=1e-4)]
    with pytest.raises(UserError, match=r"class_weights=balanced goes with training\.trainer=pack"):
        recipes.load("seed", ["training.class_weights=balanced"])

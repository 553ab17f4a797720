"""The checks of gpu_speed.py: that what runs fast computes what it should, on this device too."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.forward import model_inputs
from workbench.modeling.base.linear_4bit import CompilableLinear4bit
from workbench.modeling.base.loading import load_base
from workbench.modeling.base.lora import add_adapter, fast_lora_layers
from workbench.modeling.base.model import Base
from workbench.modeling.data.batches import TokenizedExample, label_word_examples, pack
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.trainers import train
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.worker.model_job import _examples

WINDOW = 10
"""Steps over which losses are averaged before they are compared."""


@torch.no_grad()
def check(base: Base, folder: Path) -> dict[str, Any]:
    """The checks of tests/modeling, with a base of this size and a run that is done."""
    from safetensors.torch import load_file

    job = run_folder.read_job(folder)
    model = base.model.eval()
    fuse_attention(model)
    prompter = make_prompter(base.tokenizer, job.template, job.labels, job.words, 256)
    examples, _ = _examples(folder / run_folder.TRAIN, job)
    rows = label_word_examples(prompter, examples.texts[:16], examples.labels[:16])
    where = model.device

    def together(some: list[TokenizedExample], multiple: int = 64) -> torch.Tensor:
        batch = pack(some, 1.0, 0, multiple).to(where)
        logits: torch.Tensor = model(**model_inputs(model, batch), use_cache=False).logits
        return logits[0, batch.target_positions].float()

    alone = torch.stack(
        [
            model(input_ids=torch.tensor([row.tokens], device=where), use_cache=False)
            .logits[0, -1]
            .float()
            for row in rows
        ]
    )
    plain = together(rows)
    changed = [*rows]
    changed[3] = TokenizedExample([7] * len(rows[3].tokens), rows[3].target_positions, [0])
    others = [number for number in range(16) if number != 3]
    scale = float(alone.std())
    checks: dict[str, Any] = {
        "packed_to_single_mean": float((plain - alone).abs().mean()) / scale,
        "reordered_mean": float((together(rows[::-1]).flip(0) - plain).abs().mean()) / scale,
        "other_bucket_mean": float((together(rows, 256) - plain).abs().mean()) / scale,
        "leak_max": float((together(changed)[others] - plain[others]).abs().max()) / scale,
    }
    layer = next(m for m in model.modules() if type(m).__name__ == "Linear4bit")
    frozen = CompilableLinear4bit(layer)
    x = torch.randn(64, layer.in_features, device=where, dtype=model.dtype)
    weight = torch.ops.bitsandbytes.dequantize_4bit.default(
        frozen.packed,
        frozen.absmax,
        *frozen.form[:2],
        [layer.out_features, layer.in_features],
        model.dtype,
    )
    checks["nf4_equals_dequantised"] = torch.equal(frozen(x), functional.linear(x, weight))
    saved = load_file(folder / run_folder.ADAPTER / "adapter_model.safetensors")
    ups = [tensor for name, tensor in saved.items() if "lora_B" in name]
    checks["adapter_dtypes"] = sorted({str(tensor.dtype) for tensor in saved.values()})
    checks["lora_b_moved"] = float(sum((t != 0).sum() for t in ups) / sum(t.numel() for t in ups))
    return checks


def gradient_distance(base: Base, folder: Path) -> float:
    """How far the gradient of a packed row is from the sum of its tweets', relative to it."""
    job = run_folder.read_job(folder)
    assert job.recipe.lora is not None
    model = base.model.eval()
    prompter = make_prompter(base.tokenizer, job.template, job.labels, job.words, 256)
    examples, _ = _examples(folder / run_folder.TRAIN, job)
    rows = label_word_examples(prompter, examples.texts[:4], examples.labels[:4])
    answers = [answer[0] for answer in prompter.label_token_ids]
    lora = replace(job.recipe.lora, dropout=0.0)
    adapted = add_adapter(model, lora, 1)
    with torch.enable_grad(), fast_lora_layers(adapted):
        parameters = [p for p in adapted.parameters() if p.requires_grad]
        for parameter in parameters:
            parameter.data = parameter.data.to(model.dtype)
        batch = pack(rows, 0.25, 0, 64).to(model.device)
        logits = model(**model_inputs(model, batch), use_cache=False).logits[
            0, batch.target_positions
        ]
        losses = functional.cross_entropy(
            logits[:, answers].float(), batch.targets, reduction="none"
        )
        ours = torch.autograd.grad((losses * batch.weights).sum(), parameters)
        total = [torch.zeros_like(p, dtype=torch.float32) for p in parameters]
        for row in rows:
            ids = torch.tensor([row.tokens], device=model.device)
            one = model(input_ids=ids, use_cache=False).logits[0, -1, answers].float()
            loss = -one.log_softmax(0)[row.targets[0]] / len(rows)
            for kept, part in zip(total, torch.autograd.grad(loss, parameters), strict=True):
                kept += part
    distance = sum(float((a.float() - b).square().sum()) for a, b in zip(ours, total, strict=True))
    length = sum(float(b.square().sum()) for b in total)
    adapted.unload()
    return math.sqrt(distance / max(length, 1e-30))


def loss_curves(folder: Path, steps: int, small: bool) -> dict[str, Any]:
    """The seed preset's loss, step by step, with the stock trainer and with the packed loop.

    The same samples in another order and other dropout: the curves agree within noise.
    """
    job = run_folder.read_job(folder)
    examples, _ = _examples(folder / run_folder.TRAIN, job)
    found: dict[str, Any] = {}
    for trainer in ("trl", "packed"):
        overrides = [f"training.max_steps={steps}", "training.logging_steps=1"]
        overrides += [f"training.trainer={trainer}", "training.save_steps=100000"]
        overrides += ["quantization.compute_dtype=float32"] * small
        recipe = recipes.load("seed", overrides)
        assert recipe.quantization is not None
        base = load_base(str(job.base), recipe.quantization)
        prompter = make_prompter(base.tokenizer, job.template, job.labels, job.words, 256)
        losses: list[float] = []

        def report(event: str, losses: list[float] = losses, **values: Any) -> None:
            if event == "step":
                losses.append(values["loss"])

        train(
            base,
            recipe,
            prompter,
            examples,
            Examples([], []),
            folder / f"{trainer}-checkpoints",
            report,
            lambda: False,
        )
        found[trainer] = losses
    ours, stock = (windows(found[name]) for name in ("packed", "trl"))
    distances = [abs(a - b) / b for a, b in zip(ours, stock, strict=True)]
    return found | {"largest_relative_distance": max(distances)}


def windows(losses: list[float]) -> list[float]:
    """Means over WINDOW steps."""
    parts = [losses[first : first + WINDOW] for first in range(0, len(losses), WINDOW)]
    return [sum(part) / len(part) for part in parts]

"""Going on from an adapter against starting anew, and axes of embeddings, with the demo's base.

    python tests/bench/warm_start.py --out results     # a CPU, some five minutes

It is fine-tuned on the demo's tweets with some labels flipped. Then most of those are corrected,
and the training goes on from that adapter, shrunk by several factors (Ash and Adams 2020,
arXiv:1910.08475), or begins anew. The hidden states of tweets give neighbours in full, and on
principal or random axes.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["TORCHDYNAMO_DISABLE"] = "1"
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import numpy as np  # noqa: E402
import torch  # noqa: E402

from storage.config import TEMPLATE  # noqa: E402
from workbench.modeling.base.loading import load_base  # noqa: E402
from workbench.modeling.data.examples import Examples  # noqa: E402
from workbench.modeling.data.prompts import make_prompter  # noqa: E402
from workbench.modeling.scoring.embeddings import EMBEDDING_SIZE, principal_axes  # noqa: E402
from workbench.modeling.scoring.label_probabilities import label_scorer, score_texts  # noqa: E402
from workbench.modeling.trainers import train  # noqa: E402
from workbench.modeling.training.warm_start import WarmStart  # noqa: E402
from workbench.recipes import recipes  # noqa: E402

SAMPLE = HERE.parents[1] / "sample_data"
LABELS, WORDS = ("positive", "negative"), ("Positive", "Negative")
TEST = 220
STEPS, FEWER = 80, 20
FLIPPED, CORRECTED = 0.15, 0.6
ARMS = {
    f"anew, {STEPS} steps": (None, STEPS),
    f"anew, {FEWER} steps": (None, FEWER),
    **{
        f"from the adapter, {keep:g} kept, {FEWER} steps": (keep, FEWER)
        for keep in (1, 0.8, 0.6, 0.4)
    },
    "from the adapter, 1 kept, 10 steps": (1.0, 10),
}
SIZES = (8, 16, 32, 64)


@dataclass(frozen=True)
class Labelled:
    """The tweets of the demo with their right labels, as places among the words."""

    train: Examples
    test: Examples


def read_demo(seed: int) -> Labelled:
    """The demo's tweets, dealt out by a seed, without the errors that are planted in them."""
    with (SAMPLE / "planted_errors.csv").open(encoding="utf-8", newline="") as file:
        right = {row["id"]: row["correct"] for row in csv.DictReader(file)}
    with (SAMPLE / "tweets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(seed).shuffle(rows)
    labels = [LABELS.index(right.get(row["id"], row["label"])) for row in rows]
    texts = [row["text"] for row in rows]
    return Labelled(Examples(texts[TEST:], labels[TEST:]), Examples(texts[:TEST], labels[:TEST]))


@dataclass(frozen=True)
class Trained:
    """What a fit has come to."""

    weights: dict[str, torch.Tensor]
    accuracy: float
    loss: float


def fit(
    data: Labelled,
    labels: list[int],
    steps: int,
    seed: int,
    start: WarmStart | None,
) -> Trained:
    """Fine-tune on the training tweets with some labels, and score the test tweets."""
    settings = (
        f"training.max_steps={steps}",
        f"training.save_steps={steps}",
        f"training.seed={seed}",
    )
    recipe = recipes.load("tiny", settings)
    assert recipe.quantization is not None and recipe.training is not None
    base = load_base(str(SAMPLE / "base"), recipe.quantization)
    length = recipe.training.max_length
    prompter = make_prompter(base.tokenizer, TEMPLATE, WORDS, WORDS, length)
    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            base,
            recipe,
            prompter,
            Examples(data.train.texts, labels),
            Examples([], []),
            Path(folder),
            lambda *event, **values: None,
            lambda: False,
            plan=start,
        )
    rows = np.array(score_texts(trained.model, prompter, data.test.texts))
    own = rows[np.arange(len(rows)), data.test.labels]
    weights = {
        name.replace(".default.", "."): parameter.detach().clone()
        for name, parameter in trained.model.named_parameters()
        if parameter.requires_grad
    }
    right = float((rows.argmax(1) == data.test.labels).mean())
    return Trained(weights, right, float(-np.log(own.clip(1e-12)).mean()))


def warm_starts(seeds: int) -> dict[str, Any]:
    """Accuracy and loss on test, by arm: mean and standard deviation over seeds."""
    found: dict[str, list[Trained]] = {}
    for seed in range(seeds):
        draw, data = random.Random(seed), read_demo(seed)
        wrong = {
            place: 1 - label
            for place, label in enumerate(data.train.labels)
            if draw.random() < FLIPPED
        }
        before = [wrong.get(place, label) for place, label in enumerate(data.train.labels)]
        left = {place: label for place, label in wrong.items() if draw.random() > CORRECTED}
        after = [left.get(place, label) for place, label in enumerate(data.train.labels)]
        parent = fit(data, before, STEPS, seed, None)
        found.setdefault(f"before the corrections, {STEPS} steps", []).append(parent)
        for name, (keep, steps) in ARMS.items():
            start = None if keep is None else WarmStart(parent.weights, keep)
            found.setdefault(name, []).append(fit(data, after, steps, seed + 100, start))
            print(name, round(found[name][-1].accuracy, 4), flush=True)
    return {
        name: {
            "accuracy": [fit.accuracy for fit in fits],
            "loss": [fit.loss for fit in fits],
        }
        for name, fits in found.items()
    }


def neighbours(vectors: torch.Tensor, count: int = 10) -> torch.Tensor:
    """The nearest rows by cosine of each row, (rows, count)."""
    unit = torch.nn.functional.normalize(vectors.float(), dim=1)
    return (unit @ unit.T).fill_diagonal_(-2).topk(count).indices


def axes(data: Labelled) -> dict[str, Any]:
    """How far neighbours on fewer axes are those of the centred hidden states, and their labels."""
    recipe = recipes.load("tiny")
    assert recipe.quantization is not None
    base = load_base(str(SAMPLE / "base"), recipe.quantization)
    prompter = make_prompter(base.tokenizer, TEMPLATE, WORDS, WORDS, 256)
    with label_scorer(base.model, prompter, len(data.test.texts), embed=True) as score:
        score(prompter.encode(data.test.texts))
        assert score.pooled is not None
        pooled = score.pooled.float()
    labels = torch.tensor(data.test.labels)
    full = neighbours(pooled)
    principal = principal_axes(pooled)
    torch.manual_seed(0)
    random_axes = torch.linalg.qr(torch.randn(pooled.shape[1], pooled.shape[1])).Q
    views = {"all": pooled, "all, centred": pooled - pooled.mean(0)}
    for size in SIZES:
        views[f"principal {size}"] = (pooled - principal.mean) @ principal.axes[:, :size]
        views[f"random {size}"] = pooled @ random_axes[:, :size]
        views[f"random {size}, centred"] = (pooled - pooled.mean(0)) @ random_axes[:, :size]
    return {
        name: {
            "same_neighbours": _overlap(neighbours(view), full),
            "same_label": float((labels[neighbours(view)] == labels[:, None]).float().mean()),
        }
        for name, view in views.items()
    }


def _overlap(some: torch.Tensor, others: torch.Tensor) -> float:
    return float((some[:, :, None] == others[:, None, :]).any(2).float().mean())


def _mean_and_spread(values: list[float]) -> str:
    spread = np.std(values, ddof=1) if len(values) > 1 else math.nan
    return f"{np.mean(values):.3f} ± {spread:.3f}"


def table(figures: dict[str, Any]) -> str:
    """The figures in Markdown."""
    lines = ["| | accuracy on test | loss |", "|---|---:|---:|"]
    for name, values in figures["warm_starts"].items():
        cells = (_mean_and_spread(values[key]) for key in ("accuracy", "loss"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "| axes | neighbours of the full vectors | of the same label |",
        "|---|---:|---:|",
    ]
    for name, values in figures["axes"].items():
        lines.append(f"| {name} | {values['same_neighbours']:.3f} | {values['same_label']:.3f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure both, and write warm_start.json and warm_start.md."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"axes": axes(read_demo(0)), "warm_starts": warm_starts(args.seeds)}
    figures |= {"most_dimensions": EMBEDDING_SIZE, "seeds": args.seeds}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "warm_start.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    (args.out / "warm_start.md").write_text(table(figures), "utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()

"""What each voter adds to finding wrong labels: texts, a small language model in three ways.

    python tests/bench/learning.py pack --shared ../shared --out DATA
    python tests/bench/suspects_voters.py --data DATA --out tests/bench/results   # a GPU, 5 minutes

The small Falcon of learning.py reads unlabelled tweets, then learns the labels of two sets of which
some were made wrong, with the recipe `fast` and three folds. It votes untuned (zero-shot), by what
the adapters say of the tweets that they did not see (cross-fitted), and by how probable the given
labels were while it learnt them (training dynamics). Writes suspects_voters.json and .md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import learning_fits  # noqa: E402
import numpy as np  # noqa: E402
from learning import FULL, SMALL, Scale, versions  # noqa: E402
from learning_base import pretrain  # noqa: E402
from learning_data import SETS, read_corpus, read_labelled  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from sklearn.metrics import average_precision_score  # noqa: E402
from suspects_noise import Plant, one_way, uniform  # noqa: E402

from storage.config import TEMPLATE  # noqa: E402
from workbench.analysis.folds import assign_folds  # noqa: E402
from workbench.analysis.label_errors.label_noise import given_is_right  # noqa: E402
from workbench.analysis.label_errors.training_dynamics import text_dynamics  # noqa: E402
from workbench.analysis.label_errors.voters import (  # noqa: E402
    EMBEDDING_PRIOR,
    Vote,
    dynamics_vote,
    judge,
    text_votes,
)
from workbench.analysis.label_errors.votes import fold_plans  # noqa: E402
from workbench.evaluation.suspect_votes import ZERO_SHOT_PRIOR  # noqa: E402

MOST = 2_000
"""Tweets of a set."""
RATE, EPOCHS, FOLDS = 2e-3, 3, 3
NOISES: dict[str, dict[str, Plant]] = {
    "financial-news": {"10 % uniform": uniform(0.1), "40 % one way": one_way(1, 2, 0.4)},
    "surge": {"10 % uniform": uniform(0.1), "30 % one way": one_way(1, 0, 0.3)},
}
COMBINATIONS = {
    "texts": (),
    "+ zero-shot": ("zero-shot",),
    "+ cross-fitted": ("cross-fitted",),
    "+ dynamics": ("dynamics",),
    "+ cross-fitted, dynamics": ("cross-fitted", "dynamics"),
    "+ all three": ("zero-shot", "cross-fitted", "dynamics"),
}


@dataclass(frozen=True)
class Setting:
    """A set, how its labels are made wrong, and the seed of that."""

    data: str
    noise: str
    seed: int


def tweets_of(folder: Path, name: str, most: int) -> tuple[list[str], NDArray[np.int64]]:
    """The training tweets of a set and their labels."""
    train = read_labelled(folder, name, 0).train
    return list(train.texts[:most]), np.array(train.labels[:most], np.int64)


def given_labels(setting: Setting, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels, some of them wrong."""
    rng = np.random.default_rng(setting.seed)
    return NOISES[setting.data][setting.noise](labels, rng)


def learn(setting: Setting, folder: Path, base: Path, overrides: list[str], most: int) -> Any:
    """What the language model says of the tweets in its three ways, in a process of a pool."""
    from workbench.modeling.base.loading import load_base
    from workbench.modeling.data.examples import Examples
    from workbench.modeling.data.prompts import make_prompter
    from workbench.modeling.packed.cross_fit import FoldPlan
    from workbench.modeling.scoring.label_probabilities import score_texts
    from workbench.modeling.trainers import train
    from workbench.recipes import recipes

    texts, labels = tweets_of(folder, setting.data, most)
    given = given_labels(setting, labels)
    settings = {"max_steps": 0, "epochs": EPOCHS, "learning_rate": RATE, "folds": FOLDS}
    recipe = recipes.load(
        "fast", [*(f"training.{name}={value}" for name, value in settings.items()), *overrides]
    )
    assert recipe.quantization is not None and recipe.training is not None
    loaded = load_base(str(base), recipe.quantization)
    words = SETS[setting.data]
    prompter = make_prompter(loaded.tokenizer, TEMPLATE, words, words, recipe.training.max_length)
    zero_shot = score_texts(loaded.model, prompter, texts)
    out_of_fold = np.full((len(texts), len(words)), np.nan)

    def save(fold: int, indices: Any, rows: Any) -> None:
        out_of_fold[list(indices)] = rows

    plan = FoldPlan(
        assign_folds(given.tolist(), range(len(texts)), FOLDS, setting.seed), frozenset(), save
    )
    with tempfile.TemporaryDirectory() as place:
        trained = train(
            loaded,
            recipe,
            prompter,
            Examples(texts, given.tolist()),
            Examples([], []),
            Path(place),
            lambda event, **values: None,
            lambda: False,
            plan=plan,
        )
    noted = trained.dynamics
    assert noted is not None
    curves = text_dynamics(noted.example_indices, noted.epochs, noted.probabilities)
    confidence = np.full(len(texts), np.nan)
    for curve in curves:
        confidence[curve.id] = curve.confidence
    return np.array(zero_shot), out_of_fold, confidence


def figures(setting: Setting, folder: Path, most: int, learnt: Any) -> dict[str, float]:
    """The average precision of each combination of voters, and of single ones."""
    texts, labels = tweets_of(folder, setting.data, most)
    given = given_labels(setting, labels)
    wrong, n_labels = given != labels, len(SETS[setting.data])
    plans = fold_plans(given.tolist(), range(len(texts)), 5, 42)
    cast = text_votes(texts, given, n_labels, plans)
    zero_shot, out_of_fold, confidence = learnt
    more = {
        "zero-shot": Vote("zero-shot", ZERO_SHOT_PRIOR, zero_shot),
        "cross-fitted": Vote("cross-fitted", EMBEDDING_PRIOR, out_of_fold),
        "dynamics": dynamics_vote("dynamics", confidence, given, cast),
    }
    own = np.arange(len(given)), given
    found = {
        f"{name} alone": float(average_precision_score(wrong, 1 - vote.probabilities[own]))
        for name, vote in more.items()
    }
    for name, chosen in COMBINATIONS.items():
        judged = judge([*cast, *(more[one] for one in chosen)], given)
        score = 1 - given_is_right(judged.noise.posterior, given)
        found[name] = float(average_precision_score(wrong, score))
    return found


def main() -> None:
    """Pretrain, learn each setting in a process of its own, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="on a CPU, to see that it works")
    options = parser.parse_args()
    scale: Scale = SMALL if options.small else FULL
    most, seeds = (60, 1) if options.small else (MOST, options.seeds)
    began, base = time.monotonic(), Path(tempfile.mkdtemp(prefix="voters-")) / "base"
    settings = [
        Setting(data, noise, seed)
        for data, noises in NOISES.items()
        for noise in noises
        for seed in range(1, seeds + 1)
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    done: dict[Setting, dict[str, float]] = {}
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(len(settings), scale.processes), learning_fits.get_ready) as pool:
        texts, held_out = read_corpus(options.data)
        about = pretrain(texts[: scale.corpus or None], held_out[:2_000], scale.shape, base)
        answers = [
            pool.apply_async(learn, (one, options.data, base, list(scale.overrides), most))
            for one in settings
        ]
        for setting, answer in zip(settings, answers, strict=True):
            done[setting] = figures(setting, options.data, most, answer.get())
            print(f"[{time.monotonic() - began:.0f} s] {setting}: {done[setting]}", flush=True)
            _write(options.out, done, about, most)


def _write(out: Path, done: dict[Setting, dict[str, float]], about: Any, most: int) -> None:
    head = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": versions(),
        "base": about,
        "settings": [vars(one) | {"average_precision": found} for one, found in done.items()],
    }
    (out / "suspects_voters.json").write_text(json.dumps(head, indent=1, default=float) + "\n")
    kinds = list(dict.fromkeys((one.data, one.noise) for one in done))
    names = list(next(iter(done.values())))
    lines = [
        f"# What each voter adds, on {head['versions']['device']}, {head['date']}",
        "",
        f"Average precision of planted label errors among up to {most:,} tweets of each set, mean "
        f"± standard deviation over seeds; a Falcon of {about['parameters']:,} weights, `fast`, "
        f"learning rate {RATE:g}, {EPOCHS} epochs, {FOLDS} folds. `texts` are words and similar "
        "texts; embeddings do not vote here.",
        "",
        "| voters | " + " | ".join(f"{data}, {noise}" for data, noise in kinds) + " |",
        "|---|" + "---:|" * len(kinds),
    ]
    for name in names:
        cells = []
        for kind in kinds:
            own = [found[name] for one, found in done.items() if (one.data, one.noise) == kind]
            spreads = float(np.std(own, ddof=1)) if len(own) > 1 else 0.0
            cells.append(f"{np.mean(own):.3f} ± {spreads:.3f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    (out / "suspects_voters.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

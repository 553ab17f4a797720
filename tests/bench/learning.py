"""Which of the recipes `seed` and `fast` learns better from the same tweets, without large weights.

    python tests/bench/learning.py pack --shared ../shared --out .gpu/learning
    python tests/bench/learning.py run --data .gpu/learning --out DIR   # a GPU, seven minutes
    python tests/bench/learning.py run ... --small                      # any CPU, a minute

A small Falcon reads unlabelled tweets (learning_base.py), is then fine-tuned with both recipes on
two labelled sets in many processes at once (learning_fits.py), and scores their test tweets.
learning.json, learning.md and predictions.npz are written into the folder again and again. The
recipes stay as they are but for the learning rate, which is 2e-4 as in the presets, and also the
one of a grid that is best on the dev tweets of the larger set.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import learning_fits  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from learning_base import Shape, pretrain  # noqa: E402
from learning_data import SETS, pack, read_corpus, read_labelled  # noqa: E402
from learning_figures import GOAL, compared, of_fits, reached  # noqa: E402
from learning_fits import Course, Fit  # noqa: E402
from learning_table import table  # noqa: E402

PRESETS = ("seed", "fast")
PRESET_RATE = 2e-4
TUNING = "financial-news"
"""The set whose dev tweets choose a learning rate; those of the other are too few."""
RESERVE = 8.0
"""Seconds kept for the last figures."""
WRITE_EVERY = 15.0
"""Seconds between the files that are written on the way."""


@dataclass(frozen=True)
class Scale:
    """How much is done."""

    shape: Shape
    corpus: int
    """Tweets of the corpus that are read; 0 for all."""
    steps: int
    points: tuple[int, ...]
    seeds: int
    rates: tuple[float, ...]
    """Learning rates that are tried beside that of the presets, with the first seed."""
    most: int
    generated: int
    processes: int
    overrides: tuple[str, ...] = ()


FULL = Scale(
    Shape(8192, 512, 4, 8, passes=16, rows=64, width=256, seconds=110),
    corpus=0,
    steps=200,
    points=(5, 10, 20, 40, 80, 120, 160, 200),
    seeds=5,
    rates=(6e-4, 2e-3, 6e-3),
    most=0,
    generated=150,
    processes=15,
)
SMALL = Scale(
    Shape(1024, 64, 2, 1, passes=1, rows=8, width=128, seconds=6),
    corpus=2_000,
    steps=4,
    points=(2, 4),
    seeds=2,
    rates=(2e-3,),
    most=40,
    generated=4,
    processes=2,
    overrides=("quantization.compute_dtype=float32", "training.logging_steps=2"),
)


class Bench:
    """The fits that are waited for, those that are done, and the figures so far."""

    def __init__(self, args: argparse.Namespace, scale: Scale) -> None:
        self.args, self.scale = args, scale
        self.began = time.monotonic()
        self.work = Path(tempfile.mkdtemp(prefix="learning-"))
        self.course = Course(
            args.data,
            self.work / "base",
            scale.steps,
            scale.points,
            scale.overrides,
            scale.most,
            scale.generated,
        )
        self.data = {name: read_labelled(args.data, name, scale.most) for name in SETS}
        self.done: dict[Fit, dict[str, Any]] = {}
        self.waiting: dict[Fit, Any] = {}
        self.chosen: dict[str, float] = {}
        self.written = 0.0
        self.result: dict[str, Any] = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "command": "python tests/bench/learning.py run --data DIR --out DIR"
            + " --small" * args.small,
            "versions": versions(),
            "scale": asdict(scale),
            "data": {
                name: {
                    "words": data.words,
                    "train": len(data.train.texts),
                    "dev": len(data.dev.texts),
                    "test": len(data.test.texts),
                    "largest_class": majority(data.test.labels),
                }
                for name, data in self.data.items()
            },
            "notes": [],
        }

    @property
    def left(self) -> float:
        """Seconds before the budget is used up."""
        return float(self.args.budget) - RESERVE - (time.monotonic() - self.began)

    def go(self) -> None:
        """Pretrain while the processes start, then fit until all is done or the time is over."""
        context = multiprocessing.get_context("spawn")
        with context.Pool(self.scale.processes, learning_fits.get_ready) as pool:
            self.pretrain()
            for fit in self.first():
                self.submit(pool, fit)
            while self.waiting and self.left > 0:
                self.gather()
                for preset in PRESETS:
                    if preset not in self.chosen and self.tuned(preset):
                        for fit in self.second(preset):
                            self.submit(pool, fit)
                time.sleep(0.2)
            self.gather()
            pool.terminate()
        if self.waiting:
            names = ", ".join(sorted(fit.name for fit in self.waiting))
            self.note(f"no time was left for {names}")
        self.write()
        print((self.args.out / "learning.md").read_text("utf-8"), flush=True)

    def pretrain(self) -> None:
        """Make the base."""
        texts, held_out = read_corpus(self.args.data)
        shape = self.scale.shape
        shape = replace(shape, seconds=min(shape.seconds, self.left / 2))
        texts = texts[: self.scale.corpus or None]
        if self.scale.corpus:
            held_out = held_out[: self.scale.corpus // 10]
        self.result["base"] = pretrain(texts, held_out, shape, self.course.base)
        self.write()

    def first(self) -> list[Fit]:
        """What is done in any case, the longest and those that others wait for first."""
        fits = []
        for preset in PRESETS:
            fits += [Fit(TUNING, preset, rate, 0) for rate in self.scale.rates]
            fits += [
                Fit(name, preset, PRESET_RATE, seed)
                for name in SETS
                for seed in range(self.scale.seeds)
            ]
        return fits

    def tuned(self, preset: str) -> bool:
        """Choose the learning rate of a preset, once all were tried; true if it is chosen."""
        tried = [Fit(TUNING, preset, rate, 0) for rate in (PRESET_RATE, *self.scale.rates)]
        if any(fit in self.waiting for fit in tried):
            return False
        truth = self.data[TUNING].dev.labels
        shares = {
            fit.rate: float((np.argmax(self.done[fit]["dev"], axis=1) == truth).mean())
            for fit in tried
            if fit in self.done
        }
        if not shares:
            return False
        self.chosen[preset] = max(shares, key=lambda rate: shares[rate])
        self.result.setdefault("rates", {})[preset] = {
            "chosen": self.chosen[preset],
            "dev_accuracy": {f"{rate:g}": share for rate, share in shares.items()},
        }
        return True

    def second(self, preset: str) -> list[Fit]:
        """What is done with the learning rate that was chosen."""
        rate = self.chosen[preset]
        fits = [Fit(name, preset, rate, seed) for name in SETS for seed in range(self.scale.seeds)]
        return [fit for fit in fits if fit not in self.done and fit not in self.waiting]

    def submit(self, pool: Any, fit: Fit) -> None:
        """Let a process of the pool do it."""
        self.waiting[fit] = pool.apply_async(learning_fits.run, (fit, self.course))

    def gather(self) -> None:
        """Take in what is done, and write the figures if that is something."""
        ready = [fit for fit, answer in self.waiting.items() if answer.ready()]
        for fit in ready:
            found = self.waiting.pop(fit).get()
            if "error" in found:
                self.note(f"{fit.name} failed:\n{found['error']}")
                continue
            self.done[fit] = found
            spent = f"{found['step_s']:.3f} s a step"
            print(f"[{time.monotonic() - self.began:.0f} s] {fit.name}: {spent}", flush=True)
        if ready and time.monotonic() - self.written > WRITE_EVERY:
            self.write()

    def note(self, text: str) -> None:
        """Say what did not go as planned."""
        print(f"! {text}", flush=True)
        self.result["notes"].append(text)

    def write(self) -> None:
        """Write what there is."""
        self.written = time.monotonic()
        last = self.scale.steps
        arrays: dict[str, Any] = {}
        for fit, done in self.done.items():
            arrays[fit.name] = np.array(done["test"][last], np.float32)
            arrays[f"{fit.name}/dev"] = np.array(done["dev"], np.float32)
        np.savez_compressed(self.args.out / "predictions.npz", **arrays)
        self.result["seconds"] = round(time.monotonic() - self.began, 1)
        self.result["figures"] = {
            regime: {name: self.figures(name, regime) for name in SETS}
            for regime in ("preset", "tuned")
        }
        text = json.dumps(self.result, indent=1, default=float)
        (self.args.out / "learning.json").write_text(text + "\n", "utf-8")
        (self.args.out / "learning.md").write_text(table(self.result), "utf-8")

    def figures(self, name: str, regime: str) -> dict[str, Any]:
        """The figures of both recipes on a set, with one way to choose the learning rate."""
        data = self.data[name]
        test = data.test.labels
        found: dict[str, Any] = {}
        fits = {}
        for preset in PRESETS:
            rate = PRESET_RATE if regime == "preset" else self.chosen.get(preset)
            if rate is None:
                continue
            wanted = [Fit(name, preset, rate, seed) for seed in range(self.scale.seeds)]
            fits[preset] = {fit.seed: self.done[fit] for fit in wanted if fit in self.done}
            if some := list(fits[preset].values()):
                found[preset] = {"rate": rate} | of_fits(
                    some, data.dev.labels, test, len(data.words)
                )
        if not found:
            return found
        best = max(p["mean"] for figures in found.values() for p in figures["curve"])
        found["goal"] = GOAL * best
        for preset in PRESETS:
            if preset in found:
                found[preset]["reached"] = reached(found[preset], GOAL * best)
        both = [seed for seed in fits.get("seed", {}) if seed in fits.get("fast", {})]
        if both:
            first, second = ([fits[preset][seed] for seed in both] for preset in PRESETS)
            found["fast_minus_seed"] = compared(first, second, test)
        return found


def majority(labels: Any) -> float:
    """The share of the largest class."""
    return float(np.bincount(labels).max() / len(labels))


def versions() -> dict[str, Any]:
    """What the figures were made with."""
    names = ("torch", "transformers", "trl", "peft", "bitsandbytes", "datasets", "scipy")
    found: dict[str, Any] = {name: version(name) for name in names}
    found["python"] = platform.python_version()
    found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return found


def main() -> None:
    """Pack the tweets, or measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="does")
    packing = commands.add_parser("pack", help="put the tweets into one small file")
    packing.add_argument("--shared", type=Path, required=True, help="the folder with data/")
    packing.add_argument("--out", type=Path, required=True)
    running = commands.add_parser("run", help="pretrain, fine-tune, score, write the figures")
    running.add_argument("--data", type=Path, required=True, help="the folder that was packed")
    running.add_argument("--out", type=Path, required=True)
    running.add_argument("--budget", type=float, default=540.0, help="seconds for everything")
    running.add_argument("--small", action="store_true")
    args = parser.parse_args()
    if args.does == "pack":
        print(json.dumps(pack(args.shared, args.out), indent=1))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    Bench(args, SMALL if args.small else FULL).go()


if __name__ == "__main__":
    main()

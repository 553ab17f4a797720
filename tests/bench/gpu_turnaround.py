"""How long people wait, with the commands that they type: a Falcon-7B shape, 500 tweets, one call.

    python tests/bench/gpu_turnaround.py --data sentiment.csv --tokenizer falcon-tokenizer --out DIR
    python tests/bench/gpu_turnaround.py ... --small       # a few thousand weights, any CPU
    python tests/bench/gpu_turnaround.py ... --budget 400  # leave out the last parts

From `workbench train` to predictions in the workspace, by a warm engine and by a process of its
own; from 20 corrections to new predictions; three folds beside three runs; what embeddings add to
scoring; `classify` and `why` through the engine. After each part, gpu_turnaround.json and
gpu_turnaround.md are written into the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gpu_speed import HERE, ROOT, arguments, predictions, versions, workspace
from run_log import RunLog

from storage.store import Store
from workbench.rundir import folder as run_folder
from workbench.rundir.launch import ENGINE, Launch
from workbench.runs import launching

STEPS, SHORT_STEPS, FOLDS = 200, 100, 3
TWEETS = 8_192
"""Of a run that only scores; from half as many on, layers are compiled for it."""
CORRECTIONS = 20
FORM_S = 20.0
"""What a person takes to fill in the form of a run, while the engine imports its libraries."""


class Turnaround:
    """The figures so far, and the workspace and engine that they come from."""

    def __init__(self) -> None:
        self.args = arguments()
        self.args.out.mkdir(parents=True, exist_ok=True)
        self.args.work.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        self.base = self.args.room / "base"
        self.variables = os.environ | {
            "WORKBENCH_ENGINE_DIR": str(self.args.work / "engine"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        os.environ["WORKBENCH_ENGINE_DIR"] = self.variables["WORKBENCH_ENGINE_DIR"]
        command = f"--data {self.args.data.name} --tokenizer {self.args.tokenizer.name} --out DIR"
        self.result: dict[str, Any] = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "command": f"python tests/bench/gpu_turnaround.py {command}"
            + " --small" * self.args.small,
            "versions": versions(),
            "notes": [],
        }

    def steps(self, count: int) -> tuple[str, ...]:
        """Options of a run of so many steps, few with --small."""
        few = ("--set", "quantization.compute_dtype=float32") if self.args.small else ()
        count = count // 25 if self.args.small else count
        return (
            "--recipe",
            "fast",
            *few,
            "--set",
            f"training.max_steps={count}",
            "--set",
            "training.patience=0",
        )

    def command(self, *words: str) -> tuple[float, Any]:
        """The seconds of a command in the workspace, its start included, and its JSON."""
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "workbench", "-w", str(self.store.folder), *words, "--json"],
            env=self.variables,
            capture_output=True,
            text=True,
        )
        seconds = time.monotonic() - began
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-600:]}")
        return seconds, json.loads(done.stdout) if done.stdout.strip() else None

    def train(self, *options: str) -> dict[str, Any]:
        """A training run from the command to its predictions in the workspace."""
        seconds, run = self.command("train", *options, "--wait")
        log = RunLog(self.store.run_folder(run["id"]))
        return {
            "run": run["id"],
            "wall_s": seconds,
            "phases_s": log.phases_s,
            "training_s": log.training_s,
            "steps": log.steps[-1]["step"],
            "notes": log.notes,
        }

    def part(self, name: str, needs: float, measure: Callable[[], dict[str, Any]]) -> None:
        """Measure a part if there are `needs` seconds left, and write what there is."""
        left = self.args.budget - (time.monotonic() - self.began)
        if left < needs and not self.args.small:
            self.result["notes"].append(f"{name} left out: {left:.0f} s were left")
        else:
            try:
                self.result[name] = measure()
            except Exception as error:  # the other parts are measurements of their own
                self.result["notes"].append(f"{name} failed: {error}")
        took = time.monotonic() - self.began
        print(f"[{took:.0f} s] {name}: {str(self.result.get(name))[:300]}", flush=True)
        (self.args.out / "gpu_turnaround.json").write_text(json.dumps(self.result, indent=1) + "\n")
        (self.args.out / "gpu_turnaround.md").write_text(page(self.result))

    def run(self) -> None:
        """All parts, the most important first."""
        self._part_process("model", tokenizer=str(self.args.tokenizer), base=str(self.base))
        self.store: Store = workspace(self.args.work / "workspace", self.args.data, self.base)
        self.command("engine", "start")
        engine = ("--launcher", ENGINE)
        try:
            self.part("first", 0, lambda: self.train(*engine, *self.steps(STEPS)))
            self.part("warm", 30, lambda: self.train(*engine, *self.steps(STEPS)))
            self.part("corrections", 30, self.corrections)
            self.part("questions", 20, self.questions)
            self.part("single", 30, lambda: self.train(*engine, *self.steps(SHORT_STEPS)))
            folds = ("--folds", str(FOLDS), "--set", "training.final_fit=false")
            self.part("folds", 60, lambda: self.train(*engine, *folds, *self.steps(SHORT_STEPS)))
        finally:
            self.command("engine", "stop")
        self.part("cold", 60, lambda: self.train("--launcher", "local", *self.steps(STEPS)))
        self.command("engine", "start", "--base", str(self.base))
        try:
            time.sleep(0 if self.args.small else FORM_S)
            self.part("form", 40, lambda: self.train(*engine, *self.steps(STEPS)))
        finally:
            self.command("engine", "stop")
        self.part("matmul", 20, lambda: self._part_process("matmul"))
        self.command("engine", "start")
        try:
            self.part("embeddings", 130, self.embeddings)
        finally:
            self.command("engine", "stop")
        shutil.rmtree(self.args.room, ignore_errors=True)

    def _part_process(self, name: str, **spec: Any) -> dict[str, Any]:
        """A part of gpu_speed.py in a process of its own."""
        out = self.args.work / f"{name}.json"
        spec |= {"part": name, "small": self.args.small, "out": str(out)}
        script = str(HERE / "gpu_speed_parts.py")
        subprocess.run([sys.executable, script, name, json.dumps(spec)], check=True)
        found: dict[str, Any] = json.loads(out.read_text())
        return found

    def corrections(self) -> dict[str, Any]:
        """20 labels are changed, then a run goes on from the adapter of the last one."""
        _, positive = self.command("list", "label:Positive split:train")
        ids = [str(tweet["id"]) for tweet in positive[:CORRECTIONS]]
        self.command("label", *ids, "Negative")
        parent = str(self.result["warm"]["run"])
        return self.train("--launcher", ENGINE, "--from", parent)

    def questions(self) -> dict[str, Any]:
        """Seconds of `classify` and of `why`, which ask the engine; the first loads the adapter."""
        run = str(self.result["warm"]["run"])
        text = "$AAPL looks strong into earnings, adding more"
        asked = {"classify": ("classify", text), "why": ("why", "7")}
        return {
            f"{name}_s": [self.command(*words, "--run", run)[0] for _ in range(4)]
            for name, words in asked.items()
        }

    def embeddings(self) -> dict[str, Any]:
        """The rate of scoring with and without embeddings, in turn; the first one compiles."""
        like = self.store.run_folder(self.result["warm"]["run"])
        rates: dict[bool, list[float]] = {False: [], True: []}
        count = 60 if self.args.small else TWEETS
        for number, embeds in enumerate((False, True, False, True, False, True, False)):
            folder = predictions(like, self.args.work / f"scored-{number}", count)
            replace(run_folder.read_job(folder), embeddings=embeds).save(folder)
            shutil.copytree(like / run_folder.ADAPTER, folder / run_folder.ADAPTER)
            launching.start_run(folder, Launch(ENGINE))
            ends = (run_folder.DONE, run_folder.FAILED, run_folder.STOPPED)
            while (state := run_folder.read_state(folder)).state not in ends:
                time.sleep(0.05)
            if state.state != run_folder.DONE:
                raise RuntimeError(f"{state.state}: {state.reason}")
            if number:
                rates[embeds].append(count / RunLog(folder).phases_s["predicting"])
        means = {embeds: statistics.mean(found) for embeds, found in rates.items()}
        return {
            "tweets": count,
            "without": rates[False],
            "with": rates[True],
            "cost": means[False] / means[True] - 1,
        }


def page(result: dict[str, Any]) -> str:
    """The figures as a page."""
    lines = [f"# Turnaround on {result['versions']['device']}, {result['date']}", ""]
    lines += ["| from the command to predictions for 500 tweets | s |", "|---|---:|"]
    names = {
        "warm": f"`train`, {STEPS} steps, warm engine",
        "cold": f"`train`, {STEPS} steps, a process of its own, compiled code on the disk",
        "form": f"`train`, {STEPS} steps, an engine that was started {FORM_S:.0f} s before",
        "first": f"`train`, {STEPS} steps, the first ever on a machine",
        "corrections": f"`train --from` after {CORRECTIONS} corrections, warm engine",
        "single": f"`train`, {SHORT_STEPS} steps, warm engine",
        "folds": f"`train --folds {FOLDS}`, {SHORT_STEPS} steps each, warm engine",
    }
    for name, title in names.items():
        if (found := result.get(name)) is not None:
            lines.append(f"| {title} ({found['steps']} steps in all) | {found['wall_s']:.1f} |")
    lines += ["", "| part | " + " | ".join(n for n in names if n in result) + " |"]
    shown = [result[name] for name in names if name in result]
    lines.append("|---|" + "---:|" * len(shown))
    phases = dict.fromkeys(phase for found in shown for phase in found["phases_s"])
    for phase in [p for p in phases if not p.startswith("fold ")]:
        cells = (found["phases_s"].get(phase) for found in shown)
        lines.append(f"| {phase} | {' | '.join('' if c is None else f'{c:.2f}' for c in cells)} |")
    before = (found["wall_s"] - sum(found["phases_s"].values()) for found in shown)
    lines.append(f"| commands, before and after | {' | '.join(f'{s:.2f}' for s in before)} |")
    rows = []
    if (asked := result.get("questions")) is not None:
        for name in ("classify", "why"):
            first, *others = asked[f"{name}_s"]
            usual = f"{statistics.median(others):.2f} ({first:.2f} at first)"
            rows.append((f"`{name}`, warm engine, s", usual))
    if (found := result.get("embeddings")) is not None:
        for name in ("without", "with"):
            rates = ", ".join(f"{rate:.0f}" for rate in found[name])
            rows.append((f"scoring {found['tweets']:,} tweets {name} embeddings, tweets/s", rates))
        rows.append(("cost of embeddings", f"{found['cost']:.1%}"))
    if (found := result.get("matmul")) is not None:
        rows += [(name.replace("_", " "), f"{value:.0f}") for name, value in found.items()]
    if rows:
        lines += ["", "| what | figure |", "|---|---:|", *(f"| {a} | {b} |" for a, b in rows)]
    lines += ["", *(f"- {note}" for note in result["notes"])]
    lines += ["", ", ".join(f"{name} {value}" for name, value in result["versions"].items())]
    return "\n".join([*lines, "", f"`{result['command']}`", ""])


if __name__ == "__main__":
    Turnaround().run()

"""A workspace that is the same on every machine and at every time, for snapshots of the screen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.history import labels
from storage.history.events import EditContext
from storage.runs import displayed_run, runs
from storage.store import Store, open_store
from workbench import kept_analyses
from workbench.planning import devices
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.rundir import processes
from workbench.rundir.folder import Job, State
from workbench.runs.login_sessions import LogoutEffect
from workbench.tui.examining.findings import BINS, WANTED

NOW = 1_800_000_000.0
"""15 January 2027, 8:00 UTC."""
GPU = devices.Device("cuda", "NVIDIA H100 80GB HBM3", 78 * 2**30, 80 * 2**30)
LABELS = ("positive", "negative")
STEPS = tuple(
    zip(
        range(10, 201, 10),
        (
            1.92,
            1.61,
            1.33,
            1.18,
            0.97,
            0.91,
            0.8,
            0.74,
            0.71,
            0.66,
            0.6,
            0.57,
            0.55,
            0.5,
            0.49,
            0.47,
            0.44,
            0.43,
            0.42,
            0.41,
        ),
        strict=True,
    )
)
"""Losses of a run, a step each."""
DEV = {50: 0.67, 100: 0.74, 150: 0.72, 200: 0.72}
"""Its accuracies on dev tweets."""
MAJORITY = 0.61
HARDEST = [
    {"id": 3, "label": "negative", "text": "sold all my $GME, never again", "probability": 0.04},
    {"id": 7, "label": "negative", "text": "calls printing again", "probability": 0.11},
    {"id": 8, "label": "negative", "text": "this aged badly", "probability": 0.187},
    {"id": 9, "label": "positive", "text": "a tweet of another workspace", "probability": 0.2},
]
"""What it learns hardest; the label of the second one has been corrected since."""


@contextmanager
def frozen() -> Iterator[None]:
    """Stop the clock, hide what this machine is like, and wait for no further key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        patch.setattr(time, "time", lambda: NOW)
        patch.setattr(time, "time_ns", lambda: int(NOW * 1e9))
        patch.setattr("workbench.tui.widgets.forecast.read_device", lambda: GPU)
        patch.setattr("workbench.tui.screens.train.logout_effect", LogoutEffect)
        patch.setattr("workbench.tui.screens.run.read_gpu", _no_gpu)
        patch.setattr(devices, "GPUS", ())
        patch.setattr("workbench.tui.widgets.key_line.SHOWN_S", 600.0)
        for wait in (
            "examining.run_comparison.FLIPS_AFTER",
            "widgets.tweet_list.SETTLED_AFTER",
            "widgets.line_list.LineList.settled_after",
            "widgets.runs_list.RunsList.settled_after",
            "widgets.prompt.DEBOUNCE",
            "widgets.forecast.SETTLE_S",
        ):
            patch.setattr(f"workbench.tui.{wait}", 0.001)
        yield
    time.tzset()


async def _no_gpu() -> None:
    return None


def finish(folder: Path) -> Path:
    """Give a workspace of twelve tweets and two runs edits of every kind, results and folders."""
    store = open_store(folder, "ana")
    shown = EditContext(None, 2)
    labels.assign(store, [2], "positive", shown)
    labels.assign(store, [7], "positive", shown)
    labels.mark(store, [4], "excluded", True)
    labels.mark(store, [6], "review", True)
    labels.mark(store, [9], "ambiguous", True)
    labels.annotate(store, 2, "sarcasm?")
    for number, kind, accuracy in ((1, "baseline", 0.82), (2, "qlora", 0.72)):
        tests = {
            "accuracy": accuracy,
            "accuracy_low": accuracy - 0.09,
            "n": 100,
            "accuracy_high": accuracy + 0.07,
            "macro_f1": accuracy - 0.02,
        }
        runs.save_evaluation(store, number, "test", tests)
        runs.update(store, number, steps=200 if number == 2 else 0, seconds=88.0 * number)
        write_run(store, number, kind, State("done", started=NOW - 600, finished=NOW - 424))
    for name, values in (
        ("loss", dict(STEPS)),
        ("dev_accuracy", DEV),
        ("dev_n", dict.fromkeys(DEV, 40)),
    ):
        runs.add_metrics(store, 2, [(step, name, value) for step, value in values.items()])
    ranked = ((8, 0.41, "run 1"), (3, 0.38, "run 1"), (5, 0.1, "run 1"))
    runs.save_queue(store, "suspects", ranked, run=1)
    store.close()
    return folder


def write_run(store: Store, number: int, kind: str, state: State, steps: int = 20) -> None:
    """Make the folder of a run with its log."""
    folder = store.run_folder(number)
    folder.mkdir(parents=True)
    recipe = recipes.load("baseline" if kind == "baseline" else "fast")
    base = None if kind == "baseline" else "tiiuae/falcon-7b"
    Job(
        number,
        str(number),
        kind,
        recipe,
        base,
        LABELS,
        LABELS,
        store.config.template,
        "",
        int(NOW),
        {},
    ).save(folder)
    if kind != "baseline":
        run_folder.append_log(folder, "data", at=NOW - 201, train=399, dev=40, majority=MAJORITY)
    run_folder.append_log(folder, "phase", at=NOW - 200, phase="training")
    for step, loss in STEPS[:steps] if kind != "baseline" else ():
        at = NOW - 200 + step + step % 30 / 6
        run_folder.append_log(
            folder,
            "step",
            at=at,
            step=step,
            steps=200,
            loss=loss,
            step_s=0.08,
            learning_rate=2e-4 * (1 - step / 220),
            tweets_per_s=195.0,
            memory_gib=9.8,
        )
        if step in DEV:
            run_folder.append_log(
                folder,
                "dev",
                at=at + 1,
                step=step,
                steps=200,
                accuracy=DEV[step],
                n=40,
                loss=0.52,
                best_step=min(step, 100),
            )
            run_folder.append_log(folder, "hardest", at=at + 1, step=step, tweets=HARDEST)
    run_folder.write_state(folder, state)


def begin_beside_promoted(folder: Path) -> None:
    """Add a run as `begin_run` does, and promote the one before."""
    begin_run(folder)
    store = open_store(folder, "ana")
    displayed_run.promote(store, 2)
    store.close()


def begin_run(folder: Path, **changes: Any) -> None:
    """Add a run that this process seems to work on, or that has ended otherwise."""
    store = open_store(folder, "ana")
    number = runs.add(store, "third", "qlora", "fast", "tiiuae/falcon-7b", LABELS)
    me = processes.identity()
    going = State(
        "running",
        None,
        me.pid,
        me.started,
        me.boot,
        me.host,
        phase="training",
        step=70,
        steps=200,
        started=NOW - 75,
        linear4bit=128,
        linear_total=128,
        eta_s=130.0,
    )
    state = replace(going, **changes)
    write_run(store, number, "qlora", state, steps=7)
    runs.update(store, number, state=state.state, reason=state.reason, steps=state.step)
    store.close()


COMPARED = {
    "split": "test",
    "n": 100,
    "runs": [{"id": 1, "recipe": "baseline"}, {"id": 2, "recipe": "fast"}],
    "figures": [
        {
            "accuracy": 0.82,
            "accuracy_low": 0.733,
            "accuracy_high": 0.883,
            "macro_f1": 0.8,
            "macro_f1_low": 0.71,
            "macro_f1_high": 0.87,
        },
        {
            "accuracy": 0.72,
            "accuracy_low": 0.625,
            "accuracy_high": 0.799,
            "macro_f1": 0.66,
            "macro_f1_low": 0.56,
            "macro_f1_high": 0.75,
        },
    ],
    "difference": {"accuracy": -0.1, "low": -0.196, "high": -0.0},
    "mcnemar": {"fixed": 8, "broken": 18, "both_wrong": 10, "p": 0.076},
    "settings": [
        {"setting": "recipe", "first": "baseline", "second": "fast"},
        {"setting": "base", "first": None, "second": "tiiuae/falcon-7b"},
        {"setting": "lora.r", "first": None, "second": 16},
    ],
    "data": {
        "first": 399,
        "second": 401,
        "added": [11, 12],
        "removed": [],
        "relabelled": [{"id": number} for number in range(1, 16)],
        "unknown": [],
    },
    "flips": [
        {
            "kind": "broken",
            "id": 7,
            "first": "positive",
            "second": "negative",
            "text": "calls printing again, all of them and all day long until somebody looks twice",
        },
        {
            "kind": "fixed",
            "id": 8,
            "first": "positive",
            "second": "negative",
            "text": "this aged badly",
        },
    ],
}


EVALUATED = {
    "run": 2,
    "split": "test",
    "n": 100,
    "labels": list(LABELS),
    "confusion": [[59, 8], [20, 13]],
    "accuracy": 0.72,
    "accuracy_low": 0.625,
    "accuracy_high": 0.799,
    "macro_f1": 0.66,
    "macro_f1_low": 0.56,
    "macro_f1_high": 0.75,
    "classes": {
        "positive": {
            "precision": 0.747,
            "precision_interval": [0.64, 0.83],
            "recall": 0.881,
            "recall_interval": [0.78, 0.94],
            "f1": 0.808,
            "n": 67,
        },
        "negative": {
            "precision": 0.619,
            "precision_interval": [0.41, 0.79],
            "recall": 0.394,
            "recall_interval": [0.25, 0.56],
            "f1": 0.481,
            "n": 33,
        },
    },
}
RELIABILITY = (
    (0.55, 0.58, 19, ""),
    (0.65, 0.63, 16, ""),
    (0.76, 0.66, 18, "too sure"),
    (0.85, 0.74, 22, "too sure"),
    (0.97, 0.8, 25, "too sure"),
)
CALIBRATED = {
    "bins": [
        {
            "confidence": said,
            "lowest": said - 0.05,
            "highest": said + 0.03,
            "accuracy": right,
            "n": n,
            "off": off,
        }
        for said, right, n, off in RELIABILITY
    ],
    "ece": 0.11,
    "temperature": 1.6,
    "temperature_reason": None,
    "scaled": {"ece": 0.04},
}
COVERED = {
    "points": [
        {"coverage": share, "n": int(100 * share), "accuracy": right, "threshold": 1 - share / 2}
        for share, right in ((1.0, 0.72), (0.8, 0.76), (0.5, 0.82), (0.2, 0.9))
    ],
    "wanted": {
        "accuracy": 0.95,
        "point": {"coverage": 0.12, "n": 12, "accuracy": 0.95, "threshold": 0.93},
    },
}
SLICED = {
    "reason": None,
    "slices": [
        {
            "name": name,
            "n": n,
            "events": wrong,
            "rate": wrong / n,
            "low": wrong / n - 0.15,
            "high": wrong / n + 0.17,
            "filter": None,
            "tweets": [3, 8],
        }
        for name, n, wrong in (
            ("has “not”", 14, 7),
            ("more than 200 characters", 23, 9),
            ("3 cashtags or more, a link", 18, 6),
        )
    ],
}
SLICED_CHANGES = {
    "broken": {"slices": [{"name": "has “not”", "n": 14, "events": 6, "tweets": [7]}]},
    "fixed": {"slices": []},
}
KNOWS = """
case "$*" in
    *" compare "*) cat "$0/compare.json" ;;
    *" evaluate "*) cat "$0/evaluate.json" ;;
    *) echo "workbench: There is no model folder /nowhere; give a folder or a hub name." >&2; exit 1
esac
"""


def keep_analyses(folder: Path) -> None:
    """Keep what the place of the errors shows of run 2."""
    store = open_store(folder, "ana")
    runs.save_evaluation(store, 2, "test", EVALUATED)
    for key, found in (
        (kept_analyses.calibration(2, bins=BINS), CALIBRATED),
        (kept_analyses.coverage(2, accuracy=WANTED), COVERED),
        (kept_analyses.slices(2), SLICED),
        (kept_analyses.change_slices(2, 1), SLICED_CHANGES),
        (kept_analyses.comparison(1, 2), COMPARED),
    ):
        kept_analyses.kept_or_made(store, key, lambda found=found: found)  # type: ignore[misc]
    store.close()


def program(folder: Path) -> tuple[str, ...]:
    """A stand-in for the command line that can compare and evaluate runs, and nothing else."""
    for name, found in (("compare", COMPARED), ("evaluate", EVALUATED)):
        (folder.parent / f"{name}.json").write_text(json.dumps(found), "utf-8")
    return ("sh", "-c", KNOWS, str(folder.parent))

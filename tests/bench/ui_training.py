"""What the screen costs while a run trains on the same machine: its page, and label keys.

A base of a few million weights trains on the CPU. The page of the run is watched while nothing is
pressed, then tweets are labelled in the list.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path

from keystrokes import REST_S, first_answer, press, started, until_rest, until_written, watch
from store import LABELS, write_tweets

BASE = Path(__file__).resolve().parents[2] / "sample_data" / "base"
TWEETS = 2_000
LABELLED = 200
WATCHED_S = 20.0
PATIENCE_S = 300.0
TRAINS = ("--recipe", "tiny", "--base", str(BASE), "--set", "training.max_steps=100000")
LABEL_KEYS = (b"1", b"2")


def new_workspace(program: list[str], folder: Path, table: Path, rows: int) -> list[str]:
    """Write tweets to a table and import them into a new workspace: the command to open that."""
    write_tweets(rows, table, None)
    ours = [*program, "-w", str(folder)]
    subprocess.run([*program, "init", folder, "--labels", ",".join(LABELS)], check=True)
    subprocess.run([*ours, "import", table], check=True)
    return ours


def measured_while_training(program: list[str], folder: Path) -> dict[str, float]:
    """Bytes a second of the page of a run, and what label keys cost beside it."""
    ours = new_workspace(program, folder / "trained", folder / "trained.csv", TWEETS)
    begun = subprocess.run(
        [*ours, "train", *TRAINS, "--json"], check=True, capture_output=True, text=True
    )
    run = str(json.loads(begun.stdout)["id"])
    try:
        return _measured(ours)
    finally:
        subprocess.run([*ours, "stop", run], check=True)


def _measured(ours: list[str]) -> dict[str, float]:
    with started(ours) as (_, terminal, _first):
        if not until_written(terminal, b"loss", PATIENCE_S):
            raise SystemExit("The run has not begun to train.")
        press(terminal, b"T")
        watch(terminal, 3.0)  # the first picture, and what it learns at once
        sent = watch(terminal, WATCHED_S)
        press(terminal, b"B")
        until_rest(terminal, REST_S)
        keys = [first_answer(terminal, LABEL_KEYS[at % 2]) for at in range(LABELLED)]
    slow = statistics.quantiles((seconds for seconds, _ in keys), n=100)[-1]
    return {
        "page of a run that trains, B/s": sent / WATCHED_S,
        "label key beside it, 99th percentile of ms": slow * 1000,
        "label key beside it, bytes": statistics.median(sent for _, sent in keys),
    }

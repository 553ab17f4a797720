"""How far runs are, and how they have ended, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.runs import runs
from storage.store import open_store
from workbench import figures
from workbench.rundir.expected_time import ExpectedTime
from workbench.rundir.folder import LIVE, State
from workbench.rundir.hard_tweets import HardTweet
from workbench.rundir.log_format import duration
from workbench.tui.acting_keys import key_for

MAX_NAMED_RUNS = 3
"""Ends of runs, of which more are only counted."""


Points = tuple[tuple[float, float], ...]
"""Steps and values, in the order of the steps."""


@dataclass(frozen=True)
class Courses:
    """How the figures of a run went over its steps."""

    loss: Points = ()
    dev: Points = ()
    """Accuracies on the dev tweets."""
    speed: Points = ()
    """Steps a second, between one look at the steps and the next."""
    rate: Points = ()
    """Learning rates."""


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, as read from its folder."""

    run: int
    state: State
    step: dict[str, float] = field(default_factory=dict)
    """What the last step said: its loss, learning rate, speed, memory."""
    dev: dict[str, float] = field(default_factory=dict)
    data: dict[str, float] = field(default_factory=dict)
    """How many tweets there are to train on, and what the dev tweets are like."""
    scored: tuple[int, int] | None = None
    """How many tweets are scored, and of how many."""
    hardest: tuple[HardTweet, ...] = ()
    courses: Courses = field(default_factory=Courses)
    lines: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    """The lines of the log but for those of steps and the like, which come all the time."""
    cut: bool = False
    """Whether the log is so long that only its end was read."""
    saved: int | None = None
    """The step that it would go on from after a stop."""
    seconds: int | None = None
    """How long it has been going, or took."""
    expected: ExpectedTime = field(default_factory=ExpectedTime)

    @property
    def live(self) -> bool:
        """Whether more is to come."""
        return self.state.state in LIVE

    @property
    def brief(self) -> str:
        """One short line for the status bar, the clock first, as its end may be cut off."""
        state = self.state
        word = state.phase or state.state
        if state.eta_s is None:
            return " ".join(filter(None, (f"run {self.run}", self._clock, word)))
        parts = [f"run {self.run} {word}"]
        parts += [f"{state.step}/{state.steps}"] if state.steps else []
        parts += [f"loss {self.step['loss']:.3f}"] if "loss" in self.step else []
        return " ".join([*parts, f"eta {duration(state.eta_s)}"])

    @property
    def _clock(self) -> str:
        if self.seconds is None:
            return ""
        before = self.expected.estimate if self.expected.revised is None else None
        of = "" if before is None else f" of about {duration(before.seconds)}"
        return f"{duration(self.seconds)}{of}"


def live_runs(folder: Path, after: int | None = None) -> list[int]:
    """The runs that were not over when the store last heard of them; called in a thread.

    With those above a number, which may have begun and ended since somebody looked.
    """
    store = open_store(folder)
    try:
        found = set(runs.in_states(store, LIVE))
        if after is not None:
            found |= set(range(after + 1, runs.newest(store) + 1))
        return [number for number in sorted(found) if store.run_folder(number).is_dir()]
    finally:
        store.close()


def outcome(run: dict[str, Any]) -> str:
    """One sentence on how a run ended."""
    name, state = f"run {run['id']}", run["state"]
    if state == "done":
        for split in ("test", "dev", "train"):
            if report := (run.get("metrics") or {}).get(split):
                return f"{name} done: accuracy {figures.accuracy(report, split)}"
        return f"{name} done"
    reason = f": {run['reason'].removesuffix('.')}" if run.get("reason") else ""
    hint = f"; {key_for('stop')} on its page goes on with it" if state == "stopped" else ""
    return f"{name} {state}{reason}{hint}"


def outcomes(ended: Sequence[dict[str, Any]]) -> str:
    """How runs stand that are over: a sentence each, or how many of them where they are many."""
    if len(ended) <= MAX_NAMED_RUNS:
        return "; ".join(map(outcome, ended))
    counted = Counter(run["state"] for run in ended)
    states = ", ".join(f"{count:,} {state}" for state, count in counted.items())
    over, lists = f"{len(ended):,} runs are over ({states})", key_for("place_runs")
    return f"{over}; {lists} lists them, each with its reason"

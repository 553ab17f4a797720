"""How far runs are, read from their folders, and how they have ended, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.errors import UserError
from storage.runs import runs
from storage.store import open_store
from workbench import figures
from workbench.rundir.elapsed_time import elapsed_seconds
from workbench.rundir.expected_time import ExpectedTime
from workbench.rundir.folder import LIVE, State, read_log
from workbench.rundir.liveness import reconcile_state
from workbench.rundir.log_format import duration, format_event

INTERVAL = 0.5
"""Seconds between two looks at a run folder."""
MAX_LOG_LINES = 200
MAX_NAMED_RUNS = 3
"""Ends of runs, of which more are only counted."""


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, as read from its folder."""

    run: int
    state: State
    losses: tuple[float, ...] = ()
    rate: float | None = None
    speed: float | None = None
    memory: float | None = None
    dev: dict[str, float] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
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
        parts += [f"loss {self.losses[-1]:.3f}"] if self.losses else []
        return " ".join([*parts, f"eta {duration(state.eta_s)}"])

    @property
    def _clock(self) -> str:
        if self.seconds is None:
            return ""
        before = self.expected.estimate if self.expected.revised is None else None
        of = "" if before is None else f" of about {duration(before.seconds)}"
        return f"{duration(self.seconds)}{of}"


class RunFolderReader:
    """Reads a run folder again and again, each line of its log once."""

    def __init__(self, folder: Path, run: int) -> None:
        self.folder = folder
        self.run = run
        self._offset = 0
        self._losses: list[float] = []
        self._step: dict[str, float] = {}
        self._dev: dict[str, float] = {}
        self._lines: list[str] = []
        self._expected = ExpectedTime()

    def read(self) -> RunProgress:
        """What the folder says now; raises UserError if it is damaged or gone."""
        if not self.folder.is_dir():
            raise UserError(
                f"{self.folder} is missing, so nothing more is known of run {self.run}."
            )
        for values, offset in read_log(self.folder, self._offset):
            self._offset = offset
            self._take(values)
        step, state = self._step, reconcile_state(self.folder)
        gone = elapsed_seconds(self.folder, state)
        return RunProgress(
            self.run,
            state,
            tuple(self._losses),
            rate=step.get("learning_rate"),
            speed=step.get("tweets_per_s"),
            memory=step.get("memory_gib"),
            dev=dict(self._dev),
            lines=tuple(self._lines),
            seconds=None if gone is None else int(gone),
            expected=self._expected,
        )

    def _take(self, values: dict[str, Any]) -> None:
        numbers = {
            name: float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and name != "at"
        }
        if values.get("event") == "dev":
            self._dev = numbers
        elif values.get("event") == "step":
            self._step = numbers
            self._losses += [numbers["loss"]] if "loss" in numbers else []
        self._expected = self._expected.after_event(values)
        self._lines = [*self._lines, format_event(values)][-MAX_LOG_LINES:]


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
    reason = f": {run['reason']}" if run.get("reason") else ""
    hint = f"; go on with `workbench resume {run['id']}`" if state == "stopped" else ""
    return f"{name} {state}{reason}{hint}"


def outcomes(ended: Sequence[dict[str, Any]]) -> str:
    """How runs stand that are over: a sentence each, or how many of them where they are many."""
    if len(ended) <= MAX_NAMED_RUNS:
        return "; ".join(map(outcome, ended))
    counted = Counter(run["state"] for run in ended)
    states = ", ".join(f"{count:,} {state}" for state, count in counted.items())
    return f"{len(ended):,} runs are over ({states}); R lists them, each with its reason"

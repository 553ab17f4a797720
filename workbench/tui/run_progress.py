"""Following runs from outside: their folders while they go on, the command line for the rest."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.message import Message

from storage import interpreter
from storage.errors import UserError
from storage.runs import runs
from storage.store import open_store
from workbench import figures
from workbench.rundir.elapsed_time import so_far
from workbench.rundir.expected_time import Expected
from workbench.rundir.folder import LIVE, State, read_log
from workbench.rundir.liveness import reconcile_state
from workbench.rundir.log_format import duration, line_of
from workbench.tui.background_calls import in_background

INTERVAL = 0.5
"""Seconds between two looks at a run folder."""
MAX_LOG_LINES = 200
MAX_NAMED_RUNS = 3
"""Ends of runs, of which more are only counted."""
PROGRAM_PREFIX = "workbench: "
"""What stands before the sentence of a command that has failed."""


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, as its folder tells."""

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
    expected: Expected = field(default_factory=Expected)

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
        before = self.expected.first if self.expected.revised is None else None
        of = "" if before is None else f" of about {duration(before.seconds)}"
        return f"{duration(self.seconds)}{of}"


class RunProgressed(Message):
    """A run has moved on; sent to every open screen."""

    def __init__(self, progress: RunProgress) -> None:
        super().__init__()
        self.progress = progress


class RunsCollected(Message):
    """Runs have ended and their results are in the store; sent to every open screen."""

    def __init__(self, ended: Sequence[dict[str, Any]]) -> None:
        super().__init__()
        self.ended = ended


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
        self._expected = Expected()

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
        gone = so_far(self.folder, state)
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
        self._expected = self._expected.taking(values)
        self._lines = [*self._lines, line_of(values)][-MAX_LOG_LINES:]


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


async def run_command(
    command: Sequence[str], folder: Path, *arguments: str, let_finish: bool = False
) -> Any:
    """What a command of the command line prints as JSON; raises UserError with its complaint.

    When the screen closes in between, the command is stopped unless it shall finish.
    """
    process = interpreter.start(
        [*command, "--workspace", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, complaint = await in_background(process.communicate)
    except asyncio.CancelledError:
        if not let_finish:
            process.terminate()
        raise
    if process.returncode:
        raise UserError(_sentence(complaint) or f"{arguments[0]} ended with an error.")
    try:
        return json.loads(printed) if printed.strip() else None
    except ValueError:
        raise UserError(f"{arguments[0]} printed something that is no JSON.") from None


def _sentence(complaint: str) -> str:
    """What a command complains of, without the name of the program before it."""
    lines = complaint.strip().splitlines()
    said = [line.removeprefix(PROGRAM_PREFIX) for line in lines if line.startswith(PROGRAM_PREFIX)]
    return (said or lines or [""])[-1]


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
    told = ", ".join(f"{count:,} {state}" for state, count in counted.items())
    return f"{len(ended):,} runs are over ({told}); R lists them, each with its reason"

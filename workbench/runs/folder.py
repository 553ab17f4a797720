"""The files of a run folder, typed; no torch, no database, so every process can read them."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from storage.errors import UserError
from workbench import recipes
from workbench.recipes import Recipe

JOB = "run.json"
STATE = "state.json"
LOG = "log.jsonl"
WORKER_LOG = "worker.log"
TRAIN = "train.parquet"
DEV = "dev.parquet"
PREDICT = "predict.parquet"
PREDICTIONS = "predictions.parquet"
ADAPTER = "adapter"
CHECKPOINTS = "checkpoints"

QUEUED, RUNNING, STOPPING, STOPPED, DONE, FAILED = (
    "queued", "running", "stopping", "stopped", "done", "failed",
)  # fmt: skip
LIVE = (QUEUED, RUNNING, STOPPING)
WRITES = itertools.count()
START_S = 30.0
"""How long a queued run may go without a sign of its worker."""


@dataclass(frozen=True)
class Job:
    """run.json: everything that decides what a run does, apart from the data beside it."""

    id: int
    uid: str
    kind: str
    """qlora, baseline or predict."""
    recipe: Recipe
    base: str | None
    labels: tuple[str, ...]
    words: tuple[str, ...]
    """The label words, in the order of the labels."""
    template: str
    data_hash: str
    """Over the ids, texts and labels of the snapshot."""
    created: int
    versions: dict[str, str]
    trust_remote_code: bool = False

    def save(self, folder: Path) -> None:
        """Write run.json."""
        values = asdict(self) | {"recipe": self.recipe.as_json()}
        write_json(folder / JOB, values)


@dataclass(frozen=True)
class State:
    """state.json: how far a run is; times are in seconds since 1970."""

    state: str = QUEUED
    reason: str | None = None
    pid: int | None = None
    pid_started: float | None = None
    """When the process with that number began, since numbers are used again."""
    booted: float | None = None
    """When its machine was started, by the clock that told the time above."""
    heartbeat: float | None = None
    phase: str | None = None
    step: int = 0
    steps: int = 0
    started: float | None = None
    finished: float | None = None
    linear4bit: int | None = None
    linear_total: int | None = None
    peak_gib: float | None = None
    eta_s: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it has been going, or took."""
        if self.started is None:
            return None
        return (self.finished or self.heartbeat or self.started) - self.started


def gone(folder: Path) -> str:
    """What to say of a run whose folder is not there."""
    return f"{folder} is missing; put it back, or start another run with `workbench train`."


def require(folder: Path) -> None:
    """Raise UserError if the folder of a run is not there."""
    if not folder.is_dir():
        raise UserError(gone(folder))


def read_job(folder: Path) -> Job:
    """Read run.json; raises UserError if it is missing or not what it should be."""
    values = _read_json(folder / JOB)
    try:
        values["recipe"] = recipes.from_json(values["recipe"])
        values["labels"], values["words"] = tuple(values["labels"]), tuple(values["words"])
        return Job(**values)
    except (KeyError, TypeError, AttributeError, UserError) as error:
        raise UserError(f"{folder / JOB} is not a valid description of a run: {error}.") from None


def read_state(folder: Path) -> State:
    """Read state.json; a run without one has not begun. Raises UserError if it is damaged."""
    if not (folder / STATE).exists():
        return State()
    try:
        return State(**_read_json(folder / STATE))
    except TypeError as error:
        raise UserError(f"{folder / STATE} is not a valid state of a run: {error}.") from None


def write_state(folder: Path, state: State, /, **changes: Any) -> State:
    """Replace state.json in one step, with a fresh heartbeat, and return what was written."""
    state = replace(state, heartbeat=time.time(), **changes)
    write_json(folder / STATE, asdict(state))
    return state


def append_log(folder: Path, event: str, **values: Any) -> None:
    """Add a line to log.jsonl; `event` is phase, step, dev or note."""
    line = json.dumps({"at": time.time(), "event": event, **values}, ensure_ascii=False)
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(line + "\n")


def read_log(folder: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of log.jsonl from a byte offset on, each with the offset after it.

    A line that is still being written is left for the next call; one that is no JSON object
    is passed over.
    """
    path = folder / LOG
    if not path.exists():
        return
    with path.open("rb") as log:
        log.seek(offset)
        for line in log:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            try:
                values = json.loads(line)
            except ValueError:
                continue
            if isinstance(values, dict):
                yield values, offset


def alive(state: State) -> bool:
    """Whether the worker process of a state is still there (the same process, not its number).

    A clock that is set moves the start of a process and that of the machine alike, so what counts
    is the time between them.
    """
    if state.pid is None:
        return False
    import psutil

    try:
        process = psutil.Process(state.pid)
        moved = 0.0 if state.booted is None else psutil.boot_time() - state.booted
        started: float = process.create_time() - moved
        return process.status() != psutil.STATUS_ZOMBIE and (
            abs(started - (state.pid_started or 0)) < 2
        )
    except psutil.Error:
        return False


def settle(folder: Path) -> State:
    """The state of a run; one whose worker is gone is marked as failed."""
    state = read_state(folder)
    if state.state not in LIVE or alive(state):
        return state
    if (ended := read_state(folder)) != state:  # it wrote its last word in between
        return ended
    age = time.time() - (state.heartbeat or folder.stat().st_mtime)
    if state.state == QUEUED and state.pid is None and age < START_S:
        return state
    reason = (
        "The worker ended without a word (killed, or the machine went down); see worker.log, and "
        f"go on with `workbench resume {folder.name}`."
    )
    failed = replace(state, state=FAILED, reason=reason, finished=state.heartbeat)
    return write_state(folder, failed) if os.access(folder, os.W_OK) else failed


def write_json(path: Path, values: Any) -> None:
    """Replace a JSON file in one step, so that a reader never sees half of it."""
    # a name of its own for each write, since a signal handler may write during a write
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(WRITES)}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(values, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; the run folder is incomplete.") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); the run cannot be used.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} is damaged (not an object); the run cannot be used.")
    return values

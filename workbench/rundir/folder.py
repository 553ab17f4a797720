"""The files of a run folder, typed; no torch, no database, so every process can read them."""

from __future__ import annotations

import itertools
import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from storage.config import PLAIN, PROMPTS
from storage.errors import UserError, on_one_line
from workbench.recipes import recipes
from workbench.recipes.recipes import Recipe
from workbench.rundir import schema

JOB = "run.json"
STATE = "state.json"
LOG = "log.jsonl"
LAUNCH = "launch.json"
STOP = "stop"
WORKER_LOG = "worker.log"
TRAIN = "train.parquet"
DEV = "dev.parquet"
PREDICT = "predict.parquet"
PREDICTIONS = "predictions.parquet"
ADAPTER = "adapter"
CHECKPOINTS = "checkpoints"
CHECKPOINT = "checkpoint-"
"""The beginning of the name of a checkpoint; the number of its step follows."""
COMPLETE = "COMPLETE"
"""The mark of a checkpoint that is whole on the disk."""
START = "start.safetensors"
ANCESTORS = "ancestors.parquet"

PROTOCOL = 1
"""The version of the run folder protocol that this program writes."""
IMPORTED = "imported"
"""The kind of a run whose predictions a model of elsewhere made: it has no model here."""
RUN_KINDS = ("qlora", "baseline", "predict", IMPORTED)
QUEUED, RUNNING, STOPPING, STOPPED, DONE, FAILED = STATES = (
    "queued",
    "running",
    "stopping",
    "stopped",
    "done",
    "failed",
)
LIVE = (QUEUED, RUNNING, STOPPING)
WRITE_COUNTER = itertools.count()
HEARTBEAT_PATIENCE_S = 120.0
"""A worker on another machine counts as gone when its last heartbeat is older."""
STATE_ADVICE = "remove that file and go on with `workbench resume`"
"""What to do about a damaged state, since without one a run begins at its last checkpoint."""


@dataclass(frozen=True)
class Job:
    """run.json: everything that decides what a run does, apart from the data beside it."""

    id: int
    uid: str
    kind: str
    """One of RUN_KINDS."""
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
    base_print: str | None = None
    """A fingerprint of a local base; see `workbench.recipes.base_models.fingerprint`."""
    protocol: int = PROTOCOL
    prompt: str = PLAIN
    """Whether the template is the prompt, or the message of a user in a chat."""
    warnings: tuple[str, ...] = ()
    """What speaks against training on these tweets; see `workbench.planning.class_balance`."""
    embeddings: bool | None = None
    """Whether embeddings are kept of the tweets that are scored; None for: if on a GPU."""
    sentence_model: str | None = None
    """The folder of a sentence-transformers model by which a baseline embeds what it predicts."""
    parent: int | None = None
    """The number of the run whose adapter this one begins with, in the workspace of both."""

    def save(self, folder: Path) -> None:
        """Write run.json, without what came later and is not used."""
        values = asdict(self) | {"recipe": self.recipe.as_json()}
        later = ("embeddings", "sentence_model", "parent")
        unused = {name for name in later if values[name] is None}
        write_json(folder / JOB, {name: v for name, v in values.items() if name not in unused})


@dataclass(frozen=True)
class State:
    """state.json: how far a run is; times are in seconds since 1970."""

    state: str = QUEUED
    reason: str | None = None
    pid: int | None = None
    pid_started: float | None = None
    """Process numbers are used again; see `processes.ProcessIdentity`."""
    boot: str | None = None
    host: str | None = None
    """The machine that the worker is on."""
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
    base_revision: str | None = None
    """The commit of a base from the hub, since its name may come to mean another."""

    @property
    def elsewhere(self) -> bool:
        """Whether the worker is, or was, on another machine."""
        return self.host is not None and self.host != socket.gethostname()

    @property
    def recent(self) -> bool:
        """Whether the last heartbeat is of the last minutes, by the clocks of both machines."""
        return self.state in LIVE and time.time() - (self.heartbeat or 0.0) < HEARTBEAT_PATIENCE_S

    @property
    def seconds(self) -> float | None:
        """Seconds from the start to the last heartbeat, or to the end."""
        if self.started is None:
            return None
        return (self.finished or self.heartbeat or self.started) - self.started


def missing_sentence(folder: Path) -> str:
    """The sentence about a run whose folder is missing."""
    return f"{folder} is missing; put it back, or start another run with `workbench train`."


def require_folder(folder: Path) -> None:
    """Raise UserError if the folder of a run is not there."""
    if not folder.is_dir():
        raise UserError(missing_sentence(folder))


def require_made_here(folder: Path, wanted: str) -> Job:
    """The job of a run; raises UserError with what is `wanted` if its predictions were imported."""
    require_folder(folder)
    job = read_job(folder)
    if job.kind == IMPORTED:
        raise UserError(
            f"Run {job.id} ({job.recipe.name}) came with `workbench import-predictions`, without a "
            f"model or a log, so {wanted}."
        )
    return job


def require_no_links(folder: Path) -> None:
    """Raise UserError if there is a link in a run folder: it might be written through."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise UserError(
                f"{path} is a link, and a run stays in its folder; put there what it points to."
            )


def read_job(folder: Path, advice: str = schema.COPY_ADVICE) -> Job:
    """Read run.json; raises UserError with the advice if it is missing or not what it should be."""
    values = schema.read_object(folder / JOB, advice)
    if (protocol := values.get("protocol", PROTOCOL)) != PROTOCOL:
        raise UserError(
            f"{folder / JOB} follows version {str(protocol)[:20]} of the run folder protocol and "
            f"this program version {PROTOCOL}; use the version of workbench that made it."
        )
    try:
        if not isinstance(values["recipe"], dict):
            raise TypeError("its recipe is no object")
        recipe = recipes.from_json(values["recipe"])
        job = schema.build_checked(Job, values | {"recipe": recipe})
        _check(job)
    except (KeyError, TypeError, AttributeError, ValueError, UserError) as error:
        raise UserError(
            f"{folder / JOB} is not a valid description of a run ({on_one_line(error)}); {advice}."
        ) from None
    return job


def read_uid(folder: Path, advice: str = schema.COPY_ADVICE) -> object:
    """The uid in run.json, of which nothing else is looked at; raises UserError like `read_job`."""
    return schema.read_object(folder / JOB, advice).get("uid")


def _check(job: Job) -> None:
    if job.kind not in RUN_KINDS:
        raise ValueError(f"its kind is none of {', '.join(RUN_KINDS)}")
    if len(set(job.labels)) < 2 or len(job.labels) != len(job.words):
        raise ValueError("it needs two labels or more, and a word for each")
    if job.kind not in ("baseline", IMPORTED) and job.base is None:
        raise ValueError("it names no base model")
    if job.prompt not in PROMPTS:
        raise ValueError(f"its prompt is none of {', '.join(PROMPTS)}")
    if not job.uid or len(job.uid) > 64 or job.id < 0:
        raise ValueError("its id or uid is out of range")


def read_state(folder: Path) -> State:
    """Read state.json; a run without one has not begun. Raises UserError if it is damaged."""
    if not schema.exists(folder / STATE):
        return State()
    try:
        state = schema.build_checked(State, schema.read_object(folder / STATE, STATE_ADVICE))
        if state.state not in STATES:
            raise ValueError(f"its state is none of {', '.join(STATES)}")
        if state.pid is not None and not 1 < state.pid < 2**31:
            raise ValueError("its process number is out of range")
        if min(state.step, state.steps) < 0:
            raise ValueError("its steps are below 0")
    except ValueError as error:
        raise UserError(
            f"{folder / STATE} is not a valid state of a run ({on_one_line(error)}); "
            f"{STATE_ADVICE}."
        ) from None
    texts = {name: getattr(state, name) for name in ("reason", "phase")}
    return replace(
        state, **{name: text and text[: schema.MAX_TEXT] for name, text in texts.items()}
    )


def write_state(folder: Path, state: State, /, **changes: Any) -> State:
    """Replace state.json in one step, with a fresh heartbeat, and return what was written."""
    state = replace(state, **{"heartbeat": time.time(), **changes})
    write_json(folder / STATE, asdict(state))
    return state


def append_log(folder: Path, event: str, **values: Any) -> None:
    """Add a line to log.jsonl; the events and their values are in the protocol."""
    line = json.dumps({"at": time.time(), "event": event, **values}, ensure_ascii=False)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(folder / LOG, flags, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        log.write(line.encode("utf-8", "backslashreplace") + b"\n")


def newest_saved_step(folder: Path) -> int | None:
    """The step of the newest whole checkpoint, by the names alone; None if there is none."""
    try:
        names = [path.name for path in (folder / CHECKPOINTS).iterdir()]
    except OSError:
        return None
    steps = (name.removeprefix(CHECKPOINT) for name in names if name.startswith(CHECKPOINT))
    for step in sorted((int(step) for step in steps if step.isdecimal()), reverse=True):
        if (folder / CHECKPOINTS / f"{CHECKPOINT}{step}" / COMPLETE).is_file():
            return step
    return None


def complete_last_line(folder: Path) -> None:
    """Give the log a line end where a killed worker left none, so that the next line is whole."""
    path = folder / LOG
    if path.is_file() and not path.is_symlink() and path.stat().st_size:
        with path.open("r+b") as log:
            log.seek(-1, os.SEEK_END)
            if log.read(1) != b"\n":
                log.write(b"\n")


def read_log(
    folder: Path, offset: int = 0, most_bytes: int | None = None
) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of log.jsonl from a byte offset on, each with the offset after it.

    Of a log with more new bytes than `most_bytes` only the end is read.
    """
    return schema.read_log_lines(folder / LOG, offset, most_bytes)


def write_json(path: Path, values: Any) -> None:
    """Replace a JSON file in one step, so that a reader never sees half of it."""
    # a name of its own for each write, since a signal handler may write during a write
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{next(WRITE_COUNTER)}")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(values, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise

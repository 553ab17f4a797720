"""Writing the state and the log of a run while a worker does it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from storage.errors import UserError, on_one_line
from workbench.rundir import expected_time, processes, rank_failures
from workbench.rundir import folder as run_folder
from workbench.rundir.expected_time import EstimateRevision
from workbench.rundir.folder import DONE, FAILED, RUNNING, STOPPING, State
from workbench.worker.failure_reasons import OTHER_ENDED, LossIsNaN

if TYPE_CHECKING:
    from workbench.modeling.training.trackers import Tracker

HEARTBEAT_S = 0.5
"""state.json is replaced at most this often, except when the phase changes."""
SCORED_S = 2.0
"""Seconds between two lines of the log about how many texts are scored."""
RESERVE = ".reserve"
RESERVED = 64 * 1024
"""Bytes kept on the disk, so that a run can still say that the disk is full."""


class Reporter:
    """Writes what happens to state.json and log.jsonl.

    Of several processes on one run only the first one writes; the others only look whether the run
    is to stop.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder = folder
        self.writes = writes
        self.signalled = False
        self.tracker: Tracker | None = None
        """Where steps and dev evaluations are reported beside the log."""
        self.stop_looked_at = self.written = 0.0
        self.phase_began = self.scored_at = self.began = time.monotonic()
        self.revision = EstimateRevision(expected_time.ExpectedTimeReader(folder).read())
        before = run_folder.read_state(folder)
        self.began_at = time.time()
        self.state = State(state=RUNNING, base_revision=before.base_revision)
        if not writes:
            rank_failures.remove_failures(folder, rank())  # SLURM starts a job again by itself
            return
        run_folder.complete_last_line(folder)
        (folder / RESERVE).write_bytes(bytes(RESERVED))
        me = processes.identity()
        self.state = run_folder.write_state(
            folder,
            self.state,
            **({} if me is None else me.as_state),
            started=self.began_at - (before.seconds or 0.0),
        )

    @property
    def stop_asked(self) -> bool:
        """Whether the run is to save and stop: by a signal, or by the file `stop`."""
        if not self.signalled and time.monotonic() - self.stop_looked_at > HEARTBEAT_S:
            self.stop_looked_at = time.monotonic()
            self.signalled = (self.folder / run_folder.STOP).exists()
        return self.signalled

    def phase(self, name: str) -> None:
        """Begin a phase of the run, such as `training`, in the state and in the log."""
        self.log("phase", phase=name)
        self.phase_began = self.scored_at = time.monotonic()
        self.update(phase=name, eta_s=None)

    def log(self, event: str, **values: object) -> None:
        """Add a line to the log."""
        if self.writes:
            run_folder.append_log(self.folder, event, **values)

    def require_same_revision(self, revision: str | None) -> None:
        """Note the commit of a base from the hub; raises UserError if it was another before."""
        if self.state.base_revision is not None and revision != self.state.base_revision:
            raise UserError(
                "The base has changed on the hub since this run was started, so its checkpoints do "
                "not fit any more; start another run."
            )
        self.update(base_revision=revision)

    def update(self, **changes: object) -> None:
        """Change the state and write it now."""
        if self.stop_asked and self.state.state == RUNNING:
            changes = {"state": STOPPING} | changes
        if self.writes:
            self.state = run_folder.write_state(
                self.folder, self.state, heartbeat=self.now(), **changes
            )
        else:
            self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        self.written = time.monotonic()

    def now(self) -> float:
        """The time of day as it would be if nobody had set the clock since the start."""
        return self.began_at + time.monotonic() - self.began

    def end(self, state: str, reason: str | None = None) -> None:
        """Write how the run ended, on a full disk too; a run that is done keeps its remark."""
        reason = self.state.reason if state == DONE else reason
        self._track(lambda tracker: tracker.close())
        self.tracker = None
        if self.writes:
            (self.folder / RESERVE).unlink(missing_ok=True)
            (self.folder / run_folder.STOP).unlink(missing_ok=True)
            rank_failures.remove_failures(self.folder)
        elif state == FAILED and reason not in (None, OTHER_ENDED):
            rank_failures.write_failure(self.folder, rank(), str(reason))
        self.update(state=state, reason=reason, finished=self.now(), eta_s=None)

    def report(self, event: str, **values: object) -> None:
        """Take an event of the training: ticks go to the state, everything else to the log.

        Raises LossIsNaN, since nothing good comes after that.
        """
        loss, grad_norm = (values.get(name) for name in ("loss", "grad_norm"))
        if (isinstance(loss, float) and not math.isfinite(loss)) or (
            isinstance(grad_norm, float) and math.isnan(grad_norm)
        ):
            raise LossIsNaN(values.get("step"))
        if event == "phase":
            self.phase(str(values["phase"]))
        elif event == "tick":
            self._tick(**values)  # type: ignore[arg-type]
        else:
            self.log(event, **values, **({"eta_s": self.state.eta_s} if event == "step" else {}))
            self._track(lambda tracker: tracker.report(event, values))

    def open_tracker(self, opens: Callable[[], Tracker | None]) -> None:
        """Report to what a function opens, if that can be opened."""
        try:
            self.tracker = opens()
        except Exception as error:  # whatever it is, the run goes on without
            self.log("note", text=f"its curves go into the log alone: {on_one_line(error, 160)}")

    def _track(self, tell: Callable[[Tracker], None]) -> None:
        """Tell the tracker something, if there is one; one that fails is told no more."""
        if self.tracker is None:
            return
        try:
            tell(self.tracker)
        except Exception as error:  # whatever it is, the run goes on and its log is whole
            name, self.tracker = self.tracker.name, None
            self.log("note", text=f"nothing more goes to {name}: {on_one_line(error, 160)}")

    def _tick(self, step: int, steps: int, eta_s: float | None) -> None:
        """Take the end of a step, and set the seconds left until the predictions are there."""
        due = self.revision.due(step, steps)
        if eta_s is not None:
            eta_s = self.revision.expected.seconds_left(steps - step, eta_s)
        self.state = replace(self.state, eta_s=eta_s)
        if due and eta_s is not None:
            so_far = self.now() - (self.state.started or self.began_at)
            self.log(expected_time.EVENT, **self.revision.event_values(step, so_far + eta_s))
        if time.monotonic() - self.written > HEARTBEAT_S:
            self.update(step=step, steps=steps)

    def scored(self, done: int, total: int) -> None:
        """Report how many texts are scored: often in the state, seldom in the log."""
        now = time.monotonic()
        rate = done / max(now - self.phase_began, 1e-9)
        if done == total or now - self.scored_at > SCORED_S:
            self.scored_at = now
            self.report("scored", done=done, total=total, tweets_per_s=rate)
        if time.monotonic() - self.written > HEARTBEAT_S:
            left = (total - done) / rate if done else None
            self.update(phase=f"predicting {done:,} of {total:,}", eta_s=left)

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        """The signal handler; the run saves and stops at the end of its step."""
        self.signalled = True


def rank() -> int:
    """The number of this process among those of the run; the first one, 0, writes."""
    return int(os.environ.get("RANK", "0"))

"""The process that does a run: `python -P -m workbench.runs.worker RUN_DIR`.

It reads and writes its folder only, so it runs the same here, under torchrun, or on another
machine. SIGTERM and SIGINT mean: save and stop.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from storage.errors import UserError
from workbench.bases import hub_answers, is_local, require_same_base
from workbench.runs import estimates, processes, ranks
from workbench.runs import folder as run_folder
from workbench.runs.estimates import Revision
from workbench.runs.folder import DONE, FAILED, RUNNING, STOPPED, STOPPING, Job, State
from workbench.runs.reasons import OTHER_ENDED, LossIsNaN, reason_of

if TYPE_CHECKING:
    from workbench.modeling.base.cache import BaseModelCache

HEARTBEAT_S = 0.5
"""state.json is replaced at most this often, except when the phase changes."""
SCORED_S = 2.0
"""Seconds between two lines of the log about how many texts are scored."""
ALONE = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR",
         "MASTER_PORT")  # fmt: skip
"""What torchrun sets and libraries take for a wish to distribute."""
RESERVE = ".reserve"
RESERVED = 64 * 1024
"""Bytes kept on the disk, so that a run can still say that the disk is full."""


class Reporter:
    """Writes what happens to state.json and log.jsonl.

    Of several processes on one run only the first writes; the others look for the wish to stop.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self.folder = folder
        self.writes = writes
        self.signalled = False
        self.looked = self.written = 0.0
        self.phase_began = self.told = self.began = time.monotonic()
        self.revision = Revision(estimates.Log(folder).read())
        before = run_folder.read_state(folder)
        self.began_at = time.time()
        self.state = State(state=RUNNING, base_revision=before.base_revision)
        if not writes:
            ranks.forget(folder, _rank())  # SLURM starts a job again by itself
            return
        run_folder.end_torn_line(folder)
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
        if not self.signalled and time.monotonic() - self.looked > HEARTBEAT_S:
            self.looked = time.monotonic()
            self.signalled = (self.folder / run_folder.STOP).exists()
        return self.signalled

    def phase(self, name: str) -> None:
        """Say what the run does now."""
        self.log("phase", phase=name)
        self.phase_began = self.told = time.monotonic()
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
        if self.writes:
            (self.folder / RESERVE).unlink(missing_ok=True)
            (self.folder / run_folder.STOP).unlink(missing_ok=True)
            ranks.forget(self.folder)
        elif state == FAILED and reason not in (None, OTHER_ENDED):
            ranks.tell(self.folder, _rank(), str(reason))
        self.update(state=state, reason=reason, finished=self.now(), eta_s=None)

    def report(self, event: str, **values: object) -> None:
        """Take an event of the training: ticks go to the state, everything else to the log.

        Raises LossIsNaN, since nothing good comes after that.
        """
        loss, slope = (values.get(name) for name in ("loss", "grad_norm"))
        if (isinstance(loss, float) and not math.isfinite(loss)) or (
            isinstance(slope, float) and math.isnan(slope)
        ):
            raise LossIsNaN(values.get("step"))
        if event == "phase":
            self.phase(str(values["phase"]))
        elif event == "step" and self.state.eta_s is not None:
            self.log(event, **values, eta_s=self.state.eta_s)
        elif event == "tick":
            self._tick(**values)  # type: ignore[arg-type]
        else:
            self.log(event, **values)

    def _tick(self, step: int, steps: int, eta_s: float) -> None:
        """Take the end of a step: the state says how much is left, up to the predictions."""
        eta_s = self.revision.expected.left(steps - step, eta_s)
        self.state = replace(self.state, eta_s=eta_s)
        if self.revision.due(step, steps):
            so_far = self.now() - (self.state.started or self.began_at)
            self.log(estimates.EVENT, **self.revision.make(step, so_far + eta_s))
        if time.monotonic() - self.written > HEARTBEAT_S:
            self.update(step=step, steps=steps)

    def scored(self, done: int, total: int) -> None:
        """Say how many texts are scored: often in the state, seldom in the log."""
        now = time.monotonic()
        rate = done / max(now - self.phase_began, 1e-9)
        if done == total or now - self.told > SCORED_S:
            self.told = now
            self.report("scored", done=done, total=total, tweets_per_s=rate)
        if time.monotonic() - self.written > HEARTBEAT_S:
            left = (total - done) / rate if done else None
            self.update(phase=f"predicting {done:,} of {total:,}", eta_s=left)

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: note the wish; the run saves at the end of its step."""
        self.signalled = True


def main() -> int:
    """Do the run in the folder that the command line names; exit status 0 if it is done."""
    folder = Path(sys.argv[1])
    os.umask(0o077)  # what a run writes is for its owner only
    try:
        job = run_folder.read_job(folder)
        run_folder.require_inside(folder)
        if os.environ.get("WORLD_SIZE") == "1":
            for name in ALONE:  # under torchrun too one process is one process
                os.environ.pop(name, None)
        first = _rank() == 0
        if first:
            processes.claim(folder)
            if run_folder.read_state(folder).state == DONE:
                raise UserError(f"The run in {folder} is done; there is nothing to do.")
        reporter = Reporter(folder, writes=first)
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - goes to worker.log; the folder is not ours to write
        return 1
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, reporter.ask_to_stop)
    if without_hub(job):
        os.environ["HF_HUB_OFFLINE"] = "1"
    return 0 if do_run(job, folder, reporter) else 1


def without_hub(job: Job) -> bool:
    """Whether the network shall not be touched: for a local base, and while the hub is away.

    In its cache there may still be the base; to ask a hub that is away would take a minute.
    """
    return job.base is None or is_local(job.base) or not hub_answers()


def do_run(job: Job, folder: Path, reporter: Reporter, cache: BaseModelCache | None = None) -> bool:
    """Do a run from its first phase to its last word; whether it did not fail.

    `cache` may hold the base of an earlier run of this process.
    """
    try:
        reporter.phase("starting")
        _see_own_gpu_only()
        require_same_base(job.base, job.base_print)
        if job.kind == "baseline":
            from workbench.runs.baseline_job import run_baseline

            run_baseline(job, folder, reporter)
        else:
            from workbench.modeling.base.library_imports import import_libraries

            import_libraries()
            from workbench.modeling.base.machine import require_usable_gpu
            from workbench.runs.model_job import run_model

            require_usable_gpu()
            run_model(job, folder, reporter, cache)
    except Exception as error:  # the run ends here, and its reason must not be lost
        if not isinstance(error, UserError):
            traceback.print_exc()
        reason = reason_of(error)
        if reason == OTHER_ENDED and reporter.writes:
            reason = ranks.told(folder, ranks.PATIENCE_S) or reason
        reporter.end(FAILED, reason)
        return False
    reporter.end(STOPPED if reporter.stop_asked and reporter.state.phase != "done" else DONE)
    return True


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _see_own_gpu_only() -> None:
    """Of several processes on a machine, let each see the GPU that is its own, as number 0.

    Raises UserError if CUDA_VISIBLE_DEVICES names fewer GPUs than there are processes.
    """
    local, processes_here = os.environ.get("LOCAL_RANK", ""), os.environ.get("LOCAL_WORLD_SIZE", "")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not local.isdecimal() or processes_here in ("", "1") or visible in ("", "-1"):
        return
    named = visible.split(",") if visible is not None else []
    if visible is not None and len(named) < int(processes_here):
        raise UserError(
            f"CUDA_VISIBLE_DEVICES={visible} names fewer GPUs than the {processes_here} that the "
            "run was started on; lower --gpus, or name more."
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = named[int(local)] if named else local


if __name__ == "__main__":
    sys.exit(main())

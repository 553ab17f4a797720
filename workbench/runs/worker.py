"""The process that does a run: `python -m workbench.runs.worker RUN_DIR`.

It reads and writes its folder only, so it runs the same here, under torchrun, or on another
machine. SIGTERM and SIGINT mean: save and stop.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from storage.errors import UserError, on_one_line
from workbench.runs import folder as run_folder
from workbench.runs.folder import DONE, FAILED, RUNNING, STOPPED, STOPPING, State

HEARTBEAT_S = 0.5
"""state.json is replaced at most this often, except when the phase changes."""
SCORED_S = 2.0
"""Seconds between two lines of the log about how many texts are scored."""


class Reporter:
    """Writes what happens to state.json and log.jsonl."""

    def __init__(self, folder: Path) -> None:
        import psutil

        self.folder = folder
        self.stop_asked = False
        self.written = 0.0
        self.phase_began = self.told = time.monotonic()
        before = run_folder.read_state(folder)
        self.earlier = before.seconds or 0.0
        self.state = run_folder.write_state(
            folder,
            State(state=RUNNING),
            pid=os.getpid(),
            pid_started=psutil.Process().create_time(),
            booted=psutil.boot_time(),
            started=time.time() - self.earlier,
        )

    def phase(self, name: str) -> None:
        """Say what the run does now."""
        run_folder.append_log(self.folder, "phase", phase=name)
        self.phase_began = self.told = time.monotonic()
        self.update(phase=name, eta_s=None)

    def update(self, **changes: object) -> None:
        """Change the state and write it now."""
        if self.stop_asked and self.state.state == RUNNING:
            changes = {"state": STOPPING} | changes
        self.state = run_folder.write_state(self.folder, self.state, **changes)
        self.written = time.monotonic()

    def report(self, event: str, **values: object) -> None:
        """Take an event of the training: ticks go to the state, everything else to the log."""
        if event != "tick":
            run_folder.append_log(self.folder, event, **values)
        elif time.monotonic() - self.written > HEARTBEAT_S:
            self.update(**values)

    def scored(self, done: int, total: int) -> None:
        """Say how many texts are scored: often in the state, seldom in the log."""
        now = time.monotonic()
        if done == total or now - self.told > SCORED_S:
            self.told = now
            rate = done / max(now - self.phase_began, 1e-9)
            self.report("scored", done=done, total=total, tweets_per_s=rate)
        if time.monotonic() - self.written > HEARTBEAT_S:
            self.update(phase=f"predicting {done:,} of {total:,}")

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: note the wish; the run saves at the end of its step."""
        self.stop_asked = True


def main() -> int:
    """Do the run in the folder that the command line names; exit status 0 if it is done."""
    folder = Path(sys.argv[1])
    os.umask(0o077)  # what a run writes is for its owner only
    try:
        job = run_folder.read_job(folder)
        state = run_folder.read_state(folder)
        if state.state in run_folder.LIVE and run_folder.alive(state):
            raise UserError(f"Another worker is busy with {folder}; stop it first.")
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - goes to worker.log; the folder is not ours to write
        return 1
    if job.base is None or Path(job.base).is_dir():
        os.environ["HF_HUB_OFFLINE"] = "1"  # an unreachable hub would cost a minute of retries
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    reporter = Reporter(folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, reporter.ask_to_stop)
    try:
        reporter.phase("starting")
        if job.kind == "baseline":
            from workbench.runs.baseline_job import run_baseline

            run_baseline(job, folder, reporter)
        else:
            from workbench.runs.model_job import run_model

            run_model(job, folder, reporter)
    except UserError as error:
        reporter.update(state=FAILED, reason=str(error), finished=time.time())
        return 1
    except Exception as error:  # the process ends here, and its reason must not be lost
        traceback.print_exc()
        reporter.update(state=FAILED, reason=_reason(error), finished=time.time())
        return 1
    ended = STOPPED if reporter.stop_asked and reporter.state.phase != "done" else DONE
    reporter.update(state=ended, finished=time.time(), eta_s=None)
    return 0


def _reason(error: Exception) -> str:
    if type(error).__name__ == "OutOfMemoryError":
        return (
            "The GPU ran out of memory; lower training.batch_size and raise "
            "training.accumulation by the same factor."
        )
    if isinstance(error, OSError) and error.errno == 28:
        return "The disk is full; make space and run `workbench resume` on this run."
    return f"{type(error).__name__}: {on_one_line(error)} (details in worker.log)."


if __name__ == "__main__":
    sys.exit(main())

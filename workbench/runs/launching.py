"""Starting workers that outlive the terminal, stopping them, and going on with what they did."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import folder as run_folder
from workbench.rundir import processes, rank_failures
from workbench.rundir.folder import LIVE, QUEUED, STOPPED
from workbench.rundir.launch import Launch, read_launch
from workbench.rundir.liveness import worker_alive
from workbench.runs.launchers import LAUNCHERS, launcher_of
from workbench.runs.launchers.launcher import LaunchedRun
from workbench.runs.run_end_watch import watch_end

ENDING_S = 30.0
"""How long a worker that has written its final state may take to end."""


def start_run(folder: Path, launch: Launch | None = None) -> None:
    """Start the worker of a run, or put the run into the queue of its launcher.

    Raises UserError if another worker has the folder, or if the launcher refuses it.
    """
    run_folder.require_no_links(folder)
    with processes.folder_lock(folder) as lock:
        _start(folder, launch or Launch(), lock)


def _start(folder: Path, launch: Launch, lock: int) -> None:
    (folder / run_folder.STOP).unlink(missing_ok=True)
    rank_failures.remove_failures(folder)
    launcher_of(launch).start(folder, launch, lock)
    watch_end(folder)


def stop_run(folder: Path) -> None:
    """Ask the worker of a run to save and stop; raises UserError if none is at work."""
    run_folder.require_folder(folder)
    run = LaunchedRun(read_launch(folder), run_folder.read_state(folder))
    if not _waits_or_works(folder, run):
        raise UserError(f"Run {folder.name} is not running (it is {run.state.state}).")
    if launcher_of(run.launch).stop(folder, run):
        run_folder.write_state(folder, run.state, state=STOPPED, reason="Taken out of the queue.")


def _waits_or_works(folder: Path, run: LaunchedRun) -> bool:
    state = run.state
    if state.state not in LIVE:
        return False
    waits = state.state == QUEUED and run.launch.in_queue
    return state.elsewhere or worker_alive(folder, state) or waits


def resume_run(folder: Path, launch: Launch | None = None) -> None:
    """Go on with a stopped or failed run from its newest checkpoint, launched as before by default.

    Raises UserError for a run that is at work, waits, is done, or cannot be read.
    """
    run_folder.require_folder(folder)
    run_folder.require_no_links(folder)
    run_folder.require_made_here(folder, "there is nothing to resume")
    state = run_folder.read_state(folder)
    if state.state in LIVE and worker_alive(folder, state):
        raise UserError(f"Run {folder.name} is running already.")
    if state.elsewhere and state.recent:
        raise UserError(
            f"Run {folder.name} is running on {state.host}; stop it there before it goes on here."
        )
    if state.state == run_folder.DONE:
        raise UserError(f"Run {folder.name} is done; there is nothing to resume.")
    before = read_launch(folder)
    if state.state == QUEUED and (job := launcher_of(before).waiting_job(before)) is not None:
        raise UserError(f"Run {folder.name} waits in the queue as job {job}.")
    launch = launch or Launch(before.launcher, before.nodes, before.gpus)
    with processes.folder_lock(folder, ENDING_S) as lock:
        run_folder.write_state(folder, state, state=QUEUED, reason=None, pid=None, host=None)
        _start(folder, launch, lock)


def queue_places(folders: list[Path]) -> dict[Path, str]:
    """What the queues of their launchers say of runs that are in one.

    A run that has lost its place there, or whose job has ended without its worker saying so, is
    marked as failed. Raises UserError if a queue does not answer.
    """
    runs: dict[Path, LaunchedRun] = {}
    for folder in folders:
        with suppress(UserError):  # a damaged folder is reported when it is collected
            runs[folder] = LaunchedRun(read_launch(folder), run_folder.read_state(folder))
    places: dict[Path, str] = {}
    for name, launcher in LAUNCHERS.items():
        own = {folder: run for folder, run in runs.items() if run.launch.launcher == name}
        places |= launcher.queue(own)
    return places

"""Starting workers that outlive the terminal, stopping them, and going on with what they did."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import engine_queue, processes, rank_failures
from workbench.rundir import folder as run_folder
from workbench.rundir.folder import FAILED, LIVE, QUEUED, STOPPED, State
from workbench.rundir.launch import ENGINE, SLURM, Launch, read_launch
from workbench.runs.launchers import local, slurm

ENDING_S = 30.0
"""How long a worker that has said its last word may take to end."""


def launch(folder: Path, how: Launch | None = None) -> None:
    """Start the worker of a run, or put the run into the queue of its launcher.

    Raises UserError if another worker has the folder, or if the launcher refuses it.
    """
    run_folder.require_inside(folder)
    with processes.claimed(folder) as lock:
        _start(folder, how or Launch(), lock)


def _start(folder: Path, how: Launch, lock: int) -> None:
    (folder / run_folder.STOP).unlink(missing_ok=True)
    rank_failures.forget(folder)
    if how.launcher == ENGINE and not engine_queue.usable():
        how = Launch()
    how.save(folder)
    if how.launcher == SLURM:
        try:
            slurm.start(folder, how)
        except UserError as error:
            state = run_folder.read_state(folder)
            run_folder.write_state(folder, state, state=FAILED, reason=str(error))
            raise
    elif how.launcher == ENGINE:
        engine_queue.submit(folder)
    else:
        local.start(folder, how, lock)


def stop(folder: Path) -> None:
    """Ask the worker of a run to save and stop; raises UserError if none is at work."""
    run_folder.require(folder)
    state = run_folder.read_state(folder)
    how = read_launch(folder)
    if state.state not in LIVE or not (state.elsewhere or _waits_or_works(folder, state, how)):
        raise UserError(f"Run {folder.name} is not running (it is {state.state}).")
    if state.state == QUEUED and (
        (how.launcher == SLURM and slurm.stop(folder, how))
        or (how.launcher == ENGINE and engine_queue.withdraw(folder))
    ):
        run_folder.write_state(folder, state, state=STOPPED, reason="Taken out of the queue.")
        return
    (folder / run_folder.STOP).touch(0o600)  # seen by a worker that is still starting, or far away
    if how.launcher == ENGINE:
        return  # its process has other runs to do
    if not state.elsewhere:
        processes.send(signal.SIGTERM, state.pid, state.pid_started, state.boot)


def _waits_or_works(folder: Path, state: State, how: Launch) -> bool:
    waits = how.job is not None or how.launcher == ENGINE
    return run_folder.alive(folder, state) or (state.state == QUEUED and waits)


def resume(folder: Path, how: Launch | None = None) -> None:
    """Go on with a stopped or failed run from its newest checkpoint, as before unless `how` says.

    Raises UserError for a run that is at work, waits, is done, or cannot be read.
    """
    run_folder.require(folder)
    run_folder.require_inside(folder)
    state = run_folder.read_state(folder)
    if state.state in LIVE and run_folder.alive(folder, state):
        raise UserError(f"Run {folder.name} is running already.")
    if state.elsewhere and state.recent:
        raise UserError(
            f"Run {folder.name} is running on {state.host}; stop it there before it goes on here."
        )
    if state.state == run_folder.DONE:
        raise UserError(f"Run {folder.name} is done; there is nothing to resume.")
    run_folder.read_job(folder)
    before = read_launch(folder)
    if state.state == QUEUED and before.job is not None and _ended(before) is None:
        raise UserError(f"Run {folder.name} waits in the queue as job {before.job}.")
    how = how or Launch(before.launcher, before.nodes, before.gpus)
    with processes.claimed(folder, ENDING_S) as lock:
        run_folder.write_state(
            folder, state, state=run_folder.QUEUED, reason=None, pid=None, host=None
        )
        _start(folder, how, lock)


def queues(folders: list[Path]) -> dict[Path, str]:
    """What the queues of their launchers say of runs that are in one.

    A run whose job has ended without its worker saying so is marked as failed.
    """
    known = _readable(folders)
    jobs = {
        folder: how
        for folder, (how, _) in known.items()
        if how.launcher == SLURM and how.job is not None
    }
    said = slurm.states(list(jobs.values()))
    found = _of_the_engine(known)
    for folder, how in jobs.items():
        if (told := said.get(how.job or "")) is None:
            continue
        found[folder] = f"job {how.job} {told}"
        state = run_folder.read_state(folder)
        if state.state in LIVE and _over(told) and not run_folder.alive(folder, state):
            again = run_folder.read_state(folder)
            if again.state not in LIVE:
                continue  # its last word came in between
            run_folder.write_state(
                folder,
                again,
                state=FAILED,
                finished=again.heartbeat,
                reason=rank_failures.told(folder)
                or f"{slurm.why(how.job or '', told)}; go on with "
                f"`workbench resume {folder.name}`.",
            )
    return found


def _readable(folders: list[Path]) -> dict[Path, tuple[Launch, State]]:
    """How runs were started and stand, without those of which that is damaged."""
    found = {}
    for folder in folders:
        with suppress(UserError):  # said when it is collected
            found[folder] = read_launch(folder), run_folder.read_state(folder)
    return found


def _of_the_engine(known: dict[Path, tuple[Launch, State]]) -> dict[Path, str]:
    """The places of runs in the spool of the engine; one that lost its place has failed."""
    queued = {
        folder: state
        for folder, (how, state) in known.items()
        if state.state == QUEUED and how.launcher == ENGINE
    }
    if not queued:
        return {}
    places = {folder: place for place, (_, folder) in enumerate(engine_queue.waiting(), start=1)}
    there = engine_queue.running() is not None
    found = {}
    for folder, state in queued.items():
        if there and folder.resolve() in places:
            found[folder] = f"number {places[folder.resolve()]} in the engine's queue"
        elif not run_folder.alive(folder, state) and run_folder.read_state(folder) == state:
            if not there:
                engine_queue.withdraw(folder)
            elif time.time() - (state.heartbeat or 0) < run_folder.START_S:
                continue  # just taken out of the queue, or not yet in it
            run_folder.write_state(
                folder,
                state,
                state=FAILED,
                reason="The engine ended before it came to this run; go on with "
                f"`workbench resume {folder.name}`.",
            )
    return found


def _ended(how: Launch) -> str | None:
    told = slurm.states([how]).get(how.job or "", "UNKNOWN")
    return told if _over(told) else None


def _over(told: str) -> bool:
    return told.split(" ")[0] not in (*slurm.WAITING, *slurm.GOING)

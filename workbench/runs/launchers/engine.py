"""Runs that the engine does one after another, keeping the base model between them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from workbench.rundir import engine_queue
from workbench.rundir.folder import FAILED, QUEUED, read_state, write_state
from workbench.rundir.launch import Launch
from workbench.rundir.liveness import MAX_START_S, worker_alive
from workbench.runs.launchers.launcher import LaunchedRun
from workbench.runs.launchers.local import LocalLauncher, write_stop_file


class EngineLauncher:
    """Hands runs to the engine of this user on this machine."""

    remote = False

    def start(self, folder: Path, launch: Launch, lock: int) -> None:
        """Put a run into the queue of the engine, or start a worker where there is no engine."""
        if not engine_queue.engine_usable():
            LocalLauncher().start(folder, Launch(), lock)
            return
        launch.save(folder)
        engine_queue.submit(folder)

    def stop(self, folder: Path, run: LaunchedRun) -> bool:
        """Take a run out of the queue, or ask the engine by the file `stop` to go on to the next.

        The engine gets no signal, since its process has other runs to do.
        """
        if run.state.state == QUEUED and engine_queue.withdraw(folder):
            return True
        write_stop_file(folder)
        return False

    def queue(self, runs: Mapping[Path, LaunchedRun]) -> dict[Path, str]:
        """The places of runs in the queue of the engine; one that lost its place has failed."""
        queued = {folder: run.state for folder, run in runs.items() if run.state.state == QUEUED}
        if not queued:
            return {}
        places = {
            folder: place for place, (_, folder) in enumerate(engine_queue.waiting_runs(), start=1)
        }
        running = engine_queue.running_engine() is not None
        found = {}
        for folder, state in queued.items():
            if running and folder.resolve() in places:
                found[folder] = f"number {places[folder.resolve()]} in the engine's queue"
            elif not worker_alive(folder, state) and read_state(folder) == state:
                if not running:
                    engine_queue.withdraw(folder)
                elif time.time() - (state.heartbeat or 0) < MAX_START_S:
                    continue  # just taken out of the queue, or not yet in it
                write_state(
                    folder,
                    state,
                    state=FAILED,
                    reason="The engine ended before it came to this run; go on with "
                    f"`workbench resume {folder.name}`.",
                )
        return found

    def waiting_job(self, launch: Launch) -> str | None:
        """None, since the engine gives its runs no numbers."""
        return None

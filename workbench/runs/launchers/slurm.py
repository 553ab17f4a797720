"""Runs as jobs of SLURM, on other machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import folder as run_folder
from workbench.rundir import liveness, rank_failures
from workbench.rundir.folder import FAILED, LIVE, QUEUED
from workbench.rundir.launch import Launch
from workbench.runs.launchers import slurm_commands
from workbench.runs.launchers.launcher import LaunchedRun
from workbench.runs.launchers.local import ask_worker_to_stop


class SlurmLauncher:
    """Submits runs to the queue of SLURM."""

    remote = True

    def start(self, folder: Path, launch: Launch, lock: int) -> None:
        """Submit a run; one that is refused is marked as failed, and UserError raised."""
        launch.save(folder)
        try:
            submitted = replace(launch, job=slurm_commands.submit(folder, launch))
            submitted.save(folder)
        except UserError as error:
            state = run_folder.read_state(folder)
            run_folder.write_state(folder, state, state=FAILED, reason=str(error))
            raise

    def stop(self, folder: Path, run: LaunchedRun) -> bool:
        """Take the job of a run out of the queue, or ask its worker to save and stop."""
        if run.state.state == QUEUED and slurm_commands.cancel_waiting(folder, run.launch):
            return True
        ask_worker_to_stop(folder, run)
        return False

    def queue(self, runs: Mapping[Path, LaunchedRun]) -> dict[Path, str]:
        """What SLURM says of the jobs of runs; a run whose job has ended is marked as failed."""
        states = slurm_commands.job_states([run.launch for run in runs.values()])
        found = {}
        for folder, run in runs.items():
            job = run.launch.job or ""
            if (state := states.get(job)) is None:
                continue
            found[folder] = f"job {job} {state}"
            if slurm_commands.is_over(state):
                _mark_failed(folder, slurm_commands.ending_sentence(job, state))
        return found

    def waiting_job(self, launch: Launch) -> str | None:
        """The number of the job of a run, unless SLURM says that it has ended."""
        if launch.job is None:
            return None
        state = slurm_commands.job_states([launch]).get(launch.job, "UNKNOWN")
        return None if slurm_commands.is_over(state) else launch.job


def _mark_failed(folder: Path, ending: str) -> None:
    """Mark a run as failed whose job has ended without its worker saying so."""
    state = run_folder.read_state(folder)
    if state.state not in LIVE or liveness.worker_alive(folder, state):
        return
    again = run_folder.read_state(folder)
    if again.state not in LIVE:
        return  # its last word came in between
    run_folder.write_state(
        folder,
        again,
        state=FAILED,
        finished=again.heartbeat,
        reason=rank_failures.read_failure(folder)
        or f"{ending}; go on with `workbench resume {folder.name}`.",
    )

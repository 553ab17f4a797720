"""Deleted runs: their folders lie in `runs/.trash` until somebody empties it."""

from __future__ import annotations

import os
from pathlib import Path

from storage.errors import UserError
from storage.runs import runs
from storage.runs.predictions import remove_predictions
from storage.runs.runs import Run
from storage.store import Store
from workbench.rundir import folder as run_folder
from workbench.rundir.liveness import worker_alive

TRASH = ".trash"


def delete_run(store: Store, number: int) -> bool:
    """Take a run out of sight and move its folder into the trash; whether it had one.

    Raises UserError while a worker is at it.
    """
    runs.get(store, number)
    folder = store.run_folder(number)
    if there := folder.is_dir():
        try:
            state = run_folder.read_state(folder)
        except UserError:
            state = run_folder.State(state=run_folder.FAILED)
        if worker_alive(folder, state) or (state.elsewhere and state.recent):
            how = (
                "wait until it has stopped"
                if state.state == run_folder.STOPPING
                else "stop it first"
            )
            raise UserError(f"Run {number} is {state.state}; {how}, then delete it.")
        move_to_trash(folder)
    runs.delete(store, number)
    remove_predictions(store, number)
    return there


def restore_run(store: Store, number: int) -> None:
    """Put the folder of a deleted run back, to be collected anew; raises UserError without one."""
    for run, folder in deleted_runs(store):
        if run.id == number:
            folder.rename(store.run_folder(number))
            return
    if number in {run.id for run in runs.every(store, metrics=False)}:
        raise UserError(f"Run {number} is not deleted.")
    raise UserError(f"Run {number} is not in the trash; `workbench undelete` lists what is.")


def deleted_runs(store: Store) -> list[tuple[Run, Path]]:
    """The deleted runs whose folders are still in the trash."""
    everything = runs.every(store, deleted=True, metrics=False)
    gone = {run.uid: run for run in everything if run.state == runs.DELETED}
    found: dict[int, tuple[Run, Path]] = {}
    for folder in trashed_folders(store.runs_folder):
        try:
            run = gone.get(run_folder.read_job(folder).uid)
        except UserError:
            continue
        if run is not None:
            found[run.id] = (run, folder)
    return [found[number] for number in sorted(found)]


def move_to_trash(folder: Path) -> Path:
    """Move a run folder into the trash beside it, and return where it lies now."""
    trash = folder.parent / TRASH
    trash.mkdir(mode=0o700, exist_ok=True)
    number = 0
    while True:
        place = trash / (folder.name if not number else f"{folder.name}.{number}")
        if not os.path.lexists(place):
            return folder.rename(place)
        number += 1


def trashed_folders(runs_folder: Path) -> list[Path]:
    """The folders in the trash, in the order of their names."""
    trash = runs_folder / TRASH
    return sorted(path for path in trash.iterdir() if path.is_dir()) if trash.is_dir() else []


def size_mib(folder: Path) -> float:
    """The size of the files in a folder, in MiB."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file()) / 2**20

"""Run folders that came from elsewhere: copied into runs/, from another machine or workspace."""

from __future__ import annotations

from pathlib import Path

from storage.errors import UserError
from storage.file_locks import exclusive
from storage.label_changes import names_of_labels
from storage.label_names import key
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import Store
from storage.transactions import transaction
from workbench.rundir import folder as run_folder
from workbench.rundir.folder import Job, State
from workbench.rundir.liveness import worker_alive
from workbench.runs import trash

COPY_ADVICE = "copy the folder again from where it is whole, or remove it"
"""What to do about a folder that cannot be read."""


def adopt(store: Store) -> list[str]:
    """Take run folders of others into the store; a sentence about each that was left alone.

    A folder with a uid that the store does not know becomes a run, under its own number if that
    is free. A copy of a run that is known takes the place of its folder if it is further on; a
    number that two runs want goes to the one that the store knows by it. The folder of a deleted
    run brings it back.
    """
    foreign, skipped = _foreign_folders(store, _runs_by_uid(store))
    if not foreign:
        return skipped
    with exclusive(store.runs_folder / ".adopting.lock"):
        return _adopt(store)


def _adopt(store: Store) -> list[str]:
    known = _runs_by_uid(store)
    foreign, skipped = _foreign_folders(store, known)
    for folder, job in foreign:
        try:
            run_folder.require_no_links(folder)
            _require_no_code(store, job, known.get(job.uid))
            state = run_folder.read_state(folder)
            if worker_alive(folder, state):
                continue  # its worker would lose the folder; it is taken in when that has ended
            if (run := known.get(job.uid)) is None:
                run = known[job.uid] = _record(store, folder, job)
                if folder != store.run_folder(run.id):
                    folder.rename(store.run_folder(run.id))
            elif run.state == runs.DELETED:
                if folder != store.run_folder(run.id):
                    folder.rename(store.run_folder(run.id))
                runs.update(store, run.id, state=run_folder.QUEUED, reason=None)
            elif _is_further(state, store.run_folder(run.id)):
                if store.run_folder(run.id).exists():
                    trash.move_to_trash(store.run_folder(run.id))
                folder.rename(store.run_folder(run.id))
                runs.update(store, run.id, state=run_folder.QUEUED, log_offset=0)
        except UserError as error:
            skipped.append(f"{folder} was left alone: {error}")
    return skipped


def _runs_by_uid(store: Store) -> dict[str, Run]:
    """All runs by their uids, those that are deleted too."""
    return {run.uid: run for run in runs.every(store, deleted=True, metrics=False)}


def _require_no_code(store: Store, job: Job, run: Run | None) -> None:
    """Raise UserError if a run would let its base run code and nobody here has asked for that."""
    if not job.trust_remote_code:
        return
    try:
        asked = run is not None and run_folder.read_job(store.run_folder(run.id)).trust_remote_code
    except UserError:
        asked = False
    if not asked:
        raise UserError(
            "its run.json lets the base bring code of its own (trust_remote_code); set that to "
            "false there to take the run in."
        )


def _foreign_folders(
    store: Store, known: dict[str, Run]
) -> tuple[list[tuple[Path, Job]], list[str]]:
    """The folders in runs/ that the store does not know there, and sentences about damaged ones."""
    found: list[tuple[Path, Job]] = []
    skipped: list[str] = []
    if not store.runs_folder.is_dir():
        return found, skipped
    own_uids = {str(run.id): uid for uid, run in known.items() if run.state != runs.DELETED}
    for folder in sorted(store.runs_folder.iterdir()):
        if folder.name.startswith(".") or folder.is_symlink() or not folder.is_dir():
            continue
        try:
            if run_folder.read_uid(folder, COPY_ADVICE) != own_uids.get(folder.name):
                found.append((folder, run_folder.read_job(folder, COPY_ADVICE)))
        except UserError as error:
            if folder.name not in own_uids:  # that run says what is wrong
                skipped.append(f"{folder} was left alone: {error}")
    return found, skipped


def _record(store: Store, folder: Path, job: Job) -> Run:
    spelt = names_of_labels(store.db)
    if strange := [label for label in job.labels if key(label) not in spelt]:
        raise UserError(
            f"its label {strange[0]!r} is not one of this workspace; add it to workbench.toml."
        )
    taken = [int(path.name) for path in store.runs_folder.iterdir() if path.name.isdecimal()]
    wanted = int(folder.name) if folder.name.isdecimal() and len(folder.name) < 10 else None
    with transaction(store.db):
        now_known = runs.every(store, deleted=True, metrics=False)
        if mine := [run for run in now_known if run.uid == job.uid]:
            return mine[0]  # its own workspace has just made it
        if wanted in {run.id for run in now_known}:
            wanted = None
        number = runs.add(
            store,
            job.uid,
            job.kind,
            job.recipe.name,
            job.base,
            [spelt[key(label)] for label in job.labels],
            after=max(taken, default=0),
            number=wanted,
        )
    return runs.get(store, number)


def _is_further(state: State, folder: Path) -> bool:
    """Whether a copy with that state has done more of the run than the folder it is a copy of."""
    if not folder.is_dir():
        return True
    try:
        own = run_folder.read_state(folder)
        run_folder.read_job(folder)
    except UserError:
        return True
    if worker_alive(folder, own) or own.state == run_folder.DONE:
        return False
    return (state.state == run_folder.DONE, state.step) > (False, own.step)

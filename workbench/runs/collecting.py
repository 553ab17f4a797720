"""Reading run folders back into the store; doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from storage.errors import UserError, os_error_message
from storage.file_locks import exclusive
from storage.runs import displayed_run, runs
from storage.runs.class_folding import fold_pending
from storage.runs.predictions import add_predictions
from storage.runs.runs import Run
from storage.store import Store
from storage.transactions import transaction
from workbench.rundir import folder as run_folder
from workbench.rundir import schema
from workbench.rundir.folder import DONE, FAILED, LIVE, State
from workbench.rundir.liveness import reconcile_state
from workbench.runs.adopting import adopt
from workbench.runs.launching import queue_places
from workbench.runs.ranking import rank_again

COLLECTING = ".collecting.lock"
NO_METRICS = ("at", "event", "step", "eta_s")
"""Values in the log that are no metrics."""
MOST_ROWS = 5_000
"""Metrics that are taken in at a time, so that a log of any length takes no more memory."""


def collect(
    store: Store, warn: Callable[[str], None] = lambda sentence: None, ranks: bool = True
) -> list[Run]:
    """Bring the store up to date with all run folders and return the runs that changed.

    Folders that were copied in become runs first; `warn` takes a sentence about each that is left
    alone. Where a run has ended, `ranks` says whether the suspects are ranked anew.
    """
    if store.read_only:
        return []
    fold_pending(store)  # what a merge of labels has left to do, if its process was killed
    for sentence in adopt(store):
        warn(sentence)
    waiting = [run for run in runs.every(store, metrics=False) if run.state != DONE]
    with suppress(UserError):  # a queue that does not answer now is asked the next time
        queue_places([store.run_folder(run.id) for run in waiting if run.state in LIVE])
    none_shown = displayed_run.shown_run(store) is None
    changed = [runs.get(store, run.id) for run in waiting if collect_run(store, run)]
    if none_shown and changed:
        displayed_run.show_comparable(store, [run.id for run in changed])
    if ranks and any(run.state == DONE and run.predictions for run in changed):
        rank_again(store)
    return changed


def collect_run(store: Store, run: Run) -> bool:
    """Bring the state, the new log lines and the predictions of one run into the store.

    True if its state has changed; what the store knows already is not written again.
    """
    folder = store.run_folder(run.id)
    if not folder.is_dir():
        return run.state in LIVE and _write(store, run, FAILED, run_folder.missing_sentence(folder))
    try:
        if run_folder.read_job(folder).uid != run.uid:
            raise UserError(f"{folder} belongs to another run; move it away.")
        state = reconcile_state(folder)
        _collect_log(store, run, folder)
        if state.state == DONE:
            return _collect_results(store, run, folder, state)
    except UserError as error:
        return _fail(store, run, folder, str(error))
    except OSError as error:  # the folder may be undamaged, and its state stays as it is
        return _write(store, run, FAILED, os_error_message(error))
    return _write_state(store, run, state)


def _collect_results(store: Store, run: Run, folder: Path, state: State) -> bool:
    """Bring a finished run into the store, in one process at a time, as others may collect too."""
    # imported here, as most commands look for what has ended, and mostly nothing has
    from workbench.evaluation.run_evaluation import evaluate_run
    from workbench.runs.incoming_predictions import read_predictions

    with exclusive(store.runs_folder / COLLECTING):
        if runs.get(store, run.id).state != DONE:
            if (folder / run_folder.PREDICTIONS).exists():
                add_predictions(store, run.id, read_predictions(store, run, folder))
                evaluate_run(store, run.id)
            _write_state(store, run, state)
    return True


def _write_state(store: Store, run: Run, state: State) -> bool:
    return _write(
        store,
        run,
        state.state,
        state.reason,
        steps=state.step or None,
        seconds=state.seconds,
        peak_gib=state.peak_gib,
        linear4bit=state.linear4bit,
        linear_total=state.linear_total,
    )


def _write(store: Store, run: Run, state: str, reason: str | None, **figures: float | None) -> bool:
    """Bring the row of a run up to date, if it is not; True if its state has changed.

    A run that somebody else has resumed or deleted meanwhile is left as it is.
    """
    values = {"state": state, "reason": reason, **figures}
    if any(getattr(run, name) != value for name, value in values.items()):
        runs.update(store, run.id, while_state=run.state, **values)
    return run.state != state


def _fail(store: Store, run: Run, folder: Path, reason: str) -> bool:
    """Mark a run as failed, in its own folder too, so that it can be resumed."""
    with suppress(UserError, OSError):  # the folder is what is wrong, and is left as it is
        state = run_folder.read_state(folder)
        if state.state == DONE and run_folder.read_job(folder).uid == run.uid:
            state = run_folder.write_state(folder, state, state=FAILED, reason=reason)
            return _write_state(store, run, state)
    return _write(store, run, FAILED, reason)


def _collect_log(store: Store, run: Run, folder: Path) -> None:
    """Bring the metrics of the log lines that are new into the store, some of them at a time."""
    rows: list[tuple[int, str, float]] = []
    offset = run.log_offset
    for values, after in run_folder.read_log(folder, run.log_offset):
        offset = after
        if values["event"] in ("step", "dev") and "step" in values:
            prefix = "dev_" if values["event"] == "dev" else ""
            rows += [
                (values["step"], f"{prefix}{name}", found)
                for name, value in values.items()
                if name not in NO_METRICS and (found := schema.finite_number(value)) is not None
            ]
        if len(rows) >= MOST_ROWS:
            _add_metrics(store, run, rows, offset)
            rows = []
    if offset != run.log_offset:
        _add_metrics(store, run, rows, offset)


def _add_metrics(store: Store, run: Run, rows: list[tuple[int, str, float]], offset: int) -> None:
    """Keep metrics, and up to where the log has been read."""
    with transaction(store.db):
        runs.add_metrics(store, run.id, rows)
        runs.update(store, run.id, log_offset=offset)

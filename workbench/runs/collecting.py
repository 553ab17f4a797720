"""Reading run folders back into the store; doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from storage import runs
from storage.errors import UserError, refused
from storage.events import newest
from storage.predictions import add_predictions, predictions_of
from storage.presence import turn
from storage.rankings import SUSPECTS, ranks_suspects
from storage.runs import Run
from storage.store import Store, transaction
from workbench.analysis.label_errors import suspicion
from workbench.analysis.metrics import evaluate
from workbench.runs import folder as run_folder
from workbench.runs import schema
from workbench.runs.adopting import adopt
from workbench.runs.folder import DONE, FAILED, LIVE, State, settle
from workbench.runs.incoming import predictions
from workbench.runs.launching import queues

SPLITS = ("train", "dev", "test")
COLLECTING = ".collecting.lock"
NO_METRICS = ("at", "event", "step", "eta_s")
"""What a line of the log holds beside them."""


def collect(store: Store, tell: Callable[[str], None] = lambda sentence: None) -> list[Run]:
    """Bring the store up to date with all run folders and return the runs that changed.

    Folders that were copied in become runs first; `tell` is told of those that are left alone.
    """
    if store.read_only:
        return []
    for sentence in adopt(store):
        tell(sentence)
    waiting = [run for run in runs.every(store, metrics=False) if run.state != DONE]
    with suppress(UserError):  # a queue that does not answer now is asked the next time
        queues([store.run_folder(run.id) for run in waiting if run.state in LIVE])
    return [runs.get(store, run.id) for run in waiting if collect_run(store, run)]


def collect_run(store: Store, run: Run) -> bool:
    """Take in the state, the new log lines and the predictions of one run.

    Whether its state is another one now; nothing is written of what the store knows already.
    """
    folder = store.run_folder(run.id)
    if not folder.is_dir():
        return run.state in LIVE and _write(store, run, FAILED, run_folder.gone(folder))
    try:
        if run_folder.read_job(folder).uid != run.uid:
            raise UserError(f"{folder} belongs to another run; move it away.")
        state = settle(folder)
        _collect_log(store, run, folder)
        if state.state == DONE:
            return _take_in(store, run, folder, state)
    except UserError as error:
        return _fail(store, run, folder, str(error))
    except OSError as error:
        return _write(store, run, FAILED, refused(error))  # the folder may be well, and is left
    return _write_state(store, run, state)


def _take_in(store: Store, run: Run, folder: Path, state: State) -> bool:
    """Take in what a finished run says, in one process at a time: others may be at it as well."""
    with turn(store.runs_folder / COLLECTING):
        if runs.get(store, run.id).state != DONE:
            if (folder / run_folder.PREDICTIONS).exists():
                add_predictions(store, run.id, predictions(store, run, folder))
                evaluate_run(store, run.id)
                if ranks_suspects(store) == run.id:
                    _rank(store, run)
            _write_state(store, run, state)
    return True


def _write_state(store: Store, run: Run, state: State) -> bool:
    return _write(
        store, run, state.state, state.reason, steps=state.step or None, seconds=state.seconds,
        peak_gib=state.peak_gib, linear4bit=state.linear4bit, linear_total=state.linear_total,
    )  # fmt: skip


def _write(store: Store, run: Run, state: str, reason: str | None, **figures: float | None) -> bool:
    """Bring the row of a run up to date, if it is not; whether its state is another one now.

    What somebody else has made of it meanwhile (resumed, deleted) is left as it is.
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


def evaluate_run(
    store: Store, number: int, split: str | None = None
) -> dict[str, dict[str, object]]:
    """Compare a run's predictions with the current labels and keep the reports, per split.

    In-sample predictions are left out, so a split that was trained on whole has no report.
    """
    run = runs.get(store, number)
    index, event = {label: place for place, label in enumerate(run.labels)}, newest(store)
    pairs: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in SPLITS}
    for _, label, of, in_sample, row in predictions_of(store, number):
        if label in index and not in_sample:
            pairs[of][0].append(index[label])
            pairs[of][1].append(max(range(len(row)), key=row.__getitem__))
    reports = {}
    for name in SPLITS if split is None else (split,):
        truth, predicted = pairs[name]
        if truth:
            reports[name] = evaluate(truth, predicted, run.labels)
            if not store.read_only:
                runs.save_evaluation(store, number, name, reports[name], event)
    return reports


def rank_suspects(store: Store, number: int | None = None) -> list[tuple[int, float, str]]:
    """Rank labels by how likely they are wrong, and keep the ranking as the queue `suspects`.

    Uses the out-of-sample predictions of a run: by default of the promoted one, or else of the
    newest baseline, which has them for every labelled tweet. Raises UserError if there are none.
    """
    wanted = number if number is not None else ranks_suspects(store)
    run = runs.latest(store, ("baseline",)) if wanted is None else runs.get(store, wanted)
    ranked = _rank(store, run)
    if not ranked:
        other = "" if run.kind == "baseline" else ", and --run names the run that it makes"
        raise UserError(
            f"Run {run.id} has no out-of-sample predictions for labelled tweets; "
            f"`workbench train --recipe baseline --wait` makes some in seconds{other}."
        )
    return ranked


def _rank(store: Store, run: Run) -> list[tuple[int, float, str]]:
    index, event = {label: place for place, label in enumerate(run.labels)}, newest(store)
    rows = [
        (tweet, index[label], row)
        for tweet, label, _, in_sample, row in predictions_of(store, run.id)
        if label in index and not in_sample
    ]
    if not rows:
        return []
    scores = suspicion(np.array([row for *_, row in rows]), [label for _, label, _ in rows])
    source = f"run {run.id} {run.recipe}"
    ranked = [
        (rows[place][0], float(scores[place]), source)
        for place in np.argsort(-scores, kind="stable")
    ]
    if not store.read_only:
        runs.save_queue(store, SUSPECTS, ranked, run.id, event)
    return ranked


def _collect_log(store: Store, run: Run, folder: Path) -> None:
    rows = []
    offset = run.log_offset
    for values, after in run_folder.read_log(folder, run.log_offset):
        offset = after
        if values["event"] in ("step", "dev") and "step" in values:
            prefix = "dev_" if values["event"] == "dev" else ""
            rows += [
                (values["step"], f"{prefix}{name}", found)
                for name, value in values.items()
                if name not in NO_METRICS and (found := schema.number(value)) is not None
            ]
    if offset != run.log_offset:
        with transaction(store.db):
            runs.add_metrics(store, run.id, rows)
            runs.update(store, run.id, log_offset=offset)

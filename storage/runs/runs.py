"""Runs and what came out of them: state, metrics, predictions, evaluations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from storage.errors import UserError
from storage.newest_events import NEWEST
from storage.runs import comparable as comparing
from storage.runs.analyses import forget_run, note_queue
from storage.runs.displayed_run import PROMOTED_RUN, SHOWN_RUN, require_run
from storage.store import Store, now
from storage.transactions import transaction


class QueueEntry(NamedTuple):
    """A tweet in a queue such as that of the suspects."""

    rank: int
    tweet: int
    score: float
    source: str
    """By which run, and in which way, it was ranked; in a mixed queue the source."""
    blind: bool = False
    """Whether the prediction is to be hidden until the tweet has a label."""


@dataclass(frozen=True)
class Run:
    """One training or prediction job as the store knows it."""

    id: int
    uid: str
    kind: str
    recipe: str
    base: str | None
    created: int
    state: str
    reason: str | None
    steps: int | None
    seconds: float | None
    peak_gib: float | None
    linear4bit: int | None
    linear_total: int | None
    labels: tuple[str, ...]
    log_offset: int
    predictions: int = 0
    shown: bool = False
    promoted: bool = False
    metrics: dict[str, dict[str, Any]] | None = None
    answers: tuple[str, ...] = ()
    """The labels that the model tells apart: `labels`, before some of them were merged."""
    places: tuple[int, ...] = ()
    """The place in `labels` of each answer."""

    def fold(self, probabilities: tuple[float, ...]) -> tuple[float, ...]:
        """A probability for each of the labels, from one for each of the answers."""
        if len(self.labels) == len(self.places):
            return probabilities
        sums = [0.0] * len(self.labels)
        for place, value in zip(self.places, probabilities, strict=True):
            sums[place] += value
        return tuple(sums)

    def as_json(self) -> dict[str, Any]:
        """The fields that the command line promises."""
        names = ("id", "kind", "recipe", "base", "state", "linear4bit", "linear_total", "steps")
        return {name: getattr(self, name) for name in names} | {
            "metrics": self.metrics or {},
            "seconds": self.seconds,
            "peak_gib": self.peak_gib,
            "reason": self.reason,
            "predictions": self.predictions,
            "created": self.created,
            "shown": self.shown,
            "promoted": self.promoted,
        }


LABELS_ONLY = (
    "Only labels came with their confidences: what is left of each is spread evenly over the other "
    "labels, so margins, entropies and suspects are rough."
)
"""The reason of an imported run that has no probability for each label."""
MERGED = "SELECT l.name, m.name FROM labels l JOIN labels m ON m.id = l.merged_into"
DELETED = "deleted"
"""The state of a run whose folder is in the trash."""
FIGURES = (
    *("accuracy", "accuracy_low", "accuracy_high"),
    *("macro_f1", "macro_f1_low", "macro_f1_high"),
    "n",
)
"""What is told of an evaluation; one of an older version has no interval of the macro F1."""
RUN_COLUMNS = (
    "id, uid, kind, recipe, base, created, state, reason, steps, seconds, peak_gib, "
    "linear4bit, linear_total, labels, log_offset, predictions, "
    f"id IN ({SHOWN_RUN}), id IN ({PROMOTED_RUN})"
)


def add(
    store: Store,
    uid: str,
    kind: str,
    recipe: str,
    base: str | None,
    labels: Sequence[str],
    after: int = 0,
    number: int | None = None,
) -> int:
    """Record a new queued run and return its number: the one given, or one above `after`."""
    with transaction(store.db):
        cursor = store.db.execute(
            "INSERT INTO runs (id, uid, kind, recipe, base, created, state, labels, event) "
            "SELECT coalesce(?, 1 + max(?, coalesce(max(id), 0))), ?, ?, ?, ?, ?, 'queued', ?, "
            f"{NEWEST} FROM runs",
            [number, after, uid, kind, recipe, base, now(), json.dumps(list(labels))],
        )
    return int(cursor.lastrowid or 0)


def get(store: Store, number: int) -> Run:
    """One run; raises UserError if there is none with this number."""
    require_run(store, number)
    return _read(store, "id = ?", [number])[0]


def every(store: Store, deleted: bool = False, metrics: bool = True) -> list[Run]:
    """All runs, newest first; those that are deleted, and without their metrics, if asked for."""
    return _read(store, "1" if deleted else f"state != '{DELETED}'", [], metrics)


def in_states(store: Store, states: Sequence[str]) -> list[int]:
    """The numbers of the runs in one of these states, newest first."""
    marks = ",".join("?" * len(states))
    sql = f"SELECT id FROM runs WHERE state IN ({marks}) ORDER BY id DESC"
    return [number for (number,) in store.db.execute(sql, states)]


def newest(store: Store) -> int:
    """The highest number that a run has had, 0 before the first."""
    return int(store.db.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()[0])


def count(store: Store) -> int:
    """How many runs there are, but for those that are deleted."""
    sql = "SELECT count(*) FROM runs WHERE state != ?"
    return int(store.db.execute(sql, [DELETED]).fetchone()[0])


def comparable(known: Sequence[Run]) -> list[Run]:
    """Of some runs those whose predictions are of about as many tweets as those of any of them."""
    found = set(comparing.comparable({run.id: run.predictions for run in known}))
    return [run for run in known if run.id in found]


def that_predict(store: Store, tweet: int) -> dict[int, Run]:
    """The runs with a prediction for a tweet, by their numbers, without their metrics."""
    wanted = (
        "predictions > 0 AND EXISTS "
        "(SELECT 1 FROM predictions p WHERE p.run = runs.id AND p.tweet = ?)"
    )
    return {run.id: run for run in _read(store, wanted, [tweet], metrics=False)}


def latest(store: Store, kinds: Sequence[str], states: Sequence[str] = ("done",)) -> Run:
    """The newest run of some kinds; raises UserError if there is none."""
    kind, state = (",".join("?" * len(names)) for names in (kinds, states))
    wanted = f"kind IN ({kind}) AND state IN ({state})"
    newest = f"id = (SELECT max(id) FROM runs WHERE {wanted})"
    if found := _read(store, newest, [*kinds, *states]):
        return found[0]
    recipe = " --recipe baseline" if kinds == ("baseline",) else ""
    raise UserError(
        f"There is no finished {' or '.join(kinds)} run yet; "
        f"start one with `workbench train{recipe}`."
    )


def update(store: Store, number: int, while_state: str | None = None, **values: Any) -> None:
    """Set columns of a run; with `while_state` only if it is still in that state."""
    known = {
        "state",
        "reason",
        "steps",
        "seconds",
        "peak_gib",
        "linear4bit",
        "linear_total",
        "log_offset",
    }
    if unknown := set(values) - known:
        raise ValueError(f"no column {unknown}")
    assignments = ", ".join(f"{name} = ?" for name in values)
    with transaction(store.db):
        store.db.execute(
            f"UPDATE runs SET {assignments} WHERE id = ? AND state = coalesce(?, state)",
            [*values.values(), number, while_state],
        )


def add_metrics(store: Store, number: int, rows: Iterable[tuple[int, str, float]]) -> None:
    """Take in (step, name, value) rows; a repeated row replaces the earlier one."""
    with transaction(store.db):
        store.db.executemany(
            "INSERT OR REPLACE INTO metrics (run, step, name, value) VALUES (?, ?, ?, ?)",
            ((number, *row) for row in rows),
        )


def metrics(store: Store, number: int, name: str) -> list[tuple[int, float]]:
    """The course of one metric as (step, value) pairs."""
    return store.db.execute(
        "SELECT step, value FROM metrics WHERE run = ? AND name = ? ORDER BY step", [number, name]
    ).fetchall()


def save_evaluation(
    store: Store, number: int, split: str, report: dict[str, Any], event: int | None = None
) -> None:
    """Keep the evaluation of a run on a split, by the labels as they were at an event, or are."""
    with transaction(store.db):
        store.db.execute(
            "INSERT OR REPLACE INTO evaluations (run, split, report, event) "
            f"VALUES (?, ?, ?, coalesce(?, {NEWEST}))",
            [number, split, json.dumps(report), event],
        )


def evaluation(store: Store, number: int, split: str) -> dict[str, Any] | None:
    """The evaluation of a run on a split as it was kept last, whole; None if there is none."""
    row = store.db.execute(
        "SELECT report FROM evaluations WHERE run = ? AND split = ?", [number, split]
    ).fetchone()
    return None if row is None else dict(json.loads(row[0]))


def save_queue(
    store: Store,
    name: str,
    ranked: Iterable[tuple[int, float, str] | tuple[int, float, str, bool]],
    run: int | None = None,
    event: int | None = None,
    others: Sequence[int] = (),
) -> None:
    """Replace a queue by (tweet, score, source, blind) rows, best first; blind may be left out.

    It was ranked by the predictions of a run, and of others with it, and the labels as they were at
    an event, or are.
    """
    with transaction(store.db):
        store.db.execute("DELETE FROM queues WHERE name = ?", [name])
        store.db.executemany(
            "INSERT INTO queues (name, rank, tweet, score, source, blind) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            ((name, rank, *row, False)[:6] for rank, row in enumerate(ranked, start=1)),
        )
        note_queue(store, name, [] if run is None else [run, *others], event)


def queue(store: Store, name: str, limit: int | None = None) -> list[QueueEntry]:
    """The entries of a queue, best first."""
    rows = store.db.execute(
        "SELECT rank, tweet, score, source, blind FROM queues WHERE name = ? ORDER BY rank LIMIT ?",
        [name, -1 if limit is None else limit],
    )
    return [QueueEntry._make((*values, bool(blind))) for *values, blind in rows]


def delete(store: Store, number: int) -> None:
    """Take a run and what came out of it out of sight; its number stays taken.

    That it was shown or promoted counts again when it comes back, unless another one is by then.
    Labels that were given with its suggestion on the screen go on referring to it. Its
    predictions are cleared by `storage.runs.predictions.remove_predictions`.
    """
    with transaction(store.db):
        store.db.execute(
            "UPDATE runs SET state = ?, predictions = 0, log_offset = 0 WHERE id = ?",
            [DELETED, number],
        )
        store.db.execute("DELETE FROM evaluations WHERE run = ?", [number])
        store.db.execute("DELETE FROM metrics WHERE run = ?", [number])
        forget_run(store, number)


def _read(
    store: Store, condition: str, parameters: list[object], metrics: bool = True
) -> list[Run]:
    reports = _reports(store, condition, parameters) if metrics else {}
    rows = store.db.execute(
        f"SELECT {RUN_COLUMNS} FROM runs WHERE {condition} ORDER BY id DESC", parameters
    )
    names = [field.name for field in fields(Run)]
    meant: dict[str, str] = dict(store.db.execute(MERGED).fetchall())
    runs = []
    for *columns, labels, offset, predictions, shown, promoted in rows:
        answers = tuple(json.loads(labels))
        present = [meant.get(name, name) for name in answers]
        classes = tuple(dict.fromkeys(present))
        values = [
            *columns,
            classes,
            offset,
            predictions,
            bool(shown),
            bool(promoted),
            reports.get(columns[0]),
            answers,
            tuple(map(classes.index, present)),
        ]
        runs.append(Run(**dict(zip(names, values, strict=True))))
    return runs


def _reports(
    store: Store, condition: str, parameters: list[object]
) -> dict[int, dict[str, dict[str, Any]]]:
    """The figures of the evaluations of some runs, by run and split."""
    found: dict[int, dict[str, dict[str, Any]]] = {}
    for run, split, report, stale in store.db.execute(
        "SELECT e.run, e.split, e.report, e.event < coalesce(l.event, 0) "
        "FROM evaluations e LEFT JOIN relabelled l ON l.split = e.split "
        f"WHERE e.run IN (SELECT id FROM runs WHERE {condition})",
        parameters,
    ):
        values = json.loads(report)
        kept = {name: values[name] for name in FIGURES if name in values}
        found.setdefault(run, {})[split] = kept | {"stale": bool(stale)}
    return found

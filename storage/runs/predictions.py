"""Predictions: written beside other work, read back by run or by tweet."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from storage.bulk_writes import BulkWriter, bulk_writer
from storage.indexes import fts_segments, order_index
from storage.newest_events import NEWEST
from storage.predicates import DISAGREES
from storage.runs.analyses import note_predictions
from storage.runs.displayed_run import show_first
from storage.runs.runs import Run, get, that_predict
from storage.store import Store, last_visible_id
from storage.transactions import transaction

PREDICTIONS_AT_ONCE = 4_000


class Prediction(NamedTuple):
    """What a run says about a tweet: a probability per label of the run."""

    tweet: int
    probabilities: tuple[float, ...]
    margin: float
    entropy: float
    in_sample: bool


class LabelledPrediction(NamedTuple):
    """What a run says about a tweet, beside the label that the tweet has now."""

    tweet: int
    label: str | None
    split: str
    in_sample: bool
    probabilities: tuple[float, ...]


class RunPrediction(NamedTuple):
    """What one of several runs predicts for a tweet."""

    run: Run
    label: str
    probabilities: tuple[float, ...]
    in_sample: bool


def add_predictions(store: Store, number: int, predictions: Iterable[Prediction]) -> int:
    """Take in the predictions of a run and return how many; repeating it changes nothing.

    They are shown when all of them are there. Predictions for tweets that the workspace does not
    have are left out.
    """
    run = get(store, number)
    with bulk_writer(store) as writer:
        ids = dict(writer.db.execute("SELECT name, id FROM labels").fetchall())
        numbers = [ids[name] for name in run.labels]
        writer.db.execute("PRAGMA cache_size = -24000")  # rows come in the order of the key
        last, before = last_visible_id(writer.db), writer.db.total_changes
        rows = (
            (
                number,
                p.tweet,
                numbers[place],
                highest,
                margin,
                entropy,
                p.in_sample,
                array("f", p.probabilities).tobytes(),
            )
            for p in predictions
            if 0 < p.tweet <= last
            for place, highest, margin, entropy in [_certainty(run, p)]
        )
        while batch := list(islice(rows, PREDICTIONS_AT_ONCE)):
            writer.executemany(
                "predictions",
                "INSERT OR REPLACE INTO predictions "
                "SELECT ?1, tweet, ?3, ?4, ?5, ?6, ?7, ?8 FROM current WHERE tweet = ?2",
                batch,
            )
        if taken := writer.db.total_changes - before:
            keep_orders(writer, number)
            with transaction(writer.db):
                note_predictions(writer.db, number)
        fts_segments.merge_segments(writer)  # what an import has left to do
    return taken


def _certainty(run: Run, prediction: Prediction) -> tuple[int, float, float, float]:
    """The place of the most probable label of a run, its probability, margin and entropy."""
    values = prediction.probabilities
    if len(run.labels) < len(values):
        return certainty(run.fold(values))
    highest = max(values)
    return values.index(highest), highest, prediction.margin, prediction.entropy


def certainty(probabilities: Sequence[float]) -> tuple[int, float, float, float]:
    """The place of the largest probability, itself, its margin over the next, and the entropy."""
    highest, *others = sorted(probabilities, reverse=True)
    entropy = -sum(p * math.log(p) for p in probabilities if p > 0)
    return probabilities.index(highest), highest, highest - (others or [0.0])[0], entropy


def keep_orders(writer: BulkWriter, run: int) -> None:
    """Write the orders of a run, and count its predictions, which makes them visible."""
    db = writer.db
    newest = db.execute(f"SELECT {NEWEST}").fetchone()[0]
    order_index.rebuild(
        writer,
        run,
        "disagreement",
        "SELECT -p.confidence AS value, p.tweet FROM predictions p "
        f"JOIN current c ON c.tweet = p.tweet WHERE p.run = ? AND {DISAGREES}",
    )
    for name in ("confidence", "margin", "entropy"):
        order_index.rebuild(
            writer, run, name, f"SELECT {name} AS value, tweet FROM predictions WHERE run = ?"
        )
    counted = db.execute("SELECT count(*) FROM predictions WHERE run = ?", [run]).fetchone()[0]
    with transaction(db):
        db.execute("UPDATE runs SET predictions = ? WHERE id = ?", [counted, run])
        show_first(db, run)
        meanwhile = db.execute("SELECT DISTINCT tweet FROM label_events WHERE id > ?", [newest])
        order_index.update_disagreements(db, [tweet for (tweet,) in meanwhile])


def remove_predictions(store: Store, number: int) -> None:
    """Delete the predictions of a run that is deleted already, beside other work."""
    with bulk_writer(store) as writer:
        nothing = "SELECT 0.0 AS value, 0 AS tweet FROM runs WHERE id = ? AND 0"
        for name in ("disagreement", "confidence", "margin", "entropy"):
            order_index.rebuild(writer, number, name, nothing)
        writer.in_slices(
            "predictions",
            1,
            last_visible_id(writer.db),
            lambda a, b: writer.db.execute(
                "DELETE FROM predictions WHERE run = ? AND tweet BETWEEN ? AND ?", [number, a, b]
            ),
        )


def predictions_of(store: Store, number: int) -> Iterator[LabelledPrediction]:
    """All predictions of a run but those for excluded tweets, in the order of the ids."""
    run = get(store, number)
    rows = store.db.execute(
        "SELECT p.tweet, c.label, c.split, p.in_sample, p.probabilities FROM predictions p "
        "JOIN current c ON c.tweet = p.tweet WHERE p.run = ? AND c.excluded = 0 ORDER BY p.tweet",
        [number],
    )
    for tweet, label, split, inside, values in rows:
        name = store.label_names.of(label)
        yield LabelledPrediction(tweet, name, split, bool(inside), run.fold(_from_bytes(values)))


def probabilities_of(store: Store, number: int, ids: Sequence[int]) -> dict[int, tuple[float, ...]]:
    """The probabilities that a run gives the labels of some tweets, in the order of its labels."""
    run = get(store, number)
    rows = store.db.execute(
        "SELECT p.tweet, p.probabilities FROM json_each(?) j CROSS JOIN predictions p "
        "ON p.run = ? AND p.tweet = j.value",
        [json.dumps(list(ids)), number],
    )
    return {tweet: run.fold(_from_bytes(values)) for tweet, values in rows}


def predictions_for(store: Store, tweet: int) -> list[RunPrediction]:
    """What every run predicts for a tweet, newest first."""
    known = that_predict(store, tweet)
    rows = store.db.execute(
        "SELECT run, label, probabilities, in_sample FROM predictions "
        "WHERE run IN (SELECT id FROM runs WHERE predictions > 0) AND tweet = ? ORDER BY run DESC",
        [tweet],
    )
    return [
        RunPrediction(
            known[run], store.label_names[label], known[run].fold(_from_bytes(values)), bool(inside)
        )
        for run, label, values, inside in rows
        if run in known  # all but one that was collected in this moment
    ]


def _from_bytes(values: bytes) -> tuple[float, ...]:
    return tuple(array("f", values))

"""What runs say about tweets: taken in beside other work, read back by run or by tweet."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from storage.bulk_writes import Bulk, bulk
from storage.indexes import fts_segments, kept_orders
from storage.newest_events import NEWEST
from storage.predicates import DISAGREES
from storage.runs.displayed_run import take_first
from storage.runs.runs import Run, get, that_predict
from storage.store import Store, transaction, visible

BATCH = 4_000


class Prediction(NamedTuple):
    """What a run says about a tweet: a probability per label of the run."""

    tweet: int
    probabilities: tuple[float, ...]
    margin: float
    entropy: float
    in_sample: bool


def add_predictions(store: Store, number: int, predictions: Iterable[Prediction]) -> int:
    """Take in the predictions of a run and return how many; repeating it changes nothing.

    They are shown when all of them are there. Predictions for tweets that the workspace does not
    have are left out.
    """
    run = get(store, number)
    numbers = [store.label_ids[name] for name in run.labels]
    with bulk(store) as writer:
        last, taken = visible(writer.db), 0
        rows = (
            (
                number,
                p.tweet,
                numbers[p.probabilities.index(highest := max(p.probabilities))],
                highest,
                p.margin,
                p.entropy,
                p.in_sample,
                array("f", p.probabilities).tobytes(),
            )
            for p in predictions
            if 0 < p.tweet <= last
        )
        while batch := list(islice(rows, BATCH)):
            writer.rows(
                "predictions",
                "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                batch,
            )
            taken += len(batch)
        if taken:
            _keep_orders(writer, number)
        fts_segments.merge(writer)  # what an import has left to do
    return taken


def _keep_orders(writer: Bulk, run: int) -> None:
    """Write the orders of a run, and count its predictions, which makes them visible."""
    db = writer.db
    newest = db.execute(f"SELECT {NEWEST}").fetchone()[0]
    kept_orders.rewrite(
        writer,
        run,
        "disagreement",
        "SELECT -p.confidence AS value, p.tweet FROM predictions p "
        f"JOIN current c ON c.tweet = p.tweet WHERE p.run = ? AND {DISAGREES}",
    )
    for name in ("confidence", "margin", "entropy"):
        kept_orders.rewrite(
            writer, run, name, f"SELECT {name} AS value, tweet FROM predictions WHERE run = ?"
        )
    counted = db.execute("SELECT count(*) FROM predictions WHERE run = ?", [run]).fetchone()[0]
    with transaction(db):
        db.execute("UPDATE runs SET predictions = ? WHERE id = ?", [counted, run])
        take_first(db, run)
        meanwhile = db.execute("SELECT DISTINCT tweet FROM label_events WHERE id > ?", [newest])
        kept_orders.follow_labels(db, [tweet for (tweet,) in meanwhile])


def remove_predictions(store: Store, number: int) -> None:
    """Clear what a run said, beside other work; it is out of sight already."""
    with bulk(store) as writer:
        nothing = "SELECT 0.0 AS value, 0 AS tweet FROM runs WHERE id = ? AND 0"
        for name in ("disagreement", "confidence", "margin", "entropy"):
            kept_orders.rewrite(writer, number, name, nothing)
        writer.over(
            "predictions",
            1,
            visible(writer.db),
            lambda a, b: writer.db.execute(
                "DELETE FROM predictions WHERE run = ? AND tweet BETWEEN ? AND ?", [number, a, b]
            ),
        )


def predictions_of(
    store: Store, number: int
) -> list[tuple[int, str | None, str, bool, tuple[float, ...]]]:
    """(tweet, current label, split, in-sample, probabilities) for all predictions of a run."""
    rows = store.db.execute(
        "SELECT p.tweet, c.label, c.split, p.in_sample, p.probabilities FROM predictions p "
        "JOIN current c ON c.tweet = p.tweet WHERE p.run = ? AND c.excluded = 0 ORDER BY p.tweet",
        [number],
    )
    return [
        (tweet, store.label_names.of(label), split, bool(inside), _unpacked(values))
        for tweet, label, split, inside, values in rows
    ]


def predictions_for(store: Store, tweet: int) -> list[tuple[Run, str, tuple[float, ...], bool]]:
    """(run, predicted label, probabilities, in-sample) of every run for a tweet, newest first."""
    known = that_predict(store, tweet)
    rows = store.db.execute(
        "SELECT run, label, probabilities, in_sample FROM predictions "
        "WHERE run IN (SELECT id FROM runs WHERE predictions > 0) AND tweet = ? ORDER BY run DESC",
        [tweet],
    )
    return [
        (known[run], store.label_names[label], _unpacked(values), bool(inside))
        for run, label, values, inside in rows
        if run in known  # all but one that was collected in this moment
    ]


def _unpacked(values: bytes) -> tuple[float, ...]:
    return tuple(array("f", values))

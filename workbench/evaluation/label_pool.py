"""The tweets without labels, and what the strongest model at hand says about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from storage.errors import UserError
from storage.plurals import tweet_count
from storage.query import tweets
from storage.runs import label_next as stored
from storage.runs import runs
from storage.runs.label_next import PoolTweet
from storage.runs.runs import Run
from storage.runs.training_set import training
from storage.store import Store
from workbench.analysis import baseline
from workbench.analysis.label_next import Scores, first_of_each, lots, unsureness
from workbench.recipes import recipes

MOST_FITTED = 20_000
"""So many tweets of the pool, by lot, are predicted where a baseline is fitted for a queue."""


@dataclass
class Pool:
    """The tweets without labels, one of each group, and how unsure a model is of them."""

    store: Store
    rows: list[PoolTweet]
    run: Run | None = None
    fitted: Mapping[int, Sequence[float]] | None = None
    """The probabilities by a baseline that was fitted for the queue."""
    notes: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        """The ids of its tweets, rising."""
        return [row.tweet for row in self.rows]

    @property
    def judged(self) -> bool:
        """Whether a model says anything about any of them."""
        return self.fitted is not None or any(row.margin is not None for row in self.rows)

    def scores(self, rule: str) -> Scores:
        """How unsure the model is of each tweet, by one of `RULES`; NaN where it says nothing."""
        if self.fitted is not None:
            nothing = [np.nan] * len(self.store.config.labels)
            p = [self.fitted.get(tweet, nothing) for tweet in self.ids]
            return unsureness(np.array(p, float).reshape(len(p), len(nothing)), rule)
        found = np.full(len(self.rows), np.nan)
        for place, row in enumerate(self.rows):
            if row.margin is not None and row.confidence is not None and row.entropy is not None:
                known = {"margin": 1 - row.margin, "least-confidence": 1 - row.confidence}
                found[place] = known.get(rule, row.entropy)
        return found


def strongest_run(store: Store) -> Run | None:
    """The run that chooses: the promoted one, or the one whose accuracy is surely the highest.

    Of those that predict tweets without a label: by the lower end of the interval of its accuracy
    on test, and the newer one at a tie.
    """
    covered = stored.runs_of_pool(store)
    known = [run for run in runs.every(store) if run.id in covered]
    promoted = [run for run in known if run.promoted]
    most = max(covered.values(), default=0)
    return max(
        promoted or [run for run in known if covered[run.id] * 2 >= most],
        key=lambda run: (((run.metrics or {}).get("test") or {}).get("accuracy_low", 0.0), run.id),
        default=None,
    )


def read_pool(store: Store, number: int | None, judged: bool = True) -> Pool:
    """The pool as the run that is named, or the strongest one, or a baseline sees it.

    A baseline is fitted only if the pool is to be `judged`.
    """
    run = strongest_run(store) if number is None else runs.get(store, number)
    rows = stored.pool(store, None if run is None else run.id)
    kept = first_of_each([row.group for row in rows])
    pool = Pool(store, [rows[place] for place in kept], run)
    if not judged:
        return pool
    since = 0 if run is None else stored.labels_since(store, run.id)
    outdated = number is None and run is not None and run.kind == "baseline" and since
    if not rows or (run is not None and not outdated):
        if since and run is not None:
            pool.notes.append(
                f"Run {run.id} does not know {tweet_count(since)} that were labelled since; "
                "train again for a better queue."
            )
        missing = sum(row.margin is None for row in pool.rows)
        if missing and run is not None:
            pool.notes.append(
                f"Run {run.id} has no prediction for {missing:,} of {tweet_count(len(rows))} "
                f"without a label, which come last; `workbench predict --run {run.id}` makes them."
            )
        return pool
    _fit(pool, since)
    return pool


def _fit(pool: Pool, since: int) -> None:
    """Fit a baseline on the labels as they are, where there are labels of two kinds."""
    train, dev = training(pool.store)
    examples = [*train, *dev]
    if not examples:
        pool.notes.append(
            "No run predicts tweets without a label, and none has one yet to learn from, so these "
            "are typical ones, one of each cluster."
        )
        return
    labels = list(pool.store.config.labels)
    by_lot = np.argsort(lots(pool.ids))[:MOST_FITTED]
    part = [pool.rows[place].tweet for place in sorted(by_lot)]
    texts = tweets.texts(pool.store, part)
    recipe = recipes.load("baseline").logistic
    assert recipe is not None  # noqa: S101 - a baseline recipe has this section
    given = [labels.index(example.label) for example in examples]
    why = (
        "No run predicts tweets without a label"
        if pool.run is None
        else f"Run {pool.run.id} does not know {tweet_count(since)} that were labelled since"
    )
    try:
        p = baseline.predict(
            [example.text for example in examples],
            given,
            [texts[tweet] for tweet in part],
            len(labels),
            recipe.regularisation,
        )
    except UserError as error:
        pool.notes.append(f"{why}, and a baseline cannot help yet: {error}")
        return
    pool.fitted = {tweet: row.tolist() for tweet, row in zip(part, p, strict=True)}
    pool.notes.append(f"{why}; a baseline was fitted on {tweet_count(len(examples))} for this.")
    pool.run = None

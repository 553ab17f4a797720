"""The votes on the labels of a workspace: by runs, texts, embeddings and training dynamics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError
from storage.runs import runs, training_set
from storage.runs.predictions import predictions_of
from storage.runs.runs import Run
from storage.store import Store
from workbench.analysis.label_errors.voters import (
    EMBEDDING_PRIOR,
    SIMILAR,
    WORDS_PRIOR,
    Vote,
    dynamics_vote,
    embedding_votes,
    neighbour_vote,
    text_features,
    word_vote,
)
from workbench.analysis.label_errors.votes import fold_plans
from workbench.analysis.texts.text_features import latent_points, unit_rows
from workbench.evaluation.run_dynamics import dynamics_of
from workbench.evaluation.run_embeddings import embeddings_of
from workbench.rundir import folder as run_folder

Places = NDArray[np.int64]
ZERO_SHOT_PRIOR = 0.1
LEAST_SHARE = 0.1
"""Of the labelled tweets a vote has to say something about so many."""
EMBEDDED_SHARE, SURELY = 0.5, 0.9
MOST_TEXTS = 200_000
"""Of more labelled tweets the texts are not read: that would take an hour and ten gigabytes."""
FOLDS, SEED = 5, 42


@dataclass(frozen=True)
class LabelledTweets:
    """The tweets that are voted on, by id."""

    names: tuple[str, ...]
    """The labels of the workspace."""
    ids: Places
    labels: Places
    """(tweets,) places in `names`."""
    texts: list[str]
    groups: list[int]

    @property
    def place(self) -> dict[int, int]:
        """The place of each tweet."""
        return {number: place for place, number in enumerate(self.ids.tolist())}


@dataclass
class Votes:
    """What was found: the votes, the runs among them, and points by which texts are near."""

    tweets: LabelledTweets
    cast: list[Vote] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    """The run of each vote that is one's, by its name."""
    points: NDArray[np.float32] | None = None
    slopes: NDArray[np.float64] | None = None
    """(tweets,) how the probability of the given label went from epoch to epoch; NaN: unknown."""

    def add(self, votes: Sequence[Vote]) -> None:
        """Take those that say something about enough tweets."""
        least = LEAST_SHARE * len(self.tweets.ids)
        self.cast += [vote for vote in votes if _known(vote) >= max(1, least)]


def _known(vote: Vote) -> int:
    """Of how many tweets it says something."""
    return int((~np.isnan(vote.probabilities).any(axis=1)).sum())


def labelled_tweets(store: Store) -> LabelledTweets:
    """Read the labelled tweets; excluded ones are left out."""
    examples = training_set.labelled(store)
    names = store.config.labels
    return LabelledTweets(
        names,
        np.array([example.id for example in examples], np.int64),
        np.array([names.index(example.label) for example in examples], np.int64),
        [example.text for example in examples],
        [example.group for example in examples],
    )


def collect_votes(
    store: Store,
    numbers: Sequence[int],
    alone: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Votes:
    """All votes that can be had: of these runs, and unless a run is to be `alone`, of the texts.

    Words vote where no baseline does, similar texts always, embeddings where a run keeps some, and
    the course of a training where one was noted. `progress` takes the steps done and all of them.
    """
    found = Votes(labelled_tweets(store))
    known = [runs.get(store, number) for number in numbers]
    steps = len(known) + (0 if alone else 3)
    for done, run in enumerate(known):
        progress(done, steps)
        _run_votes(store, found, run)
    if not alone:
        progress(steps - 3, steps)
        _text_votes(found)
        progress(steps - 2, steps)
        _embedding_votes(store, found, known)
        progress(steps - 1, steps)
        _dynamics_votes(store, found, known)
    progress(steps, steps)
    return found


def vote_name(run: Run) -> str:
    """What a run is called among those who vote."""
    return f"run {run.id} {run.recipe}"


def _run_votes(store: Store, found: Votes, run: Run) -> None:
    """The out-of-sample predictions of a run, where it can answer with all labels in use."""
    tweets = found.tweets
    in_use = {tweets.names[label] for label in np.unique(tweets.labels)}
    if not in_use <= set(run.labels):
        return
    columns = [tweets.names.index(name) if name in tweets.names else -1 for name in run.labels]
    kept = np.array([column >= 0 for column in columns])
    rows, place = np.full((len(tweets.ids), len(tweets.names)), np.nan), tweets.place
    for tweet, _, _, in_sample, values in predictions_of(store, run.id):
        if not in_sample and tweet in place:
            rows[place[tweet]] = 0
            rows[place[tweet], np.array(columns)[kept]] = np.array(values)[kept]
    total = rows.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = np.where(np.isfinite(total) & (total > 0), rows / total, np.nan)
    vote = Vote(vote_name(run), _prior(store, run), rows)
    found.add([vote])
    if vote in found.cast[-1:]:
        found.runs[vote.name] = run


def _prior(store: Store, run: Run) -> float:
    if run.kind == "baseline":
        return WORDS_PRIOR
    untuned = not (store.run_folder(run.id) / run_folder.ADAPTER).exists()
    return ZERO_SHOT_PRIOR if run.kind == "predict" and untuned else EMBEDDING_PRIOR


def _text_votes(found: Votes) -> None:
    """By similar texts, and by words if no baseline has said nearly all that they do."""
    tweets = found.tweets
    baselines = [
        vote for vote in found.cast if (run := found.runs.get(vote.name)) and run.kind == "baseline"
    ]
    words_vote_already = any(_known(vote) >= SURELY * len(tweets.ids) for vote in baselines)
    if not 1 < len(tweets.ids) <= MOST_TEXTS:
        return
    with suppress(UserError):  # there are no words in the texts, or too few of a label
        features = text_features(tweets.texts)
        found.points = latent_points(features)
        found.add([neighbour_vote(SIMILAR, found.points, tweets.labels, len(tweets.names))])
        if not words_vote_already:
            plans = fold_plans(tweets.labels.tolist(), tweets.groups, FOLDS, SEED)
            found.add([word_vote(features, tweets.labels, len(tweets.names), plans)])


def _embedding_votes(store: Store, found: Votes, known: Sequence[Run]) -> None:
    """By the embeddings that most tweets have, of a run that did not learn from their labels."""
    tweets, best = found.tweets, None
    place = tweets.place
    for run in known:
        embeddings = embeddings_of(store, run.id)
        if embeddings is None:
            continue
        pairs = [
            (row, place[number])
            for row, (number, seen) in enumerate(
                zip(embeddings.ids.tolist(), embeddings.in_sample.tolist(), strict=True)
            )
            if number in place and not seen
        ]
        if best is None or len(pairs) > len(best[2]):
            best = run, embeddings, pairs
    if best is None or len(best[2]) < max(2, EMBEDDED_SHARE * len(tweets.ids)):
        return
    run, embeddings, pairs = best
    rows, covered = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    vectors = unit_rows(np.asarray(embeddings.vectors[rows], np.float32))
    labels = tweets.labels[covered]
    with suppress(UserError):  # too few of a label
        plans = fold_plans(labels.tolist(), [tweets.groups[p] for p in covered], FOLDS, SEED)
        name = f"embeddings of run {run.id}"
        for vote in embedding_votes(name, vectors, labels, len(tweets.names), plans):
            whole = np.full((len(tweets.ids), len(tweets.names)), np.nan)
            whole[covered] = vote.probabilities
            found.add([Vote(vote.name, vote.prior, whole)])
        if len(covered) == len(tweets.ids):
            found.points = vectors[np.argsort(covered)]


def _dynamics_votes(store: Store, found: Votes, known: Sequence[Run]) -> None:
    """By the newest training whose course was noted, for labels that it learnt as they are now."""
    tweets = found.tweets
    for run in known:
        noted = dynamics_of(store, run)
        confidence, slopes = np.full((2, len(tweets.ids)), np.nan)
        for number, place in tweets.place.items():
            if number in noted and noted[number].label == tweets.names[tweets.labels[place]]:
                confidence[place] = noted[number].confidence
                slopes[place] = noted[number].slope
        if found.cast and (~np.isnan(confidence)).mean() >= LEAST_SHARE:
            found.slopes = slopes
            name = f"training of run {run.id}"
            found.add([dynamics_vote(name, confidence, tweets.labels, found.cast)])
            return

"""The out-of-sample predictions of a run beside the current labels, as arrays."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError
from storage.runs import runs
from storage.runs.predictions import predictions_of
from storage.runs.runs import Run
from storage.store import Store


@dataclass(frozen=True)
class LabelledPredictions:
    """What a run says of the labelled tweets of a split that it did not train on."""

    run: Run
    split: str
    tweets: NDArray[np.int64]
    """(tweets,) ids, rising."""
    truth: NDArray[np.int32]
    """(tweets,) places of the current labels in `run.labels`."""
    probabilities: NDArray[np.float32]
    """(tweets, labels)."""

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """(tweets,) places of the most probable labels."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """(tweets,) the largest probability of each."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(tweets,) whether the most probable label is the current one."""
        return np.asarray(self.predicted == self.truth)

    def __len__(self) -> int:
        """The number of tweets."""
        return len(self.tweets)


def labelled_predictions(store: Store, number: int, split: str) -> LabelledPredictions:
    """Read the predictions of a run for a split; raises UserError if none can be judged.

    Takes 12 bytes a tweet and 4 more for each label.
    """
    run = runs.get(store, number)
    index = {label: place for place, label in enumerate(run.labels)}
    tweets, truth, values = array("q"), array("i"), array("f")
    for tweet, label, of, in_sample, row in predictions_of(store, number):
        if label in index and of == split and not in_sample:
            tweets.append(tweet)
            truth.append(index[label])
            values.extend(row)
    if not tweets:
        raise UserError(nothing_to_judge(run, split))
    return LabelledPredictions(
        run,
        split,
        np.frombuffer(tweets, np.int64),
        np.frombuffer(truth, np.int32),
        np.frombuffer(values, np.float32).reshape(len(tweets), -1),
    )


def nothing_to_judge(run: Run, split: str) -> str:
    """The sentence for a run without predictions that labels can be set against."""
    return (
        f"Run {run.id} has no predictions for labelled {split} tweets that it did not train on "
        f"(it is {run.state})."
    )

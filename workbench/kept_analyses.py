"""What analyses are kept by, and the results themselves: free of numpy, so that screens read them.

A command computes what is not kept or no longer stands; a screen shows what is kept, says why it is
stale, and has the command done by a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from storage.runs.analyses import Analysis, Parameters, label_state, read_analysis, save_analysis
from storage.store import Store

FORM = 5
"""Raised when an analysis has other fields or is made otherwise: older ones no longer count."""
BINS = 10
SAMPLE = 200
NO_SPLIT = ""
"""The split of an analysis on which labels have no bearing: no tweet is in it."""


@dataclass(frozen=True)
class AnalysisKey:
    """Which analysis it is, and what makes it stale."""

    kind: str
    parameters: Parameters
    runs: tuple[int, ...]
    """The runs that it is computed from, the one that it is about first."""
    split: str | None
    """The only split whose labels matter; None if those of all do."""


def slices(run: int, split: str = "test") -> AnalysisKey:
    """The slices on which a run errs more than elsewhere."""
    return AnalysisKey("slices", {"run": run, "split": split}, (run,), split)


def change_slices(run: int, versus: int, split: str = "test") -> AnalysisKey:
    """The slices that a run broke and fixed against another one."""
    about = {"run": run, "versus": versus, "split": split}
    return AnalysisKey("change slices", about, (run, versus), split)


def calibration(run: int, split: str = "test", bins: int = BINS) -> AnalysisKey:
    """How far the probabilities of a run can be relied on, in so many bins."""
    about = {"run": run, "split": split, "bins": bins}
    return AnalysisKey("calibration", about, (run,), split)


def coverage(run: int, split: str = "test", accuracy: float | None = None) -> AnalysisKey:
    """How accurate a run is where it is surest, and where it is that accurate."""
    about = {"run": run, "split": split, "accuracy": accuracy}
    return AnalysisKey("coverage", about, (run,), split)


def comparison(first: int, second: int, split: str = "test") -> AnalysisKey:
    """Two runs side by side."""
    about = {"first": first, "second": second, "split": split}
    return AnalysisKey("comparison", about, (first, second), split)


def leaderboard(shown: Sequence[int], compared: Sequence[int], split: str = "test") -> AnalysisKey:
    """A table of some runs, with all that are compared for it."""
    return AnalysisKey("leaderboard", {"runs": list(shown), "split": split}, (*compared,), split)


def invariance(run: int, split: str = "test", sample: int = SAMPLE, seed: int = 0) -> AnalysisKey:
    """How a run answers a sample of tweets after changes that should not matter."""
    about = {"run": run, "split": split, "sample": sample, "seed": seed}
    return AnalysisKey("invariance", about, (run,), split)


def explanation(tweet: int, run: int) -> AnalysisKey:
    """What the answer of a run to a tweet hangs on; the run is done, so labels change nothing."""
    return AnalysisKey("explanation", {"tweet": tweet, "run": run}, (run,), NO_SPLIT)


def diagnosis(run: int, against: Sequence[int | None], split: str = "test") -> AnalysisKey:
    """Why a run that is done is not better than it is, against the promoted one and a baseline."""
    others = tuple(number for number in dict.fromkeys(against) if number is not None)
    about = {"run": run, "against": list(against), "split": split}
    return AnalysisKey("diagnosis", about, (run, *others), split)


def gains(compared: Sequence[int]) -> AnalysisKey:
    """The accuracy that was gained from run to run."""
    return AnalysisKey("gains", {}, (*compared,), None)


def kept(store: Store, key: AnalysisKey) -> Analysis | None:
    """The result that is kept, with the reason why it is stale; None if there is none."""
    return read_analysis(store, key.kind, _of_form(key), key.runs)


def _of_form(key: AnalysisKey) -> Parameters:
    return {**key.parameters, "form": FORM}


def kept_or_made(
    store: Store, key: AnalysisKey, make: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """The result that is kept if it still stands, or else a new one, which is kept.

    A workspace that can only be read keeps nothing.
    """
    found = kept(store, key)
    if found is not None and not found.stale:
        known: dict[str, Any] = found.result
        return known
    state = label_state(store)
    result = make()
    save_analysis(store, key.kind, _of_form(key), result, state, key.runs, key.split)
    return result

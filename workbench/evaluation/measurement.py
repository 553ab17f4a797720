"""What labelling has brought: whether the model was followed, and what accuracy was gained."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from storage.history.suggestions import Decisions, changes_between, decisions_on_suggestions
from storage.runs import runs
from storage.runs.predictions import predictions_of
from storage.runs.runs import Run
from storage.store import Store
from workbench import kept_analyses
from workbench.analysis.measures.comparing import PairedCounts, difference
from workbench.analysis.measures.shares import (
    Estimate,
    difference_of_shares,
    per_hundred,
    share,
    total,
)
from workbench.kept_analyses import kept_or_made

MOSTLY = 0.8
"""From this share of the changes on, what was gained between two runs is that of one source."""
MIXED = "mixed"
SUSPECTS = ("suspects", "suspect")
"""What a tweet of the suspects was chosen by: their queue, or the order of the list."""


def measure(store: Store) -> dict[str, Any]:
    """Agreement with and without seeing the model, suggestions taken by run, accuracy gained.

    All with 95 % intervals. What is gained is the accuracy on the test tweets from one run to the
    next of its kind, per 100 labels that were given or changed between them.
    """
    decided = decisions_on_suggestions(store)
    compared = [run for runs_of_kind in _by_kind(store).values() for run in runs_of_kind]
    gained = kept_or_made(
        store, kept_analyses.gains([run.id for run in compared]), lambda: _gained(store)
    )
    return {
        "agreement": _agreement(decided),
        "suggestions": [
            {"run": number, "taken": estimate_as_json(_taken(decided, number))}
            for number in sorted({one.run for one in decided})
        ],
        **gained,
    }


def _gained(store: Store) -> dict[str, Any]:
    gains = _gains(store)
    return {
        "gains": [_gain_as_json(gain) for gain in gains],
        "by_source": _by_source(gains),
    }


def _agreement(decided: list[Decisions]) -> dict[str, Any]:
    """How often people give the label that the run predicts, seeing it and not seeing it.

    The difference is how far the model leads them; suspects, chosen as it differs, are left out
    and told by themselves, beside the other queues, where the prediction was hidden.
    """
    comparable = [one for one in decided if one.source not in SUSPECTS]
    counts = {
        blind: (
            sum(one.same for one in comparable if one.blind is blind),
            sum(one.decided for one in comparable if one.blind is blind),
        )
        for blind in (True, False)
    }
    return {
        "blind": estimate_as_json(share(*counts[True])),
        "seen": estimate_as_json(share(*counts[False])),
        "difference": estimate_as_json(difference_of_shares(counts[True], counts[False])),
        "blind_by_queue": _blind_by_queue(decided),
    }


def _blind_by_queue(decided: list[Decisions]) -> list[dict[str, Any]]:
    """How often people give the label that was predicted and hidden, for each queue by itself."""
    same: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for one in decided:
        if one.blind:
            name = SUSPECTS[0] if one.source in SUSPECTS else one.source
            same[name] += one.same
            answers[name] += one.decided
    return [
        {"queue": name} | estimate_as_json(share(same[name], answers[name]))
        for name in sorted(answers)
    ]


def _taken(decided: list[Decisions], run: int) -> Estimate:
    """How many suggestions of a run that were seen, and were another label, were taken."""
    seen = [one for one in decided if one.run == run and not one.blind]
    return share(sum(one.taken for one in seen), sum(one.differing for one in seen))


@dataclass(frozen=True)
class _Gain:
    """What was gained from a run to the next of its kind."""

    first: Run
    second: Run
    sources: dict[str, int]
    """How many labels changed between them, by what they came from."""
    change: Estimate

    @property
    def changes(self) -> int:
        return sum(self.sources.values())

    @property
    def source(self) -> str:
        """The source of nearly all changes, or that they are mixed."""
        name = max(self.sources, key=self.sources.__getitem__)
        return name if self.sources[name] >= MOSTLY * self.changes else MIXED


def _by_kind(store: Store) -> dict[str, list[Run]]:
    """The runs that were made here and have predicted, the oldest first, by their kind."""
    found: dict[str, list[Run]] = {}
    for run in reversed(runs.every(store, metrics=False)):
        if run.predictions and run.kind != "imported":
            found.setdefault(run.kind, []).append(run)
    return found


def _gains(store: Store) -> list[_Gain]:
    found = []
    for of_kind in _by_kind(store).values():
        before: dict[int, bool] = {}
        last: Run | None = None
        for run in of_kind:
            right = _right(store, run)
            sources = {} if last is None else changes_between(store, last.id, run.id)
            counts = _paired(before, right)
            if last is not None and sources and counts.n:
                found.append(_Gain(last, run, sources, Estimate(*difference(counts), counts.n)))
            last, before = run, right
    return found


def _paired(before: dict[int, bool], after: dict[int, bool]) -> PairedCounts:
    """On how many labelled test tweets which of two runs is right."""
    both = Counter((before[tweet], after[tweet]) for tweet in before.keys() & after.keys())
    return PairedCounts(*(both[pair] for pair in PAIRS))


PAIRS = ((True, True), (False, True), (True, False), (False, False))
"""Both right, fixed, broken, both wrong, as `PairedCounts` has them."""


def _right(store: Store, run: Run) -> dict[int, bool]:
    return {
        tweet: run.labels[max(range(len(row)), key=row.__getitem__)] == label
        for tweet, label, split, in_sample, row in predictions_of(store, run.id)
        if label in run.labels and split == "test" and not in_sample
    }


def _gain_as_json(gain: _Gain) -> dict[str, Any]:
    return {
        "runs": [gain.first.id, gain.second.id],
        "kind": gain.second.kind,
        "changes": gain.changes,
        "sources": gain.sources,
        "accuracy": estimate_as_json(gain.change),
        "per_100": estimate_as_json(per_hundred(gain.change, gain.changes)),
    }


def _by_source(gains: list[_Gain]) -> list[dict[str, Any]]:
    """What each source has brought, from the pairs of runs between which it was nearly alone."""
    found = []
    for source in dict.fromkeys(gain.source for gain in gains):
        own = [gain for gain in gains if gain.source == source]
        changes = sum(gain.changes for gain in own)
        brought = per_hundred(total([gain.change for gain in own]), changes)
        found.append({"source": source, "changes": changes, "per_100": estimate_as_json(brought)})
    return found


def estimate_as_json(found: Estimate) -> dict[str, Any]:
    """The fields of an estimate; an end of the interval that is not known is None."""
    return {k: v if v is None or isfinite(v) else None for k, v in asdict(found).items()}

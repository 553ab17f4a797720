"""Why a label is suspected, in words: what each vote says, and the most similar labelled tweets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from storage.query import tweets
from storage.runs.suspect_ranking import kept_reasons
from storage.store import Store
from workbench import figures

LIGHT = 0.005
"""The weight below which a vote is not worth a word."""
FALLING = -0.05
"""The change of a probability in an epoch from which a curve is said to fall."""


@dataclass(frozen=True)
class Opinion:
    """What one vote says."""

    voter: str
    label: str
    """The label that it finds likeliest."""
    probability: float
    """Of that label."""
    given: float
    """The probability of the given label."""


@dataclass(frozen=True)
class Neighbour:
    """A labelled tweet that is similar."""

    tweet: int
    label: str | None
    """As it is now."""
    similarity: float
    """The cosine, 1 for the same."""


@dataclass(frozen=True)
class SuspectReasons:
    """Why a label is suspected."""

    given: str
    opinions: tuple[Opinion, ...]
    neighbours: tuple[Neighbour, ...]
    slope: float | None
    """How the probability of the label went from epoch to epoch of a training."""

    @property
    def votes(self) -> str:
        """Which label is found likeliest by whom, others than the given one first."""
        parts = []
        order = sorted(self.opinions, key=lambda one: (one.label == self.given, -one.probability))
        for label in dict.fromkeys(opinion.label for opinion in order):
            by = [opinion for opinion in order if opinion.label == label]
            whom = ", ".join(f"{one.voter} ({figures.probability(one.probability)})" for one in by)
            parts.append(f"{label}{', as given,' if label == self.given else ''} by {whom}")
        return "; ".join(parts)

    @property
    def nearest(self) -> str:
        """The most similar labelled tweets with their labels."""
        return ", ".join(f"#{one.tweet} {one.label or 'none'}" for one in self.neighbours)

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        parts = [self.votes] if self.opinions else []
        parts += [f"nearest: {self.nearest}"] if self.neighbours else []
        if self.slope is not None and self.slope < FALLING:
            parts.append("the label was believed less from epoch to epoch, as of ambiguous texts")
        return "; ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The fields that the command line gives."""
        return {
            "reason": self.sentence,
            "opinions": [asdict(one) for one in self.opinions],
            "neighbours": [asdict(one) for one in self.neighbours],
        }


def suspect_reasons(
    store: Store, ids: Sequence[int], details: Mapping[str, Any] | None = None
) -> dict[int, SuspectReasons]:
    """The reasons for some suspects, as far as they were kept with the ranking.

    `details` are those of a ranking that was not kept, as in a workspace that can only be read, or
    what was read before of one that was.
    """
    if details is None:
        details = kept_reasons(store, ids)
    known = details.get("reasons", {})
    raw = {number: known[str(number)] for number in ids if str(number) in known}
    near = sorted({tweet for one in raw.values() for tweet, _ in one["near"]})
    labels = {tweet.id: tweet.label for tweet in tweets.window(store, near, None)}
    return {number: _reasons(details, one, labels) for number, one in raw.items()}


def _reasons(
    details: Mapping[str, Any], one: Mapping[str, Any], labels: Mapping[int, str | None]
) -> SuspectReasons:
    names = details["labels"]
    opinions = [
        Opinion(voter["name"], names[says[1]], says[2], says[0])
        for voter, says in zip(details["voters"], one["says"], strict=True)
        if says is not None and voter["weight"] >= LIGHT
    ]
    return SuspectReasons(
        names[one["given"]],
        tuple(opinions),
        tuple(Neighbour(tweet, labels.get(tweet), near) for tweet, near in one["near"]),
        one["slope"],
    )

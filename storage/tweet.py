"""A tweet as it is read from the store, without the SQL that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Tweet:
    """A tweet as the list shows it: its labels, and what one run predicts for it."""

    id: int
    external_id: str | None
    text: str
    split: str
    group: int
    gold: str | None
    label: str | None
    excluded: bool
    review: bool
    ambiguous: bool
    note: str | None
    pred: str | None
    confidence: float | None
    in_sample: bool | None
    reviewed: bool
    """Somebody gave or kept its label."""
    run: int | None

    @property
    def changed(self) -> bool:
        """The label is no longer the one that was imported."""
        return self.gold is not None and self.label != self.gold

    @property
    def disagrees(self) -> bool:
        """The prediction is another label than the current one."""
        return self.pred is not None and self.label is not None and self.pred != self.label

    @property
    def flags(self) -> list[str]:
        """The names of the marks that are set."""
        marks = {"excluded": self.excluded, "review": self.review, "ambiguous": self.ambiguous}
        return [name for name, on in marks.items() if on]

    def as_json(self) -> dict[str, Any]:
        """The fields that the command line promises."""
        names = ("id", "external_id", "text", "split", "gold", "label", "pred", "confidence")
        return {name: getattr(self, name) for name in names} | {
            "run": self.run,
            "in_sample": self.in_sample,
            "changed": self.changed,
            "flags": self.flags,
        }


class State(NamedTuple):
    """What can be changed of a tweet, and what one run predicts for it."""

    id: int
    label: str | None
    pred: str | None
    excluded: bool
    review: bool
    ambiguous: bool
    note: str | None

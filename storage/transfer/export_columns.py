"""Which columns an exported file has: our own, those of a run, and those that tweets came with."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import UsageError
from storage.formats.columns import Row
from storage.runs import runs
from storage.runs.displayed_run import require_predictions, shown_run
from storage.store import Store, last_visible_id
from storage.tweet import Tweet

TEXT, INTEGER, NUMBER, BOOLEAN, TEXTS = "text", "integer", "number", "boolean", "texts"
"""Types of columns, for files that have some."""
OWN = {
    "id": INTEGER,
    "external_id": TEXT,
    "text": TEXT,
    "label": TEXT,
    "gold": TEXT,
    "split": TEXT,
    "changed": BOOLEAN,
    "flags": TEXTS,
    "note": TEXT,
}
WHOLE = ("source", "history")
"""All columns that a tweet came with, and its events, each as one value."""
OF_RUN = {"run": INTEGER, "predicted_label": TEXT, "confidence": NUMBER, "in_sample": BOOLEAN}
PROBABILITY = "probability_"
"""Before the label whose probability a column holds."""
SOURCE = "source."
"""Before the name of a source column that one of our own is called as well."""


@dataclass(frozen=True)
class ExportColumns:
    """The columns of a file, in order."""

    names: tuple[str, ...]
    run: int | None
    """Whose predictions are written."""
    labels: tuple[str, ...]
    """The labels whose probabilities the run has; none where it has labels alone."""
    sources: Mapping[str, str]
    """Source columns by what they are called in the file."""
    chosen: bool
    """Somebody has named the columns."""

    def has(self, *names: str) -> bool:
        """Whether one of some columns is there."""
        return any(name in self.names for name in names)

    @property
    def need_source(self) -> bool:
        """Whether the columns are needed that tweets came with."""
        return bool(self.sources) or self.has("source")

    @property
    def need_probabilities(self) -> bool:
        """Whether more of a run is needed than the label and its confidence."""
        return any(name.startswith(PROBABILITY) for name in self.names)

    @property
    def types(self) -> dict[str, str]:
        """The type of each column."""
        known = OWN | OF_RUN | {PROBABILITY + label: NUMBER for label in self.labels}
        return {
            name: TEXT if name in self.sources else known.get(name, TEXT) for name in self.names
        }

    def row(
        self,
        tweet: Tweet,
        source: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        probabilities: Sequence[float],
    ) -> Row:
        """What the columns hold of a tweet."""
        whole: Row = {
            **{name: getattr(tweet, name) for name in OWN},
            "run": tweet.run,
            "predicted_label": tweet.pred,
            "confidence": tweet.confidence,
            "in_sample": tweet.in_sample,
            "source": source,
            "history": history,
        }
        whole |= {
            PROBABILITY + label: shortest(value)
            for label, value in zip(self.labels, probabilities, strict=False)
        }
        return {
            name: source.get(self.sources[name]) if name in self.sources else whole.get(name)
            for name in self.names
        }


def choose(store: Store, names: str | None, run: int | None) -> ExportColumns:
    """The columns that somebody names, separated by commas, or else all, with those of a run.

    Raises UsageError for a name that is none, and UserError for a run without predictions.
    """
    wanted = _listed(names)
    of_run = [name for name in wanted if name in OF_RUN or name.startswith(PROBABILITY)]
    if run is None and of_run:
        run = shown_run(store)
    if run is not None or of_run:
        require_predictions(store, run, "there are none to export")
    known = None if run is None else runs.get(store, run)
    labels = known.labels if known is not None and known.reason != runs.LABELS_ONLY else ()
    predicted = [] if run is None else [*OF_RUN, *(PROBABILITY + label for label in labels)]
    if not wanted:
        return ExportColumns((*OWN, *predicted, *WHOLE), run, labels, {}, False)
    if repeated := [name for place, name in enumerate(wanted) if name in wanted[:place]]:
        raise UsageError(f"--columns names {repeated[0]!r} twice.")
    own = {*OWN, *predicted, *WHOLE}
    sources = {name: name.removeprefix(SOURCE) for name in wanted if name not in own}
    _require_sources(store, sources, [*OWN, *predicted, *WHOLE])
    return ExportColumns(tuple(wanted), run, labels, sources, True)


def cannot_return(names: str | None) -> str:
    """Why a file with the columns that somebody names cannot be matched with its tweets again."""
    wanted = _listed(names)
    if "id" in wanted and "text" in wanted and "external_id" not in wanted:
        return (
            "Without external_id an import takes the numbers for other ids, and these tweets for "
            "new ones; name external_id too if the file is to come back."
        )
    return ""


def listed_columns(text: str) -> list[str]:
    """The names of columns in a text: between commas, in quotes where a comma belongs to them."""
    rows = list(csv.reader([text], skipinitialspace=True))
    return [name.strip() for row in rows for name in row if name.strip()]


def _listed(names: str | None) -> list[str]:
    if names is None:
        return []
    found = listed_columns(names)
    if not found:
        raise UsageError("--columns names no column.")
    return found


def _require_sources(store: Store, sources: Mapping[str, str], own: Sequence[str]) -> None:
    """Raise UsageError unless some tweet came with each of these columns."""
    if not sources:
        return
    rows = store.db.execute(
        "SELECT DISTINCT j.key FROM tweets t, json_each(t.source) j WHERE t.id <= ?",
        [last_visible_id(store.db)],
    )
    known = [name for (name,) in rows]
    if unknown := [name for name, column in sources.items() if column not in known]:
        listed = ", ".join([*own, *known])
        raise UsageError(f"There is no column {unknown[0]!r} (there are: {listed}).")


def shortest(value: float) -> float:
    """A number that was stored in 4 bytes, in the fewest digits that tell it from others."""
    for digits in (6, 7, 8):
        rounded = float(f"{value:.{digits}g}")
        if array("f", (rounded,))[0] == value:
            return rounded
    return value

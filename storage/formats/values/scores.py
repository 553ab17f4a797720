"""What a model says of a text in a row of a file: a probability for each label, or one label."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from storage.config import Config
from storage.errors import UsageError
from storage.formats.columns import Row
from storage.formats.position import RecordError
from storage.formats.values.cells import parsed, value_of
from storage.formats.values.codes import Codes
from storage.formats.values.column_names import fold
from storage.label_names import key

BEFORE = ("probability ", "proba ", "prob ", "p ", "score ")
AFTER = (" probability", " proba", " prob", " score")
"""What the name of a column has before or after the label whose probability it holds."""
SURE = BEFORE[:3]
"""After these nothing but a label can follow."""
PREDICTED = ("predicted label", "prediction", "predicted", "pred", "model label", "label")
CONFIDENCE = ("confidence", "score", "predicted score", "probability", "prob", "conf")
TOLERANCE = 0.02
"""How far from 1 probabilities may add up to, since they were rounded."""
LONGEST = 20_000
"""Characters of a cell with the scores of all labels."""
Scores = tuple[float, ...]
"""A probability for each label, or numbers that are not checked yet."""


@dataclass(frozen=True)
class ScoreColumns:
    """The columns that hold what a model says."""

    probabilities: tuple[str, ...] = ()
    """One for each label, in the order of the labels."""
    scores: str | None = None
    """An object of labels with scores, or a list of objects with `label` and `score`."""
    label: str | None = None
    """The label alone; a confidence may stand beside it."""
    confidence: str | None = None
    best_only: bool = False
    """The scores are those of the most probable label alone."""

    @property
    def whole(self) -> bool:
        """Whether each label has a probability."""
        return self.label is None and not self.best_only

    @property
    def sure(self) -> bool:
        """Whether there is a number at all."""
        return self.label is None or self.confidence is not None

    def as_json(self) -> dict[str, Any]:
        """The columns by the part that they play."""
        parts = {"label": self.label, "confidence": self.confidence, "scores": self.scores}
        given = {part: column for part, column in parts.items() if column is not None}
        return given | ({"probabilities": list(self.probabilities)} if self.probabilities else {})


class LabelMeanings:
    """Which label of a workspace a name in a file means: by any name that it has, or has had."""

    def __init__(self, config: Config, codes: Codes) -> None:
        self.labels = config.labels
        self._config = config
        self._codes = codes
        self._found: dict[str, int | None] = {}

    def place(self, name: Any) -> int | None:
        """The number of the label in the set, or None."""
        value = self._codes.name(value_of(name))
        if value is None:
            return None
        if value not in self._found:
            label = self._config.label(value) or self._config.label(fold(value))
            self._found[value] = self.labels.index(label) if label in self.labels else None
        return self._found[value]

    def of_column(self, column: str) -> int | None:
        """The label that a column has in its name, alone or beside a word for probability."""
        found = self.place(column)
        name = fold(column)
        for part in (p for p in BEFORE if found is None and name.startswith(p)):
            found = self.place(column[len(part) :])
        for part in (p for p in AFTER if found is None and name.endswith(p)):
            found = self.place(column[: -len(part)])
        return found


def find(
    sample: Sequence[Row], labels: LabelMeanings, named: Mapping[str, str | None], name: str
) -> ScoreColumns:
    """The columns of a file that hold predictions; `named` has those that the user names.

    Raises UsageError where there are none, or not one for each label.
    """
    present = list(dict.fromkeys(column for row in sample for column in row))
    for part, column in named.items():
        if column is not None and column not in present:
            listed = ", ".join(map(repr, present))
            raise UsageError(f"{name} has no column {column!r} for the {part} (columns: {listed}).")
    if (label := named.get("label")) is not None:
        return ScoreColumns(label=label, confidence=named.get("confidence"))
    if (scores := named.get("scores")) is not None:
        return _scores(scores, sample)
    if (columns := _probabilities(present, sample, labels, name)) is not None:
        return columns
    if (scores := next((c for c in present if _has_scores(c, sample, labels)), None)) is not None:
        return _scores(scores, sample)
    folded = {fold(column): column for column in reversed(present)}
    confidence = next((folded[name] for name in CONFIDENCE if name in folded), None)
    for called in PREDICTED:
        if called in folded and (called != "label" or confidence is not None):
            return ScoreColumns(label=folded[called], confidence=confidence)
    raise UsageError(
        f"{name} has no predictions (columns: {', '.join(map(repr, present))}); expected are "
        f"columns such as 'probability_{labels.labels[0]}' for each label, a list of labels with "
        "scores, or a predicted label with its confidence (--label, --confidence)."
    )


def _probabilities(
    present: Sequence[str], sample: Sequence[Row], labels: LabelMeanings, name: str
) -> ScoreColumns | None:
    found: dict[int, str] = {}
    for column in present:
        place = labels.of_column(column)
        if place is None or not _is_numeric(column, sample):
            continue
        if place in found and fold(column) == key(labels.labels[place]):
            continue  # `probability_up` tells more than `up`
        if place in found and fold(found[place]) != key(labels.labels[place]):
            raise UsageError(
                f"{name} has two columns for the probability of {labels.labels[place]!r}, "
                f"{found[place]!r} and {column!r}; leave one."
            )
        found[place] = column
    sure = (*SURE, "p ") if any(fold(c).startswith("p ") for c in found.values()) else SURE
    called = [c for c in present if fold(c).startswith(sure) and labels.of_column(c) is None]
    if unknown := [c for c in called if _is_numeric(c, sample)]:
        raise UsageError(
            f"{name}: {unknown[0]!r} names a label that this workspace does not have (labels: "
            f"{', '.join(labels.labels)}); map it with --map value=label,…"
        )
    if not found:
        return None
    if missing := [label for n, label in enumerate(labels.labels) if n not in found]:
        raise UsageError(
            f"{name} has no probability of {', '.join(map(repr, missing))}; add a column for each "
            "label, with 0 where the model does not know it."
        )
    return ScoreColumns(tuple(found[n] for n in range(len(labels.labels))))


def _is_numeric(column: str, sample: Sequence[Row]) -> bool:
    cells = [row[column] for row in sample if row.get(column) not in (None, "")]
    return bool(cells) and all(_looks_numeric(cell) for cell in cells)


def _looks_numeric(cell: Any) -> bool:
    try:
        _number(cell)
    except RecordError:
        return False
    return True


def _has_scores(column: str, sample: Sequence[Row], labels: LabelMeanings) -> bool:
    cell = next((row[column] for row in sample if row.get(column) not in (None, "")), None)
    try:
        pairs = list(_pairs(cell))
    except RecordError:
        return False
    listed = isinstance(parsed(cell, LONGEST), list) and bool(pairs)
    return listed or any(labels.place(name) is not None for name, _ in pairs)


def _scores(column: str, sample: Sequence[Row]) -> ScoreColumns:
    cells = [row[column] for row in sample if row.get(column) not in (None, "", [], {})]
    return ScoreColumns(scores=column, best_only=all(len(list(_pairs(c))) == 1 for c in cells))


def reader(columns: ScoreColumns, labels: LabelMeanings) -> Callable[[Row], Scores | None]:
    """A function that reads a row: the scores as the file has them, or None where it has none.

    A label alone gets its confidence, or 1, and each other label an equal part of the rest. The
    function raises RecordError for what cannot be read.
    """
    if columns.probabilities:
        return lambda row: _listed([row.get(column) for column in columns.probabilities], labels)
    if columns.scores is not None:
        name = columns.scores
        if columns.best_only:
            return lambda row: _best(row.get(name), labels)
        return lambda row: _of_pairs(row.get(name), labels)
    label, confidence = str(columns.label), columns.confidence
    return lambda row: _spread(
        row.get(label), None if confidence is None else row.get(confidence), labels
    )


def _listed(cells: Sequence[Any], labels: LabelMeanings) -> Scores | None:
    empty = [cell in (None, "") for cell in cells]
    if all(empty):
        return None
    if True in empty:
        raise RecordError(f"there is no probability of {labels.labels[empty.index(True)]!r}")
    return tuple(map(_number, cells))


def _of_pairs(cell: Any, labels: LabelMeanings) -> Scores | None:
    if cell in (None, "", [], {}):
        return None
    found: dict[int, float] = {}
    for name, score in _pairs(cell):
        place = labels.place(name)
        if place is None:
            raise RecordError(
                f"the label {str(name)[:40]!r} is none of this workspace (labels: "
                f"{', '.join(labels.labels)}); map it with --map value=label,…"
            )
        if place in found:
            raise RecordError(f"the label {labels.labels[place]!r} has two scores; leave one")
        found[place] = _number(score)
    if missing := [label for n, label in enumerate(labels.labels) if n not in found]:
        raise RecordError(
            f"there is no score of {', '.join(map(repr, missing))}; have the model give all "
            "(top_k=None in a pipeline of transformers)"
        )
    return tuple(found[n] for n in range(len(labels.labels)))


def _best(cell: Any, labels: LabelMeanings) -> Scores | None:
    pairs = [] if cell in (None, "", [], {}) else list(_pairs(cell))
    if len(pairs) > 1:
        raise RecordError("there are several scores, and in the first rows there is one alone")
    return _spread(*pairs[0], labels) if pairs else None


def _pairs(cell: Any) -> Iterator[tuple[Any, Any]]:
    """The labels of a cell with their scores."""
    value = parsed(cell, LONGEST)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, dict) and {"label", "score"} <= value.keys():
        value = [value]
    if isinstance(value, dict) and all(_looks_numeric(score) for score in value.values()):
        yield from value.items()
    elif isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        for entry in value:
            if not {"label", "score"} <= entry.keys():
                raise RecordError("an entry of the scores has no 'label' or no 'score'")
            yield entry["label"], entry["score"]
    else:
        raise RecordError("labels with scores are expected")


def _spread(cell: Any, confidence: Any, labels: LabelMeanings) -> Scores | None:
    if value_of(cell) is None:
        return None
    place = labels.place(cell)
    if place is None:
        raise RecordError(
            f"the label {str(cell)[:40]!r} is none of this workspace (labels: "
            f"{', '.join(labels.labels)}); map it with --map value=label,…"
        )
    share = 1.0 if confidence in (None, "") else _number(confidence)
    if not 1 / len(labels.labels) <= share <= 1:
        raise RecordError(
            f"the confidence {share:g} cannot be that of the most probable of "
            f"{len(labels.labels)} labels; it lies between 1/{len(labels.labels)} and 1"
        )
    rest = (1 - share) / (len(labels.labels) - 1)
    return tuple(share if n == place else rest for n in range(len(labels.labels)))


def _number(cell: Any) -> float:
    if isinstance(cell, str):
        text = cell.strip()
        cell = text.replace(",", ".") if "." not in text else text
    try:
        if isinstance(cell, bool):
            raise TypeError
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        raise RecordError(f"{str(cell)[:40]!r} is no probability") from None


def checked(scores: Scores, normalise: bool = False) -> Scores:
    """Scores that are probabilities: finite, not negative, and 1 in sum.

    Raises RecordError for others; `normalise` divides them by their sum.
    """
    total = sum(scores)
    if min(scores) >= 0 and abs(total - 1) <= TOLERANCE:
        return scores if abs(total - 1) < 1e-12 else tuple(score / total for score in scores)
    shown = ", ".join(f"{score:g}" for score in scores[:5]) + (", …" if len(scores) > 5 else "")
    if not all(map(isfinite, scores)):
        raise RecordError(f"a probability is no finite number ({shown})")
    if min(scores) < 0:
        raise RecordError(
            f"a probability is negative ({shown}), as logits are; bring what softmax makes of them"
        )
    if total <= 0 or not normalise:
        hint = " (--normalise divides by the sum)" if total > 0 else ""
        logits = "; logits need softmax" if max(scores) > 1 and abs(total - 100) > 1 else ""
        raise RecordError(f"the probabilities {shown} add up to {total:.6g}, not 1{hint}{logits}")
    return tuple(score / total for score in scores)

"""A row of a file on its way into the store: its cells, and what they were parsed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from storage.formats.programs.records import GivenLabel
from storage.history.event_records import Event


class Said(NamedTuple):
    """What an annotator says of a text, in a row of a file."""

    annotator: str | None
    at: int | None
    """Milliseconds since 1970, where the file has a time."""
    label: int | None
    """The number of the label."""
    truth: bool = False
    """It is the ground truth, which outvotes all others."""


class ParsedRow(NamedTuple):
    """A row of a file as it is written into the store."""

    text: str
    external_id: str | None
    """The id that it has in the file."""
    source: str
    """The other columns of the file as JSON."""
    content: int
    """The hash of the normalised text."""
    split: str
    gold: int | None
    """The number of its label."""
    events: Sequence[Event]
    """The history that an exported file has of it."""
    names_split: bool
    """Whether the split is the file's word."""
    rounded_id: str | None = None
    """What the file has in place of an id."""
    said: Sequence[Said] = ()
    """The judgements of annotators."""


new_row: Callable[[tuple[Any, ...]], ParsedRow] = partial(tuple.__new__, ParsedRow)
"""A row of all its values in order, for half the price of naming them."""


class Judgement(NamedTuple):
    """What is said of one of the rows of a file that are not repetitions."""

    place: int
    """Its number among them, from 0 on."""
    annotator: str | None
    at: int | None
    label: int
    truth: bool


class OtherSplit(NamedTuple):
    """A split that a later row of a file gives one of its rows that are no repetitions."""

    place: int
    """Its number among them, from 0 on."""
    split: str


Cells = tuple[Any, Any, Any, Any, dict[str, Any], Mapping[str, Any], Sequence[GivenLabel]]
"""What a file has of a record: text, label, id, split, the other columns, all columns (of an
exported file only) and all labels. A plain tuple, as there is one for each of a million rows."""


class StoredTweet(NamedTuple):
    """A tweet that was there before the import, as a row of the file is compared with it."""

    id: int
    external_id: str | None
    text: str
    gold: int | None
    label: int | None
    excluded: int
    review: int
    ambiguous: int
    note: str | None
    split: str

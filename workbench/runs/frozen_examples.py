"""The labelled tweets in the folder of an earlier run, as the workspace knows them now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storage.runs import training_set
from storage.runs.training_set import Example
from storage.store import Store
from storage.transfer import id_remapping
from workbench.rundir import tables


def examples_in(path: Path) -> list[Example]:
    """The labelled tweets of a run's table; none where it is not there."""
    table = tables.read_snapshot(path)
    columns = (table.ids, table.texts, table.labels, table.groups)
    return [Example(*values) for values in zip(*columns, strict=True)]


def test_by_now(store: Store, rows: Sequence[tuple[int, str]]) -> set[int]:
    """The ids of the (id, text) rows that may not be trained on any more.

    A run that came from elsewhere has other ids, so a tweet is known by its text.
    """
    elsewhere = id_remapping.remap_ids(store, rows)
    here = {number: elsewhere.get(number, number) for number, _ in rows}
    barred = training_set.with_test_tweets(store, [n for n in here.values() if n is not None])
    return {number for number, tweet in here.items() if tweet in barred}

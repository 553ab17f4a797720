"""Files as rows: read without a workspace, or taken into one with its labels of their own."""

from __future__ import annotations

import pytest

from storage.formats import detection, readers
from storage.formats.source import ReadOptions
from storage.query import tweets


@pytest.fixture
def read():
    """The rows of a file, and what was found out about it."""

    def rows_of(path, **options):
        source = detection.find(path, ReadOptions(**options))
        return list(readers.rows(source)), source

    return rows_of


@pytest.fixture
def taken(make_store, take_in):
    """Text and label of each tweet of a file, and the report; a workspace of its own each time."""
    made = 0

    def run(path, labels=(), **options):
        nonlocal made
        made += 1
        store, report = take_in(make_store(f"workspace {made}", labels=labels), path, **options)
        return [(tweet.text, tweet.label) for tweet in tweets.each(store)], report

    return run

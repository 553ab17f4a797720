"""A fresh workspace for each example of a property, and one with a history of every kind."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from storage.history import labels
from storage.store import open_store

settings.register_profile("store", max_examples=40)


@pytest.fixture
def scratch(small):
    """Gives a fresh copy of the small workspace, as often as a property wants one."""
    small.close()
    opened = []

    def copy(annotator="ana"):
        while opened:
            store = opened.pop()
            store.close()
            shutil.rmtree(store.folder)
        folder = Path(tempfile.mkdtemp(dir=small.folder.parent)) / "copy"
        opened.append(open_store(Path(shutil.copytree(small.folder, folder)), annotator))
        opened[0].db.execute("PRAGMA synchronous = OFF")  # faster; nothing is killed here
        return opened[0]

    yield copy
    for store in opened:
        store.close()


@pytest.fixture
def used(small):
    """A store with a history of every kind."""
    labels.assign(small, [1, 2], "negative")
    labels.mark(small, [3], "review", True)
    labels.mark(small, [4], "excluded", True)
    labels.annotate(small, 5, "look again")
    labels.assign(small, [6], "positive")
    labels.undo(small)
    return small

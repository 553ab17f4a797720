"""Scoring the tweets of a run: the host makes prompts beside the device, and ahead of it."""

from __future__ import annotations

from threading import Event

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.models


class SlowTokens:
    """A prompter that says when it is asked."""

    def __init__(self):
        self.asked = Event()

    def encode(self, texts):
        self.asked.set()
        return [[len(text)] for text in texts]


def test_the_first_window_is_made_while_the_model_is_made_ready(tmp_path):
    from workbench.worker import predicting

    pq.write_table(pa.table({"id": [1, 2, 3], "text": ["a", "bb", "ccc"]}), tmp_path / "p.parquet")
    prompter = SlowTokens()
    with predicting._windows(tmp_path / "p.parquet", prompter, {2}, True) as windows:
        assert prompter.asked.wait(10)
        [window] = windows
    assert (window.rows, window.ids, window.prompts) == ([1, 2, 3], [1, 3], [[1], [3]])

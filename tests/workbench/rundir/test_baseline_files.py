"""The kept model of a baseline: read as it was written, and refused in one sentence if damaged."""

from __future__ import annotations

import numpy as np
import pytest

from storage.errors import UserError
from workbench.analysis.baseline_model import BaselineModel
from workbench.rundir.baseline_files import BASELINE, read_baseline, write_baseline

MODEL = BaselineModel(
    np.array([3, 2**64 - 1], np.uint64),
    np.array([1, 2], np.float32),
    np.ones((2, 3, 2), np.float16),
    np.array([[0, -np.inf]] * 3),
    np.array([5], np.uint64),
    np.array([[1, 2]], np.int64),
)


def test_a_model_is_read_as_it_was_written(tmp_path):
    assert read_baseline(tmp_path, 2) is None
    write_baseline(tmp_path, MODEL)
    write_baseline(tmp_path, MODEL)
    found = read_baseline(tmp_path, 2)
    for name, array in vars(MODEL).items():
        assert np.array_equal(getattr(found, name), array)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("terms", np.zeros(3, np.uint64)),
        ("terms", np.zeros(2, np.int64)),
        ("weights", np.zeros((2, 3, 5), np.float16)),
        ("weights", np.zeros(2, np.float16)),
        ("unseen", np.array([[1, 3]])),
        ("unseen", np.array([[0, 1]])),
        ("intercepts", np.zeros((2, 2))),
        ("texts", None),
    ],
)
def test_a_damaged_model_is_refused(tmp_path, name, array):
    write_baseline(tmp_path, MODEL)
    path = tmp_path / BASELINE / f"{name}.npy"
    path.unlink()
    if array is not None:
        np.save(path, array)
    with pytest.raises(UserError, match=r"is damaged .*train the baseline again"):
        read_baseline(tmp_path, 2)

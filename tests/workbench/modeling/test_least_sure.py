"""Which examples training has found least probable."""

from __future__ import annotations

import math

import pytest
import torch

from workbench.modeling.packed.dynamics import least_sure


def columns(*rows):
    numbers, probabilities = zip(*rows, strict=True)
    return {"number": torch.tensor(numbers), "probability": torch.tensor(probabilities)}


def test_the_lowest_means_come_first():
    seen = columns((7, 0.9), (3, 0.2), (5, 0.5), (3, 0.4), (7, 0.7))
    found = least_sure(seen, 2)
    assert [number for number, _ in found] == [3, 5]
    assert [mean for _, mean in found] == pytest.approx([0.3, 0.5])
    assert len(least_sure(seen, 9)) == 3


def test_nothing_is_told_before_the_first_step_and_of_what_is_no_number():
    assert least_sure({}, 4) == []
    assert least_sure(columns((1, math.nan), (2, 0.5)), 4) == [(2, 0.5)]

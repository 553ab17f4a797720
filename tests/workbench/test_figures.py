"""How figures are written: nothing has no sign of its own."""

from __future__ import annotations

from workbench import figures


def test_what_rounds_to_nothing_is_not_negative():
    assert figures.points(0.0, -0.0, -0.0004) == "+0.0 points [+0.0, +0.0]"
    assert figures.points(-0.1, -0.2, 0.01) == "-10.0 points [-20.0, +1.0]"
    assert figures.score(-0.001) == "+.00"
    assert figures.coefficient(-0.0001, -0.5, -0.0, 9) == "0.000 [-0.500, 0.000] (n = 9)"

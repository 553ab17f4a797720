"""Charts: curves, marks and levels in their frame, of any size and with any values."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.charts.axes import axis_for, fall_axis, step_axis
from workbench.tui.charts.chart import Curve, Frame, Level, Mark, chart_lines

FALLING = [(0, 2.0), (50, 1.0), (100, 0.5)]
FLOAT = st.floats(allow_nan=False, allow_infinity=False)


def text(lines):
    return ["".join(piece for piece, _ in line).rstrip() for line in lines]


def test_a_curve_stands_on_axes_whose_marks_are_written():
    frame = Frame(24, 7, step_axis(200, 4), fall_axis([2.0, 0.5], 3))
    assert text(chart_lines(frame, [Curve(FALLING)])) == [
        "2 ┤⠑⢄",
        "  │  ⠑⢄",
        "1 ┤    ⠑⠤⢄⡀",
        "  │       ⠈⠑⠢⠄",
        "0 ┤",
        "  └┬─────────┬─────────┬",
        "   0         100     200",
    ]


def test_marks_have_their_words_where_nothing_is_covered():
    frame = Frame(44, 8, step_axis(200, 4), axis_for([0.55, 0.85], 4))
    marks = [Mark(50, 0.67, "■", ".67"), Mark(200, 0.74, "■", ".74 best")]
    levels = [Level(0.81, "run 1 .81"), Level(0.67, "majority .67")]
    lines = text(chart_lines(frame, marks=marks, levels=levels))
    assert any("■ .67┄" in line and line.endswith("majority .67") for line in lines)
    assert any(line.endswith(".74 best ■") for line in lines), "there is no room at its right"
    assert any(line.endswith("┄ run 1 .81") for line in lines)


def test_a_name_goes_to_the_other_end_or_away_before_it_covers_a_mark():
    frame = Frame(30, 5, step_axis(100, 3), axis_for([0.5, 0.9], 3))
    level = [Level(0.7, "run 1 .70")]
    right = [Mark(98, 0.7, "■")]
    assert any(
        "┤run 1 .70 ┄" in x or "│run 1 .70 ┄" in x
        for x in text(chart_lines(frame, marks=right, levels=level))
    )
    both = [*right, Mark(2, 0.7, "■")]
    assert not any("run 1" in line for line in text(chart_lines(frame, marks=both, levels=level)))


def test_several_curves_are_told_apart_by_signs():
    frame = Frame(40, 8, step_axis(100, 3), fall_axis([2.0, 0.1], 3))
    other = Curve([(0, 1.5), (100, 1.4)], "second", "▲")
    own = Curve(FALLING, "own", "■")
    lines = chart_lines(frame, [other, own])
    signs = {sign: tone for line in lines for piece, tone in line for sign in piece if sign in "▲■"}
    assert signs == {"▲": "second", "■": "own"}


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), FLOAT), max_size=30).map(sorted),
    st.integers(12, 90),
    st.integers(3, 20),
)
def test_any_series_of_finite_floats_fits_the_frame(points, width, height):
    values = [value for _, value in points]
    steps = step_axis(max((step for step, _ in points), default=0), 5)
    for y in (axis_for(values, 4), fall_axis(values, 4)):
        frame = Frame(width, height, steps, y)
        marks = [Mark(x, value, "■", "here") for x, value in points[-2:]]
        levels = [Level(value, "level") for value in values[:1]]
        lines = chart_lines(frame, [Curve(points, sign="▲")], marks, levels)
        assert len(lines) == max(3, height)
        assert {len("".join(piece for piece, _ in line)) for line in lines} == {
            max(width, frame.left + 2)
        }

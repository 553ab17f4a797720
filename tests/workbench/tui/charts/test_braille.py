"""Curves as braille, against cells drawn by hand."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.tui.charts.braille import braille_lines

SHARES = st.floats(0, 1)


def test_a_falling_line_goes_through_every_dot_of_its_diagonal():
    assert braille_lines([(0.0, 1.0), (1.0, 0.0)], 2, 1) == ["⠑⢄"]
    assert braille_lines([(0.0, 0.0), (1.0, 1.0)], 2, 1) == ["⡠⠊"]


def test_a_level_line_is_one_row_of_dots():
    assert braille_lines([(0.0, 0.5), (1.0, 0.5)], 3, 2) == ["   ", "⠉⠉⠉"]


def test_a_steep_line_hangs_together():
    assert braille_lines([(0.0, 1.0), (1.0, 0.0)], 1, 2) == ["⢱", "⢸"]


def test_one_point_is_one_dot():
    assert braille_lines([(0.0, 0.0)], 2, 1) == ["⡀ "]
    assert braille_lines([], 2, 2) == ["  ", "  "]


def test_points_in_one_column_of_dots_are_their_mean():
    many = [(0.0, 1.0), (0.001, 0.0), (0.002, 0.5), (1.0, 0.5)]
    assert braille_lines(many, 2, 1) == braille_lines([(0.0, 0.5), (1.0, 0.5)], 2, 1)


def test_a_new_point_leaves_the_cells_before_it_as_they_are():
    points = [(at / 40, 0.3 + at / 80) for at in range(20)]
    before, after = (braille_lines(points[:n], 20, 3) for n in (19, 20))
    cells = [(row, at) for row in range(3) for at in range(20) if before[row][at] != after[row][at]]
    assert cells, "something was drawn"
    assert {at for _, at in cells} <= {9}


@settings(max_examples=100)
@given(
    st.lists(st.tuples(SHARES, SHARES), max_size=40).map(sorted),
    st.integers(1, 30),
    st.integers(1, 12),
)
def test_any_points_fit_the_room_and_hang_together(points, width, height):
    lines = braille_lines(points, width, height)
    assert [len(line) for line in lines] == [width] * height
    assert all(
        character == " " or 0x2801 <= ord(character) <= 0x28FF for character in "".join(lines)
    )
    used = {at for line in lines for at, character in enumerate(line) if character != " "}
    assert bool(used) == bool(points)
    assert used == set(range(min(used), max(used) + 1)) if used else True

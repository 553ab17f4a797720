"""Only cells that differ from what the terminal shows are sent, and it shows what is drawn."""

import random

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from terminals import visible
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from workbench.tui.painted_cells import PaintedCells

CONSOLE = Console(color_system="truecolor")


KEYS = (*"jkJGgvV12xsmBQETRDn]u", "slash", "escape", "enter", "question_mark", "tab")


async def test_the_terminal_shows_what_is_drawn_whatever_is_pressed(start, terminal):
    chance, sizes = random.Random(1), {14: (120, 40), 29: (80, 24), 44: (100, 40)}
    async with start(program=("/bin/false",), size=(100, 30)) as driver:
        for step in range(45):
            await driver.press(chance.choice(KEYS))
            if step in sizes:
                terminal.rows.clear()  # as no terminal keeps what it showed
                await driver.pilot.resize_terminal(*sizes[step])
            if step % 5 == 4:
                await driver.pilot.pause(0.02)
                await driver.until(lambda: terminal.shows(driver))


async def test_a_question_sends_its_lines_and_what_it_covered(start, stub, terminal):
    async with start(program=stub.program) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.at_rest()
        terminal.take()
        await driver.press("D")
        await driver.until_seen("Delete run 2")
        opened = terminal.take()
        await driver.press("n")
        await driver.until(lambda: "Delete run 2" not in driver.text)
        closed = terminal.take()
    assert 0 < opened < 3_000
    assert 0 < closed < 3_000


async def test_a_key_sends_the_whole_screen_anew_and_a_new_size_does(start, terminal):
    async with start() as driver:
        await driver.settled()
        for disturb in (
            lambda: driver.press("ctrl+l"),
            lambda: driver.pilot.resize_terminal(119, 40),
        ):
            terminal.rows.clear()
            await disturb()
            await driver.until(lambda: terminal.shows(driver))


def sent(painted, *lines, width=40):
    strips = [[Strip([Segment(text, style)])] for text, style in lines]
    update = LayoutUpdate(strips, Region(0, 0, width, len(lines)))
    return painted.difference(update).render_segments(CONSOLE)


def test_what_is_alike_is_not_sent_and_a_colour_is_a_difference():
    painted, plain, red = PaintedCells(), Style(), Style(color="red")
    sent(painted, ("one line", plain), ("two lines", plain))
    assert sent(painted, ("one line", plain), ("two lives", plain)) == "\x1b[2;7Hv"
    meant = Style(meta={"@click": "press"})
    assert sent(painted, ("one line", plain), ("two lives", meant)) == ""
    assert sent(painted, ("one line", red), ("two lives", plain)).endswith("one line\x1b[0m")
    sent(painted, ("one  .", red), ("two", plain))
    assert sent(painted, ("one  !", plain), ("two", plain)) == "\x1b[Hone  !"
    assert sent(painted, ("one  !", red), ("two", plain)) == "\x1b[H\x1b[31mone  !\x1b[0m"
    assert sent(painted, ("one  .", red), ("two", plain)) == "\x1b[;6H\x1b[31m.\x1b[0m"
    under = Style(color="red", underline=True)
    assert sent(painted, ("one  .", under), ("two", plain)).endswith("mone  .\x1b[0m")


def test_a_run_is_reached_by_the_shortest_way():
    painted, plain = PaintedCells(), Style()
    sent(painted, ("abcdefghijklmnop·", plain), ("abcdefgh", plain))
    for line, way in (
        ("Abcdefghijklmnop·", "\x1b[HA"),
        ("abcDefghijklmnop·", "\x1b[HabcD"),
        ("abcdefghijklmnop-", "\x1b[;4Hd\x1b[12C-"),
        ("Abcdefghijklmnop·", "\x1b[HA\x1b[15C·"),
        ("abcdefghijklmnoP-", "\x1b[Ha\x1b[14CP-"),
        ("abcdefGhijklmnoP·", "\x1b[;7HG\x1b[9C·"),
    ):
        assert sent(painted, (line, plain), ("abcdefgh", plain)) == way


def test_how_far_others_are_is_counted_only_over_letters_whose_width_is_the_same_everywhere():
    painted, plain = PaintedCells(), Style()
    sent(painted, ("a" * 40, plain))
    line = f"·H{'a' * 20}b{'a' * 17}"
    assert sent(painted, (line, plain)) == "\x1b[H·H\x1b[;23Hb"


def test_cells_of_one_colour_are_sent_together_where_that_takes_less():
    green, grey = (Style(color=colour, bgcolor="#121212") for colour in ("#40c040", "#909090"))
    lines = [[Segment("broken ", green), Segment("#28  ", grey)]] * 3
    update = LayoutUpdate([[Strip(line)] for line in lines], Region(0, 0, 12, 3))
    text = PaintedCells().difference(update).render_segments(CONSOLE)
    assert text.count("38;2;64;192;64") == text.count("38;2;144;144;144") == 1
    assert text.rindex("broken") < text.index("#28")


COLOURS = st.sampled_from([None, "#e0e0e0", "#ffa62b", "default"])
GROUNDS = st.sampled_from([None, "#121212", "default"])
FLAGS = st.sampled_from([None, True])
STYLES = st.builds(
    Style, color=COLOURS, bgcolor=GROUNDS, bold=FLAGS, dim=FLAGS, reverse=FLAGS, underline=FLAGS
)
TEXTS = st.lists(st.sampled_from(["ab", "a  b", "     ", "·", "表", "e\u0301", "👀 x"]), max_size=3)
LINES = st.lists(st.tuples(TEXTS.map("".join), STYLES), max_size=3)
COLUMNS, ROWS = 48, 2


class NoColourErased(pyte.Screen):
    """As GNU screen does."""

    def erase_in_line(self, *how, **more):
        kept, self.cursor.attrs = self.cursor.attrs, self.default_char
        super().erase_in_line(*how, **more)
        self.cursor.attrs = kept


@given(st.lists(st.tuples(LINES, LINES), min_size=2, max_size=4), st.booleans())
def test_a_terminal_shows_what_one_shows_that_is_sent_everything(screens, erases_in_colour):
    kind = pyte.Screen if erases_in_colour else NoColourErased
    shown, painted = kind(COLUMNS, ROWS), PaintedCells(erases_in_colour)
    for lines in screens:
        strips = [
            [Strip(Segment(*part) for part in line).adjust_cell_length(COLUMNS, Style())]
            for line in lines
        ]
        update = LayoutUpdate(strips, Region(0, 0, COLUMNS, ROWS))
        pyte.Stream(shown).feed(painted.difference(update).render_segments(CONSOLE))
        whole = pyte.Screen(COLUMNS, ROWS)
        pyte.Stream(whole).feed(update.render_segments(CONSOLE))
        assert visible(shown) == visible(whole)


def test_nothing_is_kept_right_of_wide_characters_as_terminals_differ_about_them():
    painted, plain = PaintedCells(), Style()
    for before, now, way in (
        ("a family 👨‍👩‍👧 end", "a family 👨‍👩‍👧 and", "\x1b[;10H👨‍👩‍👧 and"),
        ("表 b", "a line", "\x1b[Ha line"),
        ("one 表 b", "two line", "\x1b[Htwo line"),
        ("abcdefghijklmn 表 b", "abcdefghijklmn line", "\x1b[;16Hline"),
        ("e\u0301 a", "e\u0301 b", "\x1b[He\u0301 b"),
    ):
        sent(painted, (before, plain))
        assert sent(painted, (now, plain)) == way
        assert sent(painted, (now, plain)) == ""


def test_a_blank_end_is_erased_where_the_terminal_erases_in_colour():
    ground = Style(color="#e0e0e0", bgcolor="#121212")
    for erases in (True, False):
        painted = PaintedCells(erases)
        sent(painted, ("a long line of words", ground))
        way = sent(painted, ("a long              ", ground))
        assert way.count("\x1b[K") == erases and way.count(" " * 13) == (not erases)

"""Only cells that differ from what the terminal shows are sent, and it shows what is drawn."""

import random

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
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
                await driver.until(lambda: terminal.shows(driver), seconds=5)


async def test_a_question_sends_its_lines_and_what_it_covered(start, stub, terminal):
    async with start(program=stub.program) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.pilot.pause(0.3)
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
            await driver.until(lambda: terminal.shows(driver), seconds=5)


def sent(painted, *lines):
    strips = [[Strip([Segment(text, style)])] for text, style in lines]
    update = LayoutUpdate(strips, Region(0, 0, 40, len(lines)))
    return painted.difference(update).render_segments(CONSOLE)


def test_what_is_alike_is_not_sent_and_a_colour_is_a_difference():
    painted, plain, red = PaintedCells(), Style(), Style(color="red")
    sent(painted, ("one line", plain), ("two lines", plain))
    assert sent(painted, ("one line", plain), ("two lives", plain)) == "\x1b[2;7Hv"
    meant = Style(meta={"@click": "press"})
    assert sent(painted, ("one line", plain), ("two lives", meant)) == ""
    assert sent(painted, ("one line", red), ("two lives", plain)).endswith("one line\x1b[0m")
    assert sent(painted, ("one line   ", red), ("two lives   ", plain)).count("   ") == 2
    assert sent(painted, ("one line   ", red), ("two lives   ", red)).endswith("two lives\x1b[0m")
    under = Style(underline=True)
    assert sent(painted, ("one line   ", red), ("two lives   ", under)).count("   ") == 1


def test_a_line_with_wide_characters_is_sent_whole_as_terminals_differ_about_them():
    painted, plain = PaintedCells(), Style()
    for before, now in (
        ("a family 👨‍👩‍👧 end", "a family 👨‍👩‍👧 and"),
        ("表 b", "a line"),
        ("e\u0301 a", "e\u0301 b"),
    ):
        sent(painted, (before, plain))
        assert sent(painted, (now, plain)) == f"\x1b[1;1H{now}"
        assert sent(painted, (now, plain)) == ""

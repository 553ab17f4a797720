"""A terminal shows the same, whether styles are sent whole or as what changes between them."""

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from terminals import visible
from textual.strip import Strip

from workbench.tui.style_changes import StyleChanges

WIDTH = 60
CONSOLE = Console(color_system="truecolor", force_terminal=True, legacy_windows=False)
COLOURS = st.sampled_from([None, "#e0e0e0", "#ffa62b", "red", "default"])
FLAGS = st.sampled_from([None, False, True])
STYLES = st.builds(
    Style, color=COLOURS, bgcolor=COLOURS, bold=FLAGS, reverse=FLAGS, underline=FLAGS
)
RUNS = st.lists(st.tuples(st.text("ab ", min_size=1, max_size=4), STYLES), max_size=8)


def cells(written):
    screen = pyte.Screen(WIDTH, 1)
    pyte.Stream(screen).feed(written + "|")
    return visible(screen)


@given(RUNS)
def test_what_is_shown_is_what_whole_styles_show_and_the_end_is_plain(runs):
    segments = [Segment(text, style) for text, style in runs]
    styles = StyleChanges(ColorSystem.TRUECOLOR)
    assert cells(styles.write(segments) + styles.end()) == cells(Strip(segments).render(CONSOLE))


def test_only_the_colour_that_changes_is_sent():
    ground, accent = (
        Style(color="#e0e0e0", bgcolor="#121212"),
        Style(color="#ffa62b", bgcolor="#121212"),
    )
    styles = StyleChanges(ColorSystem.TRUECOLOR)
    text = styles.write([Segment("a", ground), Segment("b", accent), Segment("c", accent)])
    assert text == "\x1b[38;2;224;224;224;48;2;18;18;18ma\x1b[38;2;255;166;43mbc"
    assert styles.end() == "\x1b[0m" and styles.end() == ""


def test_an_attribute_ends_without_its_colours_and_a_blank_has_none():
    plain, bold = (Style(color="#e0e0e0", bgcolor="#121212", bold=b) for b in (False, True))
    other = Style(color="#ffa62b", bgcolor="#121212")
    styles = StyleChanges(ColorSystem.TRUECOLOR)
    styles.write([Segment("a", bold)])
    text = styles.write([Segment("b", plain), Segment("  ", other), Segment("c", plain)])
    assert text == "\x1b[22mb  c"

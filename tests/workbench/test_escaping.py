"""Text from outside: nothing of it acts on a terminal, and nothing else is changed."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
from hostile import acting
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from workbench import escaping
from workbench.console.printing import print_json, print_jsonl, table

ANY = st.one_of(
    st.text(st.characters(), max_size=30),
    st.text(
        st.sampled_from(
            "a🚀é\x00\x07\x08\t\n\r\x1b[]0;31mP\\\x7f\x85\x90\x9b\x9c\x9d\u00ad\u061c\u200b\u200d"
            "\u200e\u2028\u202e\u2066\ufe0f\ufeff\U000e0041\U0001f3fe\ud800\u0301"
        ),
        max_size=30,
    ),
)


@settings(max_examples=500)
@given(text=ANY)
def test_a_line_is_one_line_without_anything_that_acts(text):
    shown = escaping.line(text)
    assert acting(shown) == []
    assert "\n" not in shown
    assert escaping.line(shown) == shown
    assert cell_len(shown) >= 0
    shown.encode("utf-8")


@settings(max_examples=500)
@given(text=ANY)
def test_lines_keep_their_breaks_and_nothing_else_that_acts(text):
    shown = escaping.lines(text)
    assert acting(shown) == []
    assert shown.count("\n") == text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@settings(max_examples=500)
@given(text=ANY)
def test_what_is_edited_keeps_its_positions(text):
    shown = escaping.input_text(text)
    assert acting(shown) == []
    assert "\n" not in shown
    assert len(shown) == len(text)
    assert escaping.input_text(shown) == shown


@pytest.mark.parametrize(
    "text", ["plain", "naïve café", "買い時", "🚀🤑", "$TSLA #up @me", "עברית", "e\u0301", "[bold]"]
)
def test_ordinary_text_stays_as_it_is(text):
    assert escaping.line(text) == escaping.lines(text) == escaping.input_text(text) == text


def test_what_is_replaced_can_be_seen():
    assert escaping.line("a\x1b[31mb\x07\x7f") == "a␛[31mb␇␡"
    assert escaping.line("one\r\ntwo\nthree\rfour") == "one⏎two⏎three⏎four"
    assert escaping.lines("one\r\ntwo\x1b") == "one\ntwo␛"
    assert escaping.line("👨‍👩‍👧 ok") == "👨 ok"


@pytest.mark.parametrize("text", ["क्\u200dष", "a\u200dbc", "می\u200dخواهم", "x\u200d\ny"])
def test_a_joiner_hides_no_letter(text):
    shown = escaping.lines(text)
    assert [c for c in shown if c.isalpha() or c == "\n"] == [
        c for c in text if c.isalpha() or c == "\n"
    ]


def test_a_replacement_character_stays_in_sight():
    assert escaping.line("caf\ufffd") == "caf\ufffd"
    assert escaping.line("\x9b31m \ud800") == "\ufffd31m \ufffd"


def test_heaps_of_marks_on_one_letter_are_cut_down():
    assert len(escaping.line("z" + "\u0351" * 50)) == 3


@settings(max_examples=100)
@given(value=st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner)))
def test_json_says_the_same_and_is_harmless(value):
    for write in (print_json, lambda v: print_jsonl([v])):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            write(value)
        text = out.getvalue()
        assert acting(text) == []
        assert json.loads(text) == value


def test_a_table_is_harmless_in_every_part(hostile_texts, capsys):
    table("title", hostile_texts, [hostile_texts])
    out = capsys.readouterr().out
    assert acting(out) == []


def test_markup_in_a_cell_is_text(capsys):
    table(None, ("text",), [["[bold red]x[/] [link=http://a]y[/link]"]])
    assert "[bold red]x[/] [link=http://a]y[/link]" in capsys.readouterr().out
    console = Console(file=io.StringIO(), markup=False)
    console.print(escaping.line("[red]x"))
    assert console.file.getvalue() == "[red]x\n"

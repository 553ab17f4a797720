"""Texts that a terminal would act on, or that Rich or Textual would take for markup."""

from __future__ import annotations

import re
import unicodedata

SEQUENCES = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H\x1b[?1049hPWN",
    "\x1b[?1003h\x1b[?2004lPWN",
    "\x1b[6n\x1b[c\x1b[>q",  # terminals answer these as if the answer had been typed
    "\x1b]0;owned\x07",
    "\x1b]2;owned\x1b\\",
    "\x1b]8;;http://evil.example\x1b\\a link\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJm\x1b\\",
    "\x1bP$q q\x1b\\",
    "\x1bPtmux;\x1b\x1b]52;c;cm0=\x07\x1b\\",
    "\x1b_application\x1b\\ \x1b^privacy\x1b\\ \x1bXstring\x1b\\",
    "\x1bc\x1b(0\x0e reset and graphics",
    "\x9b31mred",
    "\x9d0;owned\x9c",
    "\x90q\x9c \x85next line \x8dreverse",
)
CONTROLS = (
    "back\x08\x08\x08space and bell\x07",
    "vertical\x0btab form\x0cfeed",
    "carriage\rreturn, crlf\r\nand\ttab",
    "nothing\x00here",
    "delete\x7f\x1a\x1f",
)
UNICODE = (
    "\u202eevil\u202c \u2066isolate\u2069 \u200fmark \u061c",
    "zero\u200bwidth\u2060joiner\ufeff\u00ad\u180e",
    "line\u2028and paragraph\u2029ends",
    "tag\U000e0041\U000e007f",
    "z" + "\u0351\u0352\u0353\u0354\u0355" * 20 + "algo",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 skin \U0001f44d\U0001f3fe flag \U0001f1e9"
    "\U0001f1ea heart \u2764\ufe0f",
    "fillers \u3164\uffa0\u115f and \ufff9notes\ufffb \ufffe \U0001bca0",
)
MARKUP = (
    "[bold red]markup[/] [link=http://x]y[/link]",
    "[@click=app.quit]press[/] [/] [[x]] \\[y",
    "$error [on red] {text} %s",
)
HOSTILE = (*SEQUENCES, *CONTROLS, *UNICODE, *MARKUP)

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def acting(text):
    """The characters of a text that would act on a terminal, or hide in it; line ends may be."""
    return [
        character
        for character in text
        if character != "\n"
        and (
            unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(character) in BIDI
            or HIDDEN.match(character)
        )
    ]

"""Escaping of texts for a terminal: no control sequence, no bidi override, no markup.

Stored texts are never changed; what is shown is escaped.
"""

from __future__ import annotations

import re
import unicodedata

from storage.text import SURROGATE

# C0 and C1 controls, DEL; bidi marks, embeddings, overrides and isolates; zero-width characters,
# variation selectors, tags and other format characters that change widths; lone surrogates.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
UNSAFE = re.compile(
    "|".join((r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", INVISIBLE.pattern, SURROGATE.pattern))
)
"""What must not reach a terminal as it is, apart from line ends."""
SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")
COMBINING = re.compile(
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3,}"
)
JOINED = re.compile("\u200d[\u2190-\u2bff\U0001f000-\U0001faff]")


def line(text: str) -> str:
    """The text on one line: line ends become ⏎, an emoji family its first member."""
    text = JOINED.sub("", text)
    text = text.replace("\r\n", "⏎").replace("\n", "⏎").replace("\r", "⏎").replace("\t", " ")
    return _plain(text)


def lines(text: str) -> str:
    """The text with its line breaks, everything else that a terminal acts on replaced."""
    parts = JOINED.sub("", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_plain(part.replace("\t", "    ")) for part in parts)


def input_text(text: str) -> str:
    """The text of an input line: a stand-in for each character that must not be shown."""
    text = SURROGATE.sub("�", CONTROL.sub(_picture, text))
    text = COMBINING.sub(lambda match: match[0][:2] + "·" * (len(match[0]) - 2), text)
    text = INVISIBLE.sub("·", text)
    return "".join(c if unicodedata.category(c) != "Cn" else "�" for c in text)


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    text = CONTROL.sub(_picture, text)
    text = SKIN.sub("", INVISIBLE.sub("", SURROGATE.sub("�", text)))
    text = COMBINING.sub(lambda match: match[0][:2], text)
    return "".join(c if unicodedata.category(c) != "Cn" else "�" for c in text)


def _picture(match: re.Match[str]) -> str:
    """The visible picture of a C0 control or DEL; C1 controls have none."""
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"

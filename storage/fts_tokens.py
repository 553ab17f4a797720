"""The tokens of the full-text index: how a text is spelled for it, and what a search asks of it.

A token is a word between spaces and signs. An emoji or other symbol, and each character of
a script that puts no spaces between words, is a token of its own. The vowel marks of Arabic and
Hebrew belong to none, which the index itself would take for spaces.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc"
    "\U0001b000-\U0001b16f\U00020000-\U000323af"
)
"""Thai, Lao, Burmese, Khmer, Kana, Bopomofo, Hangul and Han."""
NOT_ASCII = re.compile(r"[^\x00-\x7f]")
SEPARATE = re.compile(f"[{UNSPACED}]")
MARKS = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u0897-\u089f"
    "\u08ca-\u08e1\u08e3-\u08ff\ufb1e\ufe70-\ufe7f]"
)
"""Vowel and reading marks of Hebrew, Arabic and Syriac, and the tatweel, which draws a word out."""
MARKED = re.compile(f"{MARKS.pattern}|[\ufb1d-\ufb4e]")
"""Those marks, and Hebrew letters with a mark in them."""
VOWELLED = re.compile("[\u0590-\u074f\u0870-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
"""Characters of the scripts that have such marks."""
SYMBOLS = ("So", "Sk", "Sm", "Sc")
SPELLED_TOKENS = re.compile(r"(?: _[0-9a-f]+_ )+")
"""Characters in a row that are tokens of their own, as `tokenized` spells them."""


def tokenized(text: str) -> str:
    """The text as it is indexed: without vowel marks, and spelled."""
    return text if text.isascii() else spelled(unmarked(text))


def spelled(text: str) -> str:
    """The text in which each character that is a token of its own is a word.

    Such a character becomes its code point, since the index knows the symbols and scripts of an
    older Unicode only.
    """
    return NOT_ASCII.sub(lambda match: _spelled(match[0]), text)


def unmarked(text: str) -> str:
    """The text without vowel marks; what is part of a letter, such as a hamza, stays."""
    if text.isascii() or not MARKED.search(text):
        return text
    return MARKS.sub("", unicodedata.normalize("NFC", text))


def is_token(character: str) -> bool:
    """Whether a character is a token of its own: a symbol, or of a script without spaces."""
    return _spelled(character) != character


@cache
def _spelled(character: str) -> str:
    if character.isascii():
        return character
    alone = SEPARATE.match(character) or unicodedata.category(character) in SYMBOLS
    return f" _{ord(character):x}_ " if alone else character

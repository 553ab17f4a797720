"""The tokens of the full-text index: how a text is spelled for it, and what a search asks of it.

A token is a word between spaces and signs. An emoji or other symbol, and each character of
a script that puts no spaces between words, is a token of its own.
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
SYMBOLS = ("So", "Sk", "Sm", "Sc")
SPELLED_TOKENS = re.compile(r"(?: _[0-9a-f]+_ )+")
"""Characters in a row that are tokens of their own, as `tokenized` spells them."""


def tokenized(text: str) -> str:
    """The text as it is indexed: each character that is a token of its own becomes a word.

    Such a character is spelled as its code point, since the index knows the symbols and scripts
    of an older Unicode only.
    """
    return text if text.isascii() else NOT_ASCII.sub(lambda match: _spelled(match[0]), text)


def is_token(character: str) -> bool:
    """Whether a character is a token of its own: a symbol, or of a script without spaces."""
    return _spelled(character) != character


@cache
def _spelled(character: str) -> str:
    if character.isascii():
        return character
    alone = SEPARATE.match(character) or unicodedata.category(character) in SYMBOLS
    return f" _{ord(character):x}_ " if alone else character

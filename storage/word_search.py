"""Words in a text that has no full-text index, found as the index finds them in tweets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

from storage.fts_tokens import tokenized

TAGS = "$#@"
"""What may stand before a word that is asked for without it."""
SIGNS = f"{TAGS}_"
"""Signs that are part of a word."""
ACCENTS = range(0x300, 0x332)
"""Combining characters that the index leaves out of a word."""
TextTest = Callable[[str], bool]


def has_words(text: str | None, asked: str, prefix: bool) -> bool:
    """Whether the words stand in the text one after another, in any case and without accents.

    The last may be the beginning of a word where it ends with `*` and `prefix` is true. What has
    no letter or digit is looked for as it stands.
    """
    return text is not None and _finder(asked, prefix)(text)


@lru_cache(maxsize=16)
def _finder(asked: str, prefix: bool) -> TextTest:
    starts_with = prefix and len(asked) > 1 and asked.endswith("*")
    words = folded(asked[:-1] if starts_with else asked)
    if not words:
        signs = asked.casefold()
        return lambda text: signs in text.casefold()
    tag = "" if words[0] in TAGS else f"[{TAGS}]?"
    pattern = re.compile(f"(?<![^ ]){tag}{re.escape(words)}{'' if starts_with else '(?![^ ])'}")
    return lambda text: pattern.search(folded(text)) is not None


def folded(text: str) -> str:
    """The words of a text as the index has them, a space between two."""
    return " ".join("".join(map(_folded, tokenized(text))).split())


@cache
def _folded(character: str) -> str:
    """A character in lower case and without accents; a space where it is of no word."""
    if ord(character) in ACCENTS:
        return ""
    lower = character.casefold() if len(character.casefold()) == 1 else character.lower()
    base = unicodedata.normalize("NFD", lower)[0]
    plain = base if base.isascii() else lower[0]
    in_words = plain in SIGNS or unicodedata.category(plain)[0] in "LN"
    return plain if in_words or unicodedata.category(plain) == "Co" else " "

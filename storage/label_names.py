"""When two names mean one label, and when they only look as if they did."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
"""Characters without width: soft hyphens, joiners, marks of direction, variants of emoji."""
JOINERS = "\u200c\u200d\ufe0e\ufe0f"
"""Those that emoji and some scripts need, so that a name keeps them."""
CONFUSABLES = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναιρκυıℓ‐‑‒–—−‘’ʼ`“”",
    "ABESIJKMHOPCTYXaesijopcyxhdqwABEZHIKMNOPTYXovaipkuil------''''\"\"",
)
"""Letters and signs that look like one of ASCII."""


def clean(name: str) -> str:
    """A name as it is kept: composed, with single spaces, without what cannot be seen."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
        name = INVISIBLE.sub(lambda found: found[0] if found[0] in JOINERS else "", name)
    return " ".join(name.split()) if name.isprintable() else name.strip()


def key(name: str) -> str:
    """What is equal for all spellings of one name: in any case, Unicode form and spacing."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", INVISIBLE.sub("", name))
    return unicodedata.normalize("NFC", " ".join(name.casefold().split()))


def confusable_pair(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two of the names that differ and yet look the same."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(_look(name), name)
        if key(other) != key(name):
            return other, name
    return None


def difference(one: str, other: str) -> str:
    """The character of the second name by which it differs from the first, in words."""
    longer = max(one, other, key=len)
    found = next((b for a, b in zip(one, other, strict=False) if a != b), longer[-1:])
    return f"{found!r} is {unicodedata.name(found, f'U+{ord(found):04X}').lower()}"


def _look(name: str) -> str:
    # Before the case is folded, as capitals look like others than small letters do.
    looks = key(unicodedata.normalize("NFKC", name).translate(CONFUSABLES))
    return looks.rstrip(".,;:") or looks

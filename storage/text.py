"""What makes two texts the same, and which split a group of them falls into."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from math import isfinite
from typing import Any

URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
SURROGATE = re.compile("[\ud800-\udfff]")
USER = re.compile(r"@\w+")
READABLE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str)
INDENTED = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=str, indent=1)


def normalise(text: str) -> str:
    """Fold what differs between copies of a tweet: Unicode form, case, links, users, spaces."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    if "http" in folded or "www." in folded:
        folded = URL.sub("http", folded)
    if "@" in folded:
        folded = USER.sub("@user", folded)
    return " ".join(folded.split())


def content_hash(text: str) -> bytes:
    """16 bytes that are equal for texts that are equal after `normalise`."""
    folded = normalise(text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(len(folded).to_bytes(8, "big") + folded, digest_size=16).digest()


def content_number(hashed: bytes) -> int:
    """The first half of a content hash as a signed integer, as the store keeps it."""
    return int.from_bytes(hashed[:8], "big", signed=True)


def split_of(group: bytes, seed: int, test: float, dev: float) -> str:
    """The split of a group of equal texts: `test` and `dev` are shares between 0 and 1.

    Depends on the group and the seed only, so a tweet keeps its split when others come and go.
    """
    hashed = hashlib.blake2b(group, key=str(seed).encode(), digest_size=8).digest()
    place = int.from_bytes(hashed, "big") / 2**64
    if place < test:
        return "test"
    return "dev" if place < test + dev else "train"


def to_json(value: Any) -> str:
    """JSON that can be stored as UTF-8: readable, and with escapes where half an emoji is in it.

    What JSON has no number for becomes null.
    """
    readable = readable_json(value)
    if readable.isascii() or not SURROGATE.search(readable):
        return readable
    return json.dumps(json.loads(readable))


def readable_json(value: Any, indented: bool = False) -> str:
    """JSON in readable characters, half an emoji among them; null for what is no finite number."""
    encoder = INDENTED if indented else READABLE
    try:
        return encoder.encode(value)
    except ValueError:  # an infinite number, or one that is none
        return encoder.encode(_finite(value))


def _finite(value: Any) -> Any:
    """The value with null in place of numbers that JSON does not know."""
    if isinstance(value, dict):
        return {_finite_key(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _finite_key(key: Any) -> Any:
    return str(key) if isinstance(key, float) and not isfinite(key) else key

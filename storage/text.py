"""What makes two texts the same, and which split a group of them falls into."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Any

URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
SURROGATE = re.compile("[\ud800-\udfff]")
USER = re.compile(r"@\w+")


def normalise(text: str) -> str:
    """Fold what differs between copies of a tweet: Unicode form, case, links, users, spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = USER.sub("@user", URL.sub("http", folded))
    return " ".join(folded.split())


def digest(*parts: str) -> bytes:
    """16 bytes that identify a sequence of strings."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        hasher.update(len(encoded).to_bytes(8, "big") + encoded)
    return hasher.digest()


def content_hash(text: str) -> bytes:
    """16 bytes that are equal for texts that are equal after `normalise`."""
    return digest(normalise(text))


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
    """JSON that can be stored as UTF-8: readable, and with escapes where half an emoji is in it."""
    readable = json.dumps(value, ensure_ascii=False, default=str)
    return json.dumps(value, default=str) if SURROGATE.search(readable) else readable

"""What makes two texts the same, and which split a group of them falls into."""

from __future__ import annotations

import hashlib
import re
import unicodedata

URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
USER = re.compile(r"@\w+")


def normalise(text: str) -> str:
    """Fold what differs between copies of a tweet: Unicode form, case, links, users, spaces."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    if "http" in folded or "www." in folded:
        folded = URL.sub("http", folded)
    if "@" in folded:
        folded = USER.sub("@user", folded)
    return " ".join(folded.split())


def digest(*parts: str) -> bytes:
    """16 bytes that identify a sequence of strings."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    return hashlib.blake2b(framed, digest_size=16).digest()


def content_hash(text: str) -> bytes:
    """16 bytes that are equal for texts that are equal after `normalise`."""
    return digest(normalise(text))


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

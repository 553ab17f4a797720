"""Finding the tweets of this workspace that texts from elsewhere are about."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from storage.store import Store, visible
from storage.text import content_hash, content_number

BATCH = 500


def moved(store: Store, rows: Iterable[tuple[int, str]]) -> dict[int, int | None]:
    """Which of (id, text) rows stand for another tweet here, or for none.

    A row whose tweet has exactly its text is left out; of the others, the id is that of the first
    tweet with the very same text.
    """
    found: dict[int, int | None] = {}
    last = visible(store.db)
    remaining = iter(rows)
    while batch := dict(islice(remaining, BATCH)):
        marks = ", ".join("?" * len(batch))
        here = dict(
            store.db.execute(
                f"SELECT id, text FROM tweets WHERE id IN ({marks}) AND id <= ?", [*batch, last]
            )
        )
        for number, text in batch.items():
            if here.get(number) != text:
                found[number] = _with_text(store, text, last)
    return found


def _with_text(store: Store, text: str, last: int) -> int | None:
    row = store.db.execute(
        "SELECT t.id FROM contents c JOIN tweets t ON t.id = c.tweet "
        "WHERE c.content = ? AND t.text = ? AND t.id <= ? ORDER BY t.id LIMIT 1",
        [content_number(content_hash(text)), text, last],
    ).fetchone()
    return None if row is None else int(row[0])

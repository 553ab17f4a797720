"""Finding the tweets of this workspace that texts from elsewhere are about."""

from __future__ import annotations

from collections.abc import Iterable, Set
from itertools import islice

from storage.store import Store, last_visible_id
from storage.text import content_hash, content_number

IDS_AT_ONCE = 500


def remap_ids(store: Store, rows: Iterable[tuple[int, str]]) -> dict[int, int | None]:
    """Which of (id, text) rows stand for another tweet here, or for none.

    A row whose tweet has exactly its text is left out; of the others, the id is that of the first
    tweet with the very same text.
    """
    found: dict[int, int | None] = {}
    last = last_visible_id(store.db)
    remaining = iter(rows)
    while batch := dict(islice(remaining, IDS_AT_ONCE)):
        marks = ", ".join("?" * len(batch))
        here = dict(
            store.db.execute(
                f"SELECT id, text FROM tweets WHERE id IN ({marks}) AND id <= ?", [*batch, last]
            )
        )
        elsewhere = {number: text for number, text in batch.items() if here.get(number) != text}
        first = _first_with(store, set(elsewhere.values()), last)
        found |= {number: first.get(text) for number, text in elsewhere.items()}
    return found


def _first_with(store: Store, texts: Set[str], last: int) -> dict[str, int]:
    """The first tweet with each of some texts, as far as there are any."""
    contents = [content_number(content_hash(text)) for text in texts]
    marks = ", ".join("?" * len(contents))
    rows = store.db.execute(
        "SELECT t.text, min(t.id) FROM contents c CROSS JOIN tweets t ON t.id = c.tweet "
        f"WHERE c.content IN ({marks}) AND t.id <= ? GROUP BY t.text",
        [*contents, last],
    )
    return {text: number for text, number in rows if text in texts}

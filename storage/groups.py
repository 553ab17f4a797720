"""Groups of equal and nearly equal texts: what shares a split, and where gold labels conflict."""

from __future__ import annotations

from dataclasses import dataclass

from storage.store import Store, visible

SEVERAL = (
    "SELECT group_id FROM (SELECT DISTINCT group_id FROM current WHERE group_id != tweet) g "
    "WHERE (SELECT count(DISTINCT c.gold) FROM current c WHERE c.tweet = g.group_id "
    "OR (c.group_id = g.group_id AND c.group_id != c.tweet)) > 1"
)


@dataclass(frozen=True)
class Conflict:
    """A group whose tweets were imported with different gold labels."""

    group: int
    tweets: tuple[int, ...]
    golds: tuple[str | None, ...]
    """The gold label of each of the tweets."""

    def as_json(self) -> dict[str, object]:
        """The fields that the command line prints."""
        return {"group": self.group, "tweets": list(self.tweets), "golds": list(self.golds)}


def conflicts(store: Store) -> list[Conflict]:
    """The groups with more than one gold label."""
    rows = store.db.execute(
        f"SELECT g.group_id, c.tweet, c.gold FROM ({SEVERAL}) g JOIN current c "
        "ON c.tweet = g.group_id OR (c.group_id = g.group_id AND c.group_id != c.tweet) "
        "WHERE c.tweet <= ? ORDER BY g.group_id, c.tweet",
        [visible(store.db)],
    )
    members: dict[int, list[tuple[int, str | None]]] = {}
    for group, tweet, gold in rows:
        members.setdefault(group, []).append((tweet, store.label_names.get(gold)))
    return [
        Conflict(group, tuple(t for t, _ in pairs), tuple(g for _, g in pairs))
        for group, pairs in members.items()
    ]

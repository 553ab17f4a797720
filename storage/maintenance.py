"""Checks of the whole store."""

from __future__ import annotations

from storage.filters import CORRECTED
from storage.store import Store

COUNTED = ("tweets", "labelled", "corrected", "excluded", "review", "ambiguous")


def check(store: Store) -> list[str]:
    """What is wrong with the store, a sentence each; nothing for a sound one.

    Checks SQLite's own structures, and that the current labels and counts follow from the history.
    """
    problems = [
        f"SQLite: {row[0]}" for row in store.db.execute("PRAGMA integrity_check") if row[0] != "ok"
    ]
    problems += [
        f"Row {row[1]} of {row[0]} refers to a row of {row[2]} that is missing."
        for row in store.db.execute("PRAGMA foreign_key_check")
    ]
    for field in ("label", "excluded", "review", "ambiguous", "note"):
        drifted = store.db.execute(
            f"SELECT count(*) FROM current c WHERE c.{field} IS NOT coalesce((SELECT e.new "  # noqa: S608
            f"FROM label_events e WHERE e.tweet = c.tweet AND e.field = '{field}' "
            f"ORDER BY e.id DESC LIMIT 1), {0 if field not in ('label', 'note') else 'NULL'})"
        ).fetchone()[0]
        if drifted:
            problems.append(f"{drifted} tweets have a {field} that their history does not give.")
    drifted = store.db.execute(
        "SELECT count(*) FROM current c WHERE c.gold IS NOT (SELECT e.new FROM label_events e "
        "JOIN actions a ON a.id = e.action WHERE e.tweet = c.tweet AND a.kind = 'gold import')"
    ).fetchone()[0]
    if drifted:
        problems.append(f"{drifted} tweets have a gold label that no import gave them.")
    actual = store.db.execute(
        f"SELECT count(*), count(c.label), coalesce(sum({CORRECTED}), 0), "  # noqa: S608
        "coalesce(sum(c.excluded), 0), coalesce(sum(c.review), 0), coalesce(sum(c.ambiguous), 0) "
        "FROM current c"
    ).fetchone()
    kept = dict(store.db.execute("SELECT name, value FROM counts"))
    for name, number in zip(COUNTED, actual, strict=True):
        if kept.get(name, 0) != number:
            problems.append(f"The count of {name} is {kept.get(name, 0)}, but there are {number}.")
    return problems

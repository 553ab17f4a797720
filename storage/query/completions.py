"""What a filter that is being typed can go on with: the names of fields, and their values."""

from __future__ import annotations

import re

from storage.query.conditions import FLAGS, TRUTHS
from storage.query.filter_tokens import quoted
from storage.query.filters import FIELDS, SPLITS, source_column_terms
from storage.store import Store

LAST_TERM = re.compile(r'(?:^|(?<=[\s(]))-?([^\s()"]*)$')
RECENT_ACTIONS = 5_000
"""Actions in which annotators are looked for."""

FIXED = {
    "split": SPLITS,
    "flag": tuple(FLAGS),
    **dict.fromkeys((*TRUTHS, "note"), ("yes", "no")),
}
"""The values of fields that are the same in every workspace."""


def completions(store: Store, typed: str) -> list[str]:
    """The terms that the last one of a filter could become, in the order in which they are shown.

    None for the value of a field whose values are not known, such as a number.
    """
    term = last_term(typed)
    if term is None:
        return []
    name, colon, _ = term.partition(":")
    if not colon:
        names = dict.fromkeys([*FIELDS, *source_column_terms(store)])
        return [f"{each}:" for each in names if each.startswith(term.lower())]
    known = [f"{name}:{each}" for each in _values(store, name.lower())]
    return [each for each in known if each.lower().startswith(term.lower())]


def last_term(typed: str) -> str | None:
    """The term at the end of a filter, without a minus before it; None within quotes."""
    found = LAST_TERM.search(typed)
    return found[1] if found and typed.count('"') % 2 == 0 else None


def _values(store: Store, field: str) -> list[str]:
    if field in FIXED:
        return list(FIXED[field])
    names: list[str] = []
    if field in ("label", "gold", "pred"):
        names = [*store.label_ids]
    elif field == "run":
        rows = store.db.execute("SELECT id FROM runs WHERE predictions > 0 ORDER BY id DESC")
        names = [str(number) for (number,) in rows]
    elif field == "by":
        rows = store.db.execute(
            "SELECT DISTINCT annotator FROM "
            "(SELECT annotator FROM actions ORDER BY id DESC LIMIT ?)",
            [RECENT_ACTIONS],
        )
        names = sorted(name for (name,) in rows)
    found = [name if " " not in name else quoted(name) for name in names]
    return [*found, "none"] if field in ("label", "gold", "pred") else found

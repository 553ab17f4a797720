"""What a filter can ask for, as the help of the list says it."""

from __future__ import annotations

from storage.query.filters import source_column_terms
from storage.store import Store
from workbench.tui.widgets.keys import KeyHelp

MOST_NAMES = 8
"""Source columns that are named."""
LANGUAGE = (
    KeyHelp("moon -short", "words, or none of them; or, not and brackets"),
    KeyHelp('"to the moon"', r"a phrase; in quotes, \" is a quote and \\ a backslash"),
    KeyHelp("label:none", "a label, or none; gold: pred: likewise"),
    KeyHelp("conf:>0.9", "a number; margin: entropy: len: group: likewise"),
    KeyHelp("id:42", "the number of a tweet; id:42,43,57 lists several"),
    KeyHelp('id:"a 17"', "the id that the file gave a tweet"),
    KeyHelp('note:"words"', "words of a note; note:yes has one"),
    KeyHelp("split:test", "flag:review by:ana run:3"),
    KeyHelp("changed:yes", "reviewed: disagree: insample: duplicate: conflict: likewise"),
)


def filter_help(store: Store) -> list[KeyHelp]:
    """The terms of a filter with an example each, and the source columns of the workspace."""
    names = source_column_terms(store)
    shown = ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
    columns = f"a source column, of any name: {shown or 'none here'}"
    return [
        *LANGUAGE,
        KeyHelp("airline:A", "a source column of the file; >3 and none too"),
        KeyHelp('col."a name":A', columns),
    ]

"""A filter that is completed while it is typed."""

from __future__ import annotations

from storage.query.completions import completions, last_term
from storage.store import Store
from workbench.tui.widgets.path_completion import common_beginning


def completed(store: Store, typed: str) -> str:
    """The filter with its last term completed as far as there is one way to."""
    term, found = last_term(typed), completions(store, typed)
    if not term or not found:
        return typed
    end = " " if len(found) == 1 and not found[0].endswith(":") else ""
    return typed[: len(typed) - len(term)] + common_beginning(term, found) + end


def continuations(store: Store, typed: str) -> str:
    """What the last term of a filter could go on with, in a line."""
    found = completions(store, typed)
    if not found:
        return "fields end in a colon, such as label:"
    return f"tab: {' '.join(term.partition(':')[2] or term for term in found)}"

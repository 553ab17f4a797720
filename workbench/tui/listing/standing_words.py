"""What the line below the list says: what is listed, the place in it, how far the work is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.query.tweets import Counts
from workbench.tui.acting_keys import key_for
from workbench.tui.widgets.cut_text import fitted

MOST_CELLS = 40
"""Cells of a filter that are shown, as the counts stand behind it."""
BETWEEN = "   "


@dataclass(frozen=True)
class ListState:
    """A list as it stands."""

    filter: str
    order: str
    row: int
    rows: int
    marked: int
    counts: Counts
    kept: str
    notices: Sequence[str]


def describe(state: ListState, width: int) -> str:
    """What is listed, in as many words as there is room for; notices go before counts."""
    place = f"{state.row + 1:,} of {state.rows:,}" if state.rows else "0 of 0"
    more = 0 if state.filter or state.order else state.counts.tweets - state.rows
    place += f" and {more:,} since ({key_for('filter')} ↵ lists all)" if more > 0 else ""
    parts = [f" ▸ {shortened(state.filter)}" if state.filter else " ▸ all", place]
    parts += [f"{state.marked:,} marked"] if state.marked else []
    parts += [state.order] if state.order else []
    done = [f"{state.counts.corrected:,} fixed" if state.counts.corrected else ""]
    done += [f"{state.kept} kept" if state.kept != "0" else ""]
    parts += [" · ".join(filter(None, done))] if any(done) else []
    parts += state.notices
    unlabelled = state.counts.tweets - state.counts.labelled
    parts += [f"{unlabelled:,} without a label"] if unlabelled else []
    text = BETWEEN.join(parts)
    return fitted(text, width)


def shortened(text: str) -> str:
    """A filter, cut with a sign where it is long, such as one that lists ids."""
    return fitted(text, MOST_CELLS)

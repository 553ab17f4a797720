"""How often a suspect that somebody reviewed was wrong indeed."""

from __future__ import annotations

from typing import Any

from storage.history.suggestions import reviewed_suspects
from storage.store import Store
from workbench import figures
from workbench.analysis.measures.shares import share

LAST_REVIEWS = 20


def review_precision(store: Store) -> dict[str, Any]:
    """How many of the suspects that were reviewed last were wrong, with the interval of Wilson."""
    wrong, reviewed = reviewed_suspects(store, LAST_REVIEWS)
    found = share(wrong, reviewed)
    shown = figures.interval(found.value, found.low, found.high)
    sentence = (
        f"{wrong:,} of the last {reviewed:,} that were reviewed were wrong: {shown}."
        if reviewed
        else "None has been reviewed yet, so how many are wrong is not known."
    )
    return {
        "wrong": wrong,
        "reviewed": reviewed,
        "share": found.value,
        "low": found.low,
        "high": found.high,
        "sentence": sentence,
    }

"""A run that is offered beside the one that is shown, in a sentence, and the keys that answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.screen import Screen

from workbench import figures
from workbench.tui.acting_keys import key_for
from workbench.tui.key_names import bindings_of
from workbench.tui.widgets.keys import key

TAKE = key("o", "app.take_offer", "show the predictions of the run that is offered")
LEAVE = key("O", "app.leave_offer", "leave the run that is offered")


@dataclass(frozen=True)
class Offer:
    """The names of the new run and of the shown one, by number, and their evaluations.

    These are empty where the runs have none on the same split.
    """

    names: Mapping[int, str]
    reports: Sequence[Mapping[str, Any]]

    def sentences(self, screen: type[Screen[Any]]) -> Sequence[str]:
        """Sentences that offer the run on a screen, of which one is to be said, longest first."""
        measured = [
            figures.metric(each) + figures.stale_mark(each) if each else "" for each in self.reports
        ]
        numbers = [f"run {number}" for number in self.names]
        named, numbered = (
            [": ".join(filter(None, pair)) for pair in zip(which, measured, strict=True)]
            for which in (self.names.values(), numbers)
        )
        counted = " and ".join(
            dict.fromkeys(f"{report['n']:,} {report['split']}" for report in self.reports if report)
        )
        on = f" on {counted} tweets" if counted else ""
        keys, brief_keys = _keys(screen, numbers[0])
        return (
            f"{'; shown is '.join(named)}{on}; {keys}",
            f"{'; shown is '.join(numbered)}{on}; {keys}",
            f"{'; shown is '.join(numbered)}; {keys}",
            f"{', shown: '.join([numbered[0], *filter(None, measured[1:])])}; {brief_keys}",
        )


def _keys(screen: type[Screen[Any]], run: str) -> tuple[str, str]:
    """The keys that answer an offer on a screen, at length and in brief."""
    take, leave = key_for("take_offer"), key_for("leave_offer")
    actions = {binding.id for binding in bindings_of(screen)}
    if TAKE.id in actions:
        return f"{take} shows {run}, {leave} leaves it", f"{take} shows, {leave} leaves it"
    if LEAVE.id in actions:  # where the first key shows the run under the cursor
        show = f"{key_for('show')} on its line"
        return f"{show} shows {run}, {leave} leaves it", f"{show} shows it"
    browse = key_for("place_browse")
    return (
        f"in Browse {take} shows {run}, {leave} leaves it",
        f"{browse}, then {take}, shows it",
    )

"""The comparison of two runs, which follows the cursor in the list of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from textual import work
from textual.message import Message
from textual.timer import Timer

from storage.errors import UserError
from storage.runs.runs import Run
from workbench import escaping, kept_analyses
from workbench.runs.description import describe_recipe
from workbench.tui.examining.against import against_content
from workbench.tui.examining.changes import changes_content
from workbench.tui.host import host
from workbench.tui.widgets.line_list import Content, Line, LineList, line

ALONE = "there is no other run to compare with"
WORKING = "being worked out…"
FLIPS_AFTER = 0.8
"""Seconds after which what flipped follows the comparison: its texts are most of what is sent."""


class RunComparison(LineList):
    """What is kept is shown at once; what is not, or is stale, a command works out."""

    class Drawn(Message):
        """There are other lines, here and in the list beside it."""

    _run: Run | None = None
    _pair: tuple[Run, Run] | None = None
    _found: Mapping[str, Any] | None = None
    _flips: LineList | None = None
    _asked_for: Sequence[int] = ()
    """The pair whose comparison is being worked out, or could not be."""
    _text = _aside = ""
    _flipped = Content("", ())
    """What is to be shown beside it, at once or when the cursor has rested for longer."""
    _flips_of: Sequence[int] | None = None
    """The pair whose flips are shown."""
    _follow: Timer | None = None

    def compare(self, run: Run | None, pair: tuple[Run, Run] | None, flips: LineList) -> None:
        """Tell of a run, and compare the second with the first; flips stand in a list beside it."""
        before, self._pair, self._flips, self._run = _numbers(self._pair), pair, flips, run
        if before != _numbers(pair):
            self.workers.cancel_group(self, "compare")
            self._asked_for = ()
        if pair is None:
            self._say(ALONE, "")
            return
        first, second = pair
        kept = kept_analyses.kept(host(self).store, kept_analyses.comparison(first.id, second.id))
        if kept is not None and not kept.stale:
            self._found, self._aside = kept.result, ""
            self.draw()
        elif not all(run.predictions for run in pair):
            without = next(run for run in (second, first) if not run.predictions)
            self._say(f"Run {without.id} ({without.state}) has no predictions to compare.", "")
        elif kept is not None:
            self._found, self._aside = kept.result, f"stale, {WORKING}"
            self.draw()
            self._work_out(first.id, second.id)
        elif self._asked_for != _numbers(pair):  # a run may have got its predictions meanwhile
            self._say(WORKING, "")
            self._work_out(first.id, second.id)

    def on_resize(self) -> None:
        """Lay the lines out for the new size."""
        super().on_resize()
        self.draw()

    @work(group="compare", exclusive=True)
    async def _work_out(self, first: int, second: int) -> None:
        self._asked_for = [first, second]
        try:
            found = await host(self).command("compare", str(first), str(second), "--json")
        except UserError as error:
            self._say(str(error), "")
            return
        if found:
            self._found, self._aside = found, ""
            self.draw()
        else:
            self._say("The comparison came to nothing.", "")

    def _say(self, text: str, aside: str) -> None:
        self._found, self._text, self._aside = None, text, aside
        self.draw()

    def draw(self) -> None:
        """Lay out what is known for the room that there is."""
        if self._flips is None:
            return
        if self._found is None:
            lines, self._flipped = self._wrapped(self._text), Content("FLIPPED", ())
            title = self._title_text
        else:
            made = against_content(self._found, self._title_text, self.size.width, self.size.height)
            title, lines = made.title, [*made.lines]
            first, second = _numbers(self._pair)
            self._flipped = changes_content(self._found, f"FLIPPED {second} against {first}")
        self.show(Content(title, [*self._reason(), *lines], aside=self._aside))
        if self._flips_of in (None, _numbers(self._pair)) or self._flips.active:
            self.show_flips()
        elif self._follow is None:
            self._follow = self.set_timer(FLIPS_AFTER, self.show_flips)
        else:
            self._follow.reset()

    def show_flips(self) -> None:
        """Show what flipped without waiting any longer."""
        if self._follow is not None:
            self._follow.stop()
            self._follow = None
        if self._flips is not None:
            self._flips_of = _numbers(self._pair)
            self._flips.show(self._flipped)
            self.post_message(self.Drawn())

    @property
    def settles(self) -> bool:
        """Whether something is still to follow the cursor."""
        return super().settles or self._follow is not None

    def _reason(self) -> list[Line]:
        """Why the run under the cursor is as it is, whole."""
        reason = "" if self._run is None else self._run.reason
        return self._wrapped(f"Run {self._run.id}: {reason}") if self._run and reason else []

    def _wrapped(self, text: str) -> list[Line]:
        width = max(20, self.size.width - 3)
        return [line(f"  {part}", "dim") for part in wrap(escaping.line(text), width)]

    @property
    def _title_text(self) -> str:
        if self._pair is None:
            return "COMPARED"
        first, second = (
            f"{'★ ' if run.promoted else ''}{run.id} {describe_recipe(run.kind, run.recipe)}"
            for run in self._pair
        )
        return escaping.line(f"{second}  against  {first}")


def _numbers(pair: tuple[Run, Run] | None) -> list[int]:
    return [run.id for run in pair or ()]

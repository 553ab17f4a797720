"""The boxes of the place of the errors: what is in each, and how large it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.cells import cell_len, set_cell_size

from storage.runs.runs import Run
from workbench import escaping, figures
from workbench.comparison_figures import shown_to_be
from workbench.runs.description import describe_recipe
from workbench.tui.acting_keys import key_for
from workbench.tui.examining.certainty import certainty_content
from workbench.tui.examining.changes import changes_content
from workbench.tui.examining.confusions import confusion_content
from workbench.tui.examining.findings import (
    CALIBRATION,
    CHANGE_SLICES,
    COMPARISON,
    COVERAGE,
    EVALUATION,
    SLICES,
    Finding,
    Subject,
)
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.examining.slices import slices_content
from workbench.tui.widgets.line_list import Content, Stop, line

MATRIX, SURE, KINDS, CHANGES = "errors-matrix", "errors-sure", "errors-slices", "errors-changes"
BOXES = (MATRIX, SURE, KINDS, CHANGES)
"""The boxes in the order in which tab goes through them."""
TITLES = {
    MATRIX: "GIVEN against WHAT THE MODEL SAYS",
    SURE: "SURE → RIGHT",
    KINDS: "SLICES",
    CHANGES: "FIXED AND BROKEN",
}
SHOWS = {
    MATRIX: (EVALUATION,),
    SURE: (CALIBRATION, COVERAGE),
    KINDS: (SLICES, EVALUATION),
    CHANGES: (COMPARISON, CHANGE_SLICES),
}
"""The analyses that each box shows."""
WORKING = "being worked out…"
STALE = "stale"
BETWEEN = 2
"""Cells between two texts at the ends of a line."""
MOST_ROWS = 9
"""Rows of the matrix on a small screen; what is more scrolls."""


@dataclass(frozen=True)
class View:
    """What is known of a run when the boxes are laid out."""

    run: Run
    subject: Subject
    findings: Mapping[str, Finding]
    awaited: frozenset[str]


def about(run: Run, subject: Subject, findings: Mapping[str, Finding], width: int) -> str:
    """The line that says whose errors these are, and at its right how to look at others."""
    text = f" run {run.id} {describe_recipe(run.kind, run.recipe)}"
    found = findings.get(EVALUATION)
    keys, versus, macro_f1 = f"{key_for('split')} split ", "", ""
    if found is None or found.problem:
        text += f" · {subject.split} tweets"
    else:
        report = found.result
        text += f" · {report['n']:,} {subject.split} tweets · accuracy {figures.metric(report)}"
        text += f" stale: {found.stale}, {key_for('work_out')} works it out" if found.stale else ""
        macro_f1 = f" · macro F1 {figures.metric(report, 'macro_f1')}"
    if subject.versus is not None:
        versus = f"{key_for('versus')} versus run {subject.versus} "
        keys = f"{key_for('examine')} other run  {keys} {versus}"
    text = escaping.line(text)
    whole = text + macro_f1  # the keys are named below too, and the other run in its box
    ways = ((whole, keys), (whole, versus), (whole, ""), (text, keys))
    fitting = (way for way in ways if cell_len("".join(way)) + BETWEEN <= width)
    return _both_ends(*next(fitting, ways[-1]), width)


def contents(view: View, widths: Mapping[str, int]) -> dict[str, Content]:
    """What each box shows at its width."""
    return {box: _content(view, box, widths[box]) for box in BOXES}


def nothing() -> dict[str, Content]:
    """The boxes before there is a run."""
    return {box: Content(TITLES[box], ()) for box in BOXES}


def _content(view: View, box: str, width: int) -> Content:
    judged = view.findings.get(EVALUATION)
    if judged is not None and judged.problem and box != MATRIX:
        return Content(TITLES[box], ())  # the matrix says why there is nothing
    found = {name: view.findings.get(name) for name in SHOWS[box]}
    wanted = [each for name, each in found.items() if name != CHANGE_SLICES]
    problem = next((each.problem for each in wanted if each and each.problem), "")
    if problem:
        return Content(TITLES[box], [line(f"  {problem}", "dim")])
    stale = next((each.stale for each in found.values() if each and each.stale), "")
    waits = not view.awaited.isdisjoint(SHOWS[box])
    known = {name: each.result for name, each in found.items() if each is not None}
    if SHOWS[box][0] not in known or (box == KINDS and EVALUATION not in known):
        return Content(TITLES[box], [line(f"  {WORKING if waits else 'not known yet'}", "dim")])
    if box == MATRIX:
        made = confusion_content(view.run, view.subject.split, known[EVALUATION], width)
    elif box == SURE:
        coverage = known.get(COVERAGE, {})
        made = certainty_content(view.run, view.subject.split, known[CALIBRATION], coverage, width)
    elif box == KINDS:
        split, whole = view.subject.split, known[EVALUATION]
        made = slices_content(view.run, split, known[SLICES], whole, width)
    else:
        made = changes_content(known[COMPARISON], slices=known.get(CHANGE_SLICES))
    if waits:
        return replace(made, aside=WORKING)
    return replace(made, aside=STALE) if stale else made


def grid_rows(matrix: Content, alone: bool, narrow: bool) -> str:
    """The heights of the rows of boxes; that of what changed is low where a run stands alone."""
    if not narrow:
        return "13 1fr 1fr"
    rows = min(MOST_ROWS, 1 + len(matrix.heads) + max(2, len(matrix.lines)))
    return f"{rows} 1fr {'3' if alone else '1fr'}"


def status(
    here: Stop | None, comparison: Finding | None, subject: Subject | None, width: int
) -> str:
    """What is under the cursor, and at the right whether the other run is better."""
    left = ""
    if here is not None:
        opened = here.opens
        left = opened.what if isinstance(opened, OpenedTweets) else f"{here.name}: no tweets"
        left = f" ▸ {left}"
    right = ""
    if comparison is not None and subject is not None and comparison.result:
        right = f"{_told_apart(subject, comparison.result)} "
    return _both_ends(escaping.line(left), right, width)


def _told_apart(subject: Subject, comparison: Mapping[str, Any]) -> str:
    """Whether a run is better or worse than the other, as far as the tweets tell."""
    change, p = comparison["difference"], comparison["mcnemar"]["p"]
    how = shown_to_be(change["accuracy"], change["low"], change["high"], p)
    if how:
        return f"run {subject.run} is {how} than run {subject.versus}, {figures.p_value(p)}"
    return f"runs {subject.versus} and {subject.run} not told apart, {figures.p_value(p)}"


def run_choices(known: Sequence[Run], subject: Subject | None) -> list[tuple[str, str]]:
    """Runs to choose from, each with its accuracy on the split that is looked at."""
    split = "test" if subject is None else subject.split
    choices = []
    for run in known:
        report = (run.metrics or {}).get(split)
        accuracy = f"  {figures.accuracy(report, split)}" if report else ""
        star = " ★" if run.promoted else ""
        recipe = describe_recipe(run.kind, run.recipe)
        choices.append((str(run.id), escaping.line(f"{recipe}{star}{accuracy}")))
    return choices


def _both_ends(left: str, right: str, width: int) -> str:
    """Two texts at the ends of a line; the right one is left out where there is no room."""
    room = width - cell_len(left) - cell_len(right)
    if room < BETWEEN:
        fits = cell_len(left) <= width
        return left if fits else set_cell_size(left, max(0, width - 1)) + "…"
    return left + " " * room + right

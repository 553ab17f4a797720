"""What a run fixed and broke against another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import escaping
from workbench.tui.examining.opened_tweets import listed
from workbench.tui.widgets.line_list import Content, Line, Part, Stop
from workbench.tui.widgets.rows import columns

MOST_ROWS = 2_000
MOST_SLICES = 2
"""Slices of what was broken, and of what was fixed."""
TONES = {"fixed": "good", "broken": "differs", "still wrong": "dim"}


def changes_content(
    found: Mapping[str, Any], title: str = "", slices: Mapping[str, Any] | None = None
) -> Content:
    """The tweets that two runs answer differently; each opens in the list of its kind.

    Above them stand the slices in which more was broken or fixed than elsewhere.
    """
    first, second = (run["id"] for run in found["runs"])
    test, flips = found["mcnemar"], found["flips"]
    short = columns([flip[side] for flip in flips for side in ("first", "second")]).short
    by_kind: dict[str, list[int]] = {}
    for flip in flips:
        by_kind.setdefault(flip["kind"], []).append(flip["id"])
    numbers = max((len(str(flip["id"])) for flip in flips), default=1)
    lines: list[Line] = []
    stops: list[Stop] = []
    for kind in ("broken", "fixed"):
        for row in (slices or {}).get(kind, {}).get("slices", ())[:MOST_SLICES]:
            name, told = escaping.line(row["name"]), f"{row['events']:,} of {row['n']:,}"
            what = f"{row['events']:,} {kind} of the slice {row['name']}"
            stops.append(Stop(what, len(lines), 0, listed(second, row["tweets"], what)))
            lines.append((Part(f"  {kind:<12}", TONES[kind]), Part(f"{told} where {name}", "bold")))
    for row, flip in enumerate(flips[:MOST_ROWS], start=len(lines)):
        kind, same = flip["kind"], by_kind[flip["kind"]]
        what = f"{len(same):,} {kind} by run {second} against run {first}"
        change = f"{short[flip['first']]}→{short[flip['second']]}"
        number = f"#{flip['id']}".ljust(numbers + 1)
        text = escaping.line(flip["text"])
        lines.append((Part(f"  {kind:<12}", TONES[kind]), Part(f"{number}  {change}  {text}")))
        opens = listed(second, same, what, flip["id"])
        stops.append(Stop(f"{kind} {flip['id']}", row, 0, opens))
    counts = f"{test['fixed']:,} fixed · {test['broken']:,} broken"
    if not title:
        title, counts = f"SINCE RUN {first}", f"{counts} · {test['both_wrong']:,} wrong in both"
    return Content(f"{title}  {counts}", lines, stops)

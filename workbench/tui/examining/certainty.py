"""How sure a run is and how often it is right then; how much it answers well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.plurals import tweet_count
from storage.runs.runs import Run
from workbench.figures import probability
from workbench.judged_filters import judged_filter
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.widgets.line_list import Content, Line, Part, Stop, line

SIGNS = {"too sure": "▼", "too unsure": "▲", "": " "}
SAID = "┃"
SHARES = (0.8, 0.5, 0.2)
"""The shares of the tweets whose accuracy is told, those first that the run is surest of."""
WIDE = 46
"""Columns from which the number of tweets and the verdict in words have room."""


@dataclass
class _Lines:
    lines: list[Line]
    stops: list[Stop]

    def add(self, parts: Line, name: str, opens: OpenedTweets) -> None:
        self.stops.append(Stop(name, len(self.lines), 0, opens))
        self.lines.append(parts)


def certainty_content(
    run: Run,
    split: str,
    calibration: Mapping[str, Any],
    coverage: Mapping[str, Any],
    width: int,
) -> Content:
    """The bins of the calibration, and below them how accurate the surest answers are."""
    found = _Lines([], [])
    judged = f"{judged_filter(run, split)} -label:none"
    if calibration:
        _add_bins(found, calibration, judged, width)
    if coverage:
        _add_coverage(found, coverage, judged, width)
    legend = f"{SAID} said  █ was right" if width >= WIDE else ""
    return Content("SURE → RIGHT", found.lines, found.stops, aside=legend)


def _add_bins(found: _Lines, report: Mapping[str, Any], judged: str, width: int) -> None:
    bins = report["bins"]
    for at, each in enumerate(bins):
        said = _confidence(each["confidence"])
        conditions = [f"conf:>={_below(each['lowest'])}"]
        if at + 1 < len(bins):
            conditions.append(f"conf:<{_below(bins[at + 1]['lowest'])}")
        what = f"{tweet_count(each['n'])} of which the model is about {said} sure"
        parts = [Part(f"  {said:<5}"), *_measured(each, width, each["confidence"])]
        if each["off"]:
            words = f" {each['off']}" if width >= WIDE else ""
            parts.append(Part(f"  {SIGNS[each['off']]}{words}", "differs"))
        name = f"bin {at}"
        found.add(tuple(parts), name, OpenedTweets(" ".join([judged, *conditions]), what))
    found.lines.append(line(_verdict(report, width >= WIDE), "dim"))


def _verdict(report: Mapping[str, Any], wide: bool) -> str:
    """The calibration error, and the temperature that was seen to lower it, if there is one."""
    verdict = f"  off by {probability(report['ece'])}{' on average' if wide else ''}"
    if report["temperature"] is None:
        return verdict
    left = probability(report["scaled"]["ece"])
    if report["temperature_reason"]:
        return f"{verdict}; no temperature mends it" if wide else verdict
    if not wide:
        return f"{verdict}, rescaled {left}"
    return f"{verdict}; temperature {report['temperature']:.1f} brings it to {left}"


def _add_coverage(found: _Lines, report: Mapping[str, Any], judged: str, width: int) -> None:
    found.lines.append(line("  the surest", "dim"))
    for share, point in _nearest(report["points"]):
        what = f"the {point['n']:,} tweets of which the model is surest"
        parts = (Part(f"  {share:<5}"), *_measured(point, width, None))
        opened = OpenedTweets(f"{judged} conf:>={_below(point['threshold'])}", what)
        found.add(parts, f"surest {share}", opened)
    wanted = report.get("wanted")
    if wanted is not None:
        goal, point = f"{100 * wanted['accuracy']:.0f} %", wanted["point"]
        if point is None:
            found.lines.append(line(f"  never {goal} right, however sure", "dim"))
        else:
            surest = f"{100 * point['coverage']:.0f} % ({point['n']:,})"
            text = f"  {goal} right: the surest {surest}, from {_confidence(point['threshold'])}"
            what = f"the {point['n']:,} tweets that are answered {goal} right"
            opened = OpenedTweets(f"{judged} conf:>={_below(point['threshold'])}", what)
            found.add((Part(text),), "wanted", opened)


def _nearest(points: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The points of the curve that are nearest to the shares that are told."""
    seen: list[int] = []
    for share in SHARES:
        point = min(points, key=lambda each: abs(each["coverage"] - share))
        if point["n"] not in seen:
            seen.append(point["n"])
            yield f"{100 * point['coverage']:.0f} %", point


def _measured(of: Mapping[str, Any], width: int, said: float | None) -> Iterator[Part]:
    """How often it was right as a bar and a figure, and of how many tweets."""
    cells = max(4, min(20, width - 34 if width >= WIDE else width - 20))
    filled = round(of["accuracy"] * cells)
    bar = ["█"] * filled + ["·"] * (cells - filled)
    if said is not None:
        bar[min(cells - 1, round(said * cells))] = SAID
    yield Part(f" {''.join(bar)} ")
    yield Part(f"{100 * of['accuracy']:3.0f} %")
    if width >= WIDE:
        yield Part(f"  n {of['n']:<5,}", "dim")


def _confidence(value: float) -> str:
    """A confidence, with a digit more where two round it to 1."""
    return probability(value) if value < 0.995 else f"{min(value, 0.999):.3f}"[1:]


def _below(confidence: float) -> str:
    """A confidence as a bound of a filter, rounded down so that it passes itself."""
    return f"{int(confidence * 1e6) / 1e6:.6f}"

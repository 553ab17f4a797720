"""What is known of the errors of a run: what is kept, and the commands that make the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.runs import runs
from storage.runs.displayed_run import promoted_run
from storage.store import Store
from workbench import kept_analyses

BINS = 5
"""Bins of the calibration: as many as a small terminal has rows for."""
WANTED = 0.95
"""The accuracy for which it is asked how many tweets a run answers that well."""
EVALUATION, COMPARISON, CALIBRATION, COVERAGE, SLICES, CHANGE_SLICES = (
    "evaluation",
    "comparison",
    "calibration",
    "coverage",
    "slices",
    "slices of what changed",
)
ANALYSES = (EVALUATION, COMPARISON, CALIBRATION, COVERAGE, SLICES, CHANGE_SLICES)
"""The analyses, what is asked for first before the others."""


@dataclass(frozen=True)
class Subject:
    """Whose errors are looked at, on which tweets, and against which other run."""

    run: int
    split: str = "test"
    versus: int | None = None


@dataclass(frozen=True)
class Finding:
    """The result of an analysis, or why there is none."""

    result: Mapping[str, Any] = field(default_factory=dict)
    stale: str = ""
    """Why it no longer stands, such as `labels have changed since`."""
    problem: str = ""


def read_finding(store: Store, subject: Subject, analysis: str) -> Finding | None:
    """An analysis as it is kept; None if it was not made yet."""
    run, split = subject.run, subject.split
    if analysis == EVALUATION:
        report = runs.evaluation(store, run, split)
        if report is None or "confusion" not in report:
            return None
        stale = (runs.get(store, run).metrics or {})[split]["stale"]
        return Finding(report, "labels have changed since" if stale else "")
    if analysis in (COMPARISON, CHANGE_SLICES) and subject.versus is None:
        return Finding(problem="There is no other run to compare with.")
    keys = {
        COMPARISON: kept_analyses.comparison(subject.versus or 0, run, split),
        CALIBRATION: kept_analyses.calibration(run, split, BINS),
        COVERAGE: kept_analyses.coverage(run, split, WANTED),
        SLICES: kept_analyses.slices(run, split),
        CHANGE_SLICES: kept_analyses.change_slices(run, subject.versus or 0, split),
    }
    kept = kept_analyses.kept(store, keys[analysis])
    return None if kept is None else Finding(kept.result, kept.stale)


def command(subject: Subject, analysis: str) -> list[str]:
    """The command that makes an analysis."""
    run = str(subject.run)
    arguments = {
        EVALUATION: ["evaluate", run],
        COMPARISON: ["compare", str(subject.versus), run],
        CALIBRATION: ["calibration", run, "--bins", str(BINS)],
        COVERAGE: ["coverage", run, "--accuracy", str(WANTED)],
        SLICES: ["slices", run],
        CHANGE_SLICES: ["slices", run, "--versus", str(subject.versus)],
    }
    return [*arguments[analysis], "--split", subject.split, "--json"]


def other_run(store: Store, run: int) -> int | None:
    """The run to compare with: the promoted one, else the one before, else any other."""
    promoted = promoted_run(store)
    known = [other for other in runs.every(store, metrics=False) if other.id != run]
    if promoted in [other.id for other in known if other.predictions]:
        return promoted
    others = [other.id for other in runs.comparable(known)]
    before = [number for number in others if number < run]
    return next(iter(before or others), None)

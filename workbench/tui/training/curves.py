"""Curves of a run and of others in the same frame: loss by step, accuracy on the dev tweets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.runs import runs
from storage.runs.runs import Run
from storage.store import Store
from workbench.figures import probability
from workbench.tui.charts.axes import Axis, axis_for, fall_axis, step_axis
from workbench.tui.charts.chart import Curve, Frame, Level, Line, Mark, chart_lines
from workbench.tui.charts.course import Course
from workbench.tui.run_progress import Points, RunProgress

OWN_SIGN, OWN_TONE = "■", "own"
OTHERS = (("▲", ""), ("◆", "dim"), ("●", "dim"))
"""The signs and tones of the runs beside it."""
MOST_OTHERS = len(OTHERS)
ROOM = 0.04
"""What is left free above and below accuracies."""


@dataclass(frozen=True)
class OtherRun:
    """The curves of a run that another one is compared with."""

    id: int
    loss: Points
    dev: Points


@dataclass(frozen=True)
class Reference:
    """The accuracy of the promoted run on dev tweets, and of whoever says the same of all."""

    promoted: int | None = None
    accuracy: float | None = None
    n: int | None = None
    """Of how many dev tweets that accuracy is."""


def other_run(store: Store, run: int) -> OtherRun:
    """The curves of a run as the store has them."""
    courses = []
    for name in ("loss", "dev_accuracy"):
        course = Course()
        for step, value in runs.metrics(store, run, name):
            course.add(step, value)
        courses.append(course.points)
    return OtherRun(run, courses[0], courses[1])


def others_to_compare(known: Sequence[Run], run: int, marked: int | None) -> list[int]:
    """The runs whose curves are shown beside one: the marked, the promoted and earlier ones."""
    trained = [other for other in known if other.id != run and other.kind == "qlora"]
    wanted = [
        *(other.id for other in trained if other.id == marked),
        *(other.id for other in trained if other.promoted),
        *(other.id for other in trained if other.id < run),
        *(other.id for other in trained),
    ]
    return list(dict.fromkeys(wanted))


def reference(store: Store, promoted: int | None) -> Reference:
    """The level of the promoted run: on dev as it was when its adapter was kept."""
    if promoted is None:
        return Reference()
    accuracies = dict(runs.metrics(store, promoted, "dev_accuracy"))
    counts = dict(runs.metrics(store, promoted, "dev_n"))
    if accuracies:
        best = runs.metrics(store, promoted, "dev_best_step")
        kept = best[-1][1] if best and best[-1][1] in accuracies else max(accuracies)
        n = counts.get(int(kept))
        return Reference(promoted, accuracies[int(kept)], None if n is None else int(n))
    report = (runs.get(store, promoted).metrics or {}).get("dev")
    if report is None or report.get("stale"):
        return Reference()
    return Reference(promoted, report["accuracy"], report.get("n"))


class CurveFrames:
    """The frames of both charts, which change only when a point leaves them or they are resized."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[int, int], Axis]] = {}

    def loss(
        self, size: tuple[int, int], progress: RunProgress, others: Sequence[OtherRun]
    ) -> list[Line]:
        """The lines of the chart of the loss."""
        courses = [*(other.loss for other in others), progress.courses.loss]
        values = [value for course in courses for _, value in course]
        frame = self._frame("loss", size, values, _steps(progress, courses))
        curves = [
            Curve(other.loss, tone, sign)
            for other, (sign, tone) in zip(others, OTHERS, strict=False)
        ]
        own = Curve(progress.courses.loss, OWN_TONE, OWN_SIGN if others else "")
        return chart_lines(frame, [*curves, own])

    def dev(
        self,
        size: tuple[int, int],
        progress: RunProgress,
        others: Sequence[OtherRun],
        against: Reference,
    ) -> list[Line]:
        """The lines of the chart of the accuracy on dev tweets."""
        levels = list(_levels(progress, against))
        courses = [*(other.dev for other in others), progress.courses.dev]
        values = [value for course in courses for _, value in course]
        values += [level.y for level in levels]
        frame = self._frame("dev", size, values, _steps(progress, courses))
        marks = [
            Mark(step, value, sign, tone=tone)
            for other, (sign, tone) in zip(others, OTHERS, strict=False)
            for step, value in other.dev
        ]
        return chart_lines(frame, marks=[*marks, *_own_marks(progress)], levels=levels)

    def _frame(self, name: str, size: tuple[int, int], values: list[float], steps: int) -> Frame:
        width, height = size
        kept_size, before = self._kept.get(name, (size, None))
        most = max(2, height // 3)
        axis = None if kept_size != size else before
        if name == "loss":
            axis = fall_axis(values, most, axis)
        elif axis is None or not all(map(axis.holds, values)):
            room = [min(values, default=0.5) - ROOM, max(values, default=0.9) + ROOM]
            axis = axis_for([*values, *room], most, within=(0.0, 1.0))
        self._kept[name] = size, axis
        return Frame(width, height, step_axis(steps, max(2, width // 9)), axis)


def _steps(progress: RunProgress, courses: Sequence[Points]) -> int:
    ends = [int(course[-1][0]) for course in courses if course]
    return max([progress.state.steps, progress.state.step, *ends])


def _levels(progress: RunProgress, against: Reference) -> Iterator[Level]:
    if (majority := progress.data.get("majority")) is not None:
        yield Level(majority, f"majority {probability(majority)}")
    if against.accuracy is not None and against.promoted != progress.run:
        n = progress.dev.get("n", progress.data.get("dev"))
        others = f" of {against.n:,} others" if against.n and n and against.n != n else ""
        yield Level(
            against.accuracy, f"run {against.promoted} ★ {probability(against.accuracy)}{others}"
        )


def _own_marks(progress: RunProgress) -> Iterator[Mark]:
    """The accuracies of the run, with figures at the last one and at the one that is kept."""
    points = progress.courses.dev
    best = progress.dev.get("best_step")
    for at, (step, value) in enumerate(points):
        text = ""
        if step == best:
            text = f"{probability(value)} lowest loss"
        elif at == len(points) - 1:
            text = probability(value)
        yield Mark(step, value, OWN_SIGN, text, OWN_TONE)

"""What a run was thought to take before it began, and what its first steps say of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.rundir import folder as run_folder
from workbench.rundir import schema

EVENT = "estimate"
FIRST_STEPS = 5
"""Steps after which the time of a step is known well enough; a tenth of them in a short run."""


@dataclass(frozen=True)
class Estimate:
    """Seconds from the start of a run to its predictions, as thought before it began."""

    seconds: float
    step_s: float
    """Of one step."""
    after_s: float
    """After the last step, for saving and scoring."""
    source: str


@dataclass(frozen=True)
class Expected:
    """What the log of a run has said so far of the time that it takes."""

    first: Estimate | None = None
    revised: float | None = None
    """Seconds in all, as the first steps say."""

    def taking(self, values: dict[str, Any]) -> Expected:
        """The same after another line of the log, which may come from anywhere."""
        if values.get("event") != EVENT or (seconds := _seconds(values, "seconds")) is None:
            return self
        if "before" in values:
            return replace(self, revised=seconds)
        step_s, after_s = (_seconds(values, name) or 0.0 for name in ("step_s", "after_s"))
        return replace(self, first=Estimate(seconds, step_s, after_s, values.get("source", "")))

    def left(self, steps_left: int, training_left_s: float) -> float:
        """Seconds until the predictions are there, from those until the last step.

        What comes after it was estimated together with the steps, and is off by as much.
        """
        if self.first is None or not self.first.step_s or not steps_left:
            return training_left_s
        off = training_left_s / steps_left / self.first.step_s
        return training_left_s + self.first.after_s * off


def note(folder: Path, estimate: Estimate) -> None:
    """Write an estimate into the log of a run that is about to begin."""
    run_folder.append_log(
        folder,
        EVENT,
        seconds=estimate.seconds,
        step_s=estimate.step_s,
        after_s=estimate.after_s,
        source=estimate.source,
    )


class Log:
    """Reads what a log says of the time, each line once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset = 0
        self._expected = Expected()

    def read(self) -> Expected:
        """What it has said by now."""
        for values, after in run_folder.read_log(self._folder, self._offset):
            self._offset = after
            self._expected = self._expected.taking(values)
        return self._expected


class Revision:
    """Corrects the estimate once, when the first steps of a run are done."""

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self._begun_at: int | None = None

    def due(self, step: int, steps: int) -> bool:
        """Whether enough steps have been done to say how long all will take."""
        if self._begun_at is None:
            self._begun_at = step - 1
        known = step - self._begun_at >= max(1, min(FIRST_STEPS, steps // 10))
        return known and self.expected.first is not None and self.expected.revised is None

    def make(self, step: int, seconds: float) -> dict[str, Any]:
        """The values of the event that says so."""
        first = self.expected.first
        assert first is not None  # noqa: S101 - it is due
        self.expected = Expected(first, seconds)
        return {"seconds": seconds, "before": first.seconds, "step": step}


def _seconds(values: dict[str, Any], name: str) -> float | None:
    found = schema.number(values.get(name))
    return found if found is not None and found >= 0 else None

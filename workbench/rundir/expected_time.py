"""How long a run is expected to take: estimated before it begins, revised after its first steps."""

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
class TimeEstimate:
    """Seconds from the start of a run to its predictions, estimated before it begins."""

    seconds: float
    source: str
    """What the estimate was made from, as users read it."""
    step_s: float = 0.0
    """Seconds of one step."""
    after_s: float = 0.0
    """Seconds after the last step, for saving and scoring."""


@dataclass(frozen=True)
class ExpectedTime:
    """The estimates that are in the log of a run so far."""

    estimate: TimeEstimate | None = None
    """The one from before the run began."""
    revised: float | None = None
    """Seconds in all, calculated after the first steps."""

    def after_event(self, values: dict[str, Any]) -> ExpectedTime:
        """The expected time after another event of the log, which may be of any kind."""
        if values.get("event") != EVENT or (seconds := _seconds(values, "seconds")) is None:
            return self
        if "before" in values:
            return replace(self, revised=seconds)
        step_s, after_s = (_seconds(values, name) or 0.0 for name in ("step_s", "after_s"))
        return replace(
            self, estimate=TimeEstimate(seconds, values.get("source", ""), step_s, after_s)
        )

    def seconds_left(self, steps_left: int, training_left_s: float) -> float:
        """Seconds until the predictions are there, from the seconds until the last step.

        The time after the last step was estimated too, and is taken to be wrong by the same factor
        as that of a step.
        """
        if self.estimate is None or not self.estimate.step_s or not steps_left:
            return training_left_s
        factor = training_left_s / steps_left / self.estimate.step_s
        return training_left_s + self.estimate.after_s * factor


def log_estimate(folder: Path, estimate: TimeEstimate) -> None:
    """Write an estimate into the log of a run that is about to begin."""
    run_folder.append_log(
        folder,
        EVENT,
        seconds=estimate.seconds,
        step_s=estimate.step_s,
        after_s=estimate.after_s,
        source=estimate.source,
    )


class ExpectedTimeReader:
    """Reads the expected time of a run from its log, each line once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset = 0
        self._expected = ExpectedTime()

    def read(self) -> ExpectedTime:
        """The expected time by what is in the log now."""
        for values, after in run_folder.read_log(self._folder, self._offset):
            self._offset = after
            self._expected = self._expected.after_event(values)
        return self._expected


class EstimateRevision:
    """Revises the estimate once, when the first steps of a run are done."""

    def __init__(self, expected: ExpectedTime) -> None:
        self.expected = expected
        self._begun_at: int | None = None

    def due(self, step: int, steps: int) -> bool:
        """Whether enough steps have been done to say how long all will take."""
        if self._begun_at is None:
            self._begun_at = step - 1
        known = step - self._begun_at >= max(1, min(FIRST_STEPS, steps // 10))
        return known and self.expected.estimate is not None and self.expected.revised is None

    def event_values(self, step: int, seconds: float) -> dict[str, Any]:
        """The values of the event that says that a run takes so many seconds in all."""
        estimate = self.expected.estimate
        assert estimate is not None  # noqa: S101 - the revision is due
        self.expected = ExpectedTime(estimate, seconds)
        return {"seconds": seconds, "before": estimate.seconds, "step": step}


def _seconds(values: dict[str, Any], name: str) -> float | None:
    found = schema.finite_number(values.get(name))
    return found if found is not None and found >= 0 else None

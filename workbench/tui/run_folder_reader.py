"""Reads run folders while their runs go on."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from storage.errors import UserError
from workbench.rundir.elapsed_time import elapsed_seconds
from workbench.rundir.expected_time import ExpectedTime
from workbench.rundir.folder import LOG, newest_saved_step, read_log
from workbench.rundir.hard_tweets import HardTweet, hardest_tweets
from workbench.rundir.liveness import reconcile_state
from workbench.rundir.log_format import format_event
from workbench.rundir.schema import finite_number
from workbench.tui.charts.course import Course
from workbench.tui.run_progress import Courses, RunProgress

INTERVAL = 0.5
"""Seconds between two looks at a run folder."""
MAX_LOG_LINES = 200
MAX_LOG_BYTES = 8 * 2**20
"""Bytes at the end of a log that are read; those of 40,000 steps."""
COUNTED = ("step", "dev", "data", "scored")
"""Events of which the last one is kept."""
ELSEWHERE = ("step", "scored", "hardest")
"""Events that come often and are shown otherwise too, so that no news are lost among them."""


class RunFolderReader:
    """Reads a run folder again and again, each line of its log once."""

    def __init__(self, folder: Path, run: int) -> None:
        self.folder = folder
        self.run = run
        self._offset = 0
        self._cut = False
        self._loss, self._dev_accuracy, self._speed, self._rate = (Course() for _ in range(4))
        self._last: dict[str, dict[str, float]] = {}
        """The numbers of the last event of each kind."""
        self._hardest: tuple[HardTweet, ...] = ()
        self._lines: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self._news: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self._expected = ExpectedTime()

    def read(self) -> RunProgress:
        """What the folder says now; raises UserError if it is damaged or gone."""
        if not self.folder.is_dir():
            raise UserError(
                f"{self.folder} is missing, so nothing more is known of run {self.run}."
            )
        self._cut = self._cut or self._bytes() - self._offset > MAX_LOG_BYTES
        for values, offset in read_log(self.folder, self._offset, MAX_LOG_BYTES):
            self._offset = offset
            self._take(values)
        state = reconcile_state(self.folder)
        gone = elapsed_seconds(self.folder, state)
        scored = self._last.get("scored", {})
        return RunProgress(
            self.run,
            state,
            step=self._last.get("step", {}),
            dev=self._last.get("dev", {}),
            data=self._last.get("data", {}),
            scored=(int(scored["done"]), int(scored["total"])) if "total" in scored else None,
            hardest=self._hardest,
            courses=Courses(
                *(c.points for c in (self._loss, self._dev_accuracy, self._speed, self._rate))
            ),
            lines=tuple(self._lines),
            news=tuple(self._news),
            cut=self._cut,
            saved=newest_saved_step(self.folder),
            seconds=None if gone is None else round(gone),
            expected=self._expected,
        )

    def _bytes(self) -> int:
        try:
            return (self.folder / LOG).stat().st_size
        except OSError:
            return 0

    def _take(self, values: dict[str, Any]) -> None:
        event = values["event"]
        numbers = {
            name: number
            for name, value in values.items()
            if (number := finite_number(value)) is not None
        }
        if event == "step":
            self._take_step(numbers)
        elif event == "dev" and {"step", "accuracy"} <= numbers.keys():
            self._dev_accuracy.add(numbers["step"], numbers["accuracy"])
        elif event == "hardest":
            self._hardest = hardest_tweets(values)
        if event in COUNTED:
            self._last[event] = numbers
        self._expected = self._expected.after_event(values)
        line = format_event(values)
        self._lines.append(line)
        if event not in ELSEWHERE:
            self._news.append(line)

    def _take_step(self, now: dict[str, float]) -> None:
        before = self._last.get("step", {})
        if (step := now.get("step")) is None:
            return
        for course, name in ((self._loss, "loss"), (self._rate, "learning_rate")):
            if name in now:
                course.add(step, now[name])
        seconds = now.get("at", 0.0) - before.get("at", 0.0)
        steps = step - before.get("step", step)
        if "at" in before and seconds > 0 and steps > 0:
            self._speed.add(step, steps / seconds)

"""How long the steps of a run take, and how many seconds are left by that."""

from __future__ import annotations

import time

WARM_UP = 2
"""Steps that are left out: the first one sets kernels up, and a GPU ends it in that of the next."""


class StepClock:
    """Tells the time until the last step, from the steps after the first ones."""

    def __init__(self, first: int) -> None:
        """Begin before the step after `first`."""
        self._warm_step = first + WARM_UP
        self._warm_at = 0.0

    def seconds_left(self, step: int, total: int) -> float | None:
        """Seconds from the end of a step, which is now, to the last one; None until known."""
        now = time.monotonic()
        if step == self._warm_step:
            self._warm_at = now
        if step >= total:
            return 0.0
        if step <= self._warm_step:
            return None
        return (total - step) * (now - self._warm_at) / (step - self._warm_step)

"""Garbage is looked for in small parts between keys, and in all there is while the hand rests.

A look through all that is there takes 25 ms and more, for which a key would wait; one through what
two or three keys have made takes less than one.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

RESTS_S = 2.0
"""Seconds between two looks at whether somebody has pressed a key."""
THRESHOLDS = (2_000, 10, 100)
"""After so many new objects these are looked through, after so many such looks what has stayed of
them, and after so many of those all there is, whatever somebody does."""


def begin() -> None:
    """Leave out what is there already, as that stays, and look through little at once."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


class RestingSearch:
    """Looks once after each stretch of keys, when none has come from one look to the next."""

    def __init__(self, count_inputs: Callable[[], int]) -> None:
        self._count_inputs = count_inputs
        self._before = self._searched = count_inputs()

    def look(self) -> None:
        """Look for garbage if the hand rests and has done something since the last time."""
        before, self._before = self._before, self._count_inputs()
        if before == self._before != self._searched:
            self._searched = self._before
            gc.collect()

"""Garbage is looked for while the hand rests, as a key would wait for that up to 25 ms."""

from __future__ import annotations

import gc
from collections.abc import Callable

RESTS_S = 2.0
"""Seconds between two looks at whether somebody has pressed a key."""
MOST_YOUNG = 50_000
"""So many objects more than were given up, and garbage is looked for whatever somebody does."""


def begin() -> None:
    """Leave out what is there already, as that stays, and look seldom from now on."""
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(MOST_YOUNG, *older)
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

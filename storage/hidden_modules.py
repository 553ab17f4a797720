"""Libraries that others would import if they found them, and that are not used here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Hidden:
    """An import hook for which some modules are not there."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is not asked for here", name=name)
        return None


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Have whatever is imported meanwhile do without modules that are not imported yet.

    Whoever wants them can import them afterwards.
    """
    hook = _Hidden(names)
    sys.meta_path.insert(0, hook)
    try:
        yield
    finally:
        sys.meta_path.remove(hook)

"""Keeping pyarrow from importing pandas, which takes a third of a second and is not used here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas:
    """An import hook for which there is no pandas."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not asked for here", name=name)
        return None


def forgo_pandas() -> None:
    """Have pyarrow look for pandas now, once and in vain, instead of with its first array.

    To be called where pyarrow is imported. Whoever wants pandas can import it, and turn tables of
    pyarrow into its own.
    """
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_NoPandas)

"""Keeping pyarrow from importing pandas, which takes a third of a second and is not used here."""

from __future__ import annotations

import sys

from storage.hidden_modules import hidden


def forgo_pandas() -> None:
    """Have pyarrow look for pandas now, once and in vain, instead of with its first array.

    To be called where pyarrow is imported. Whoever wants pandas can import it, and turn tables of
    pyarrow into its own.
    """
    import pyarrow as pa

    if "pandas" in sys.modules:
        return
    with hidden("pandas"):
        pa.array([])

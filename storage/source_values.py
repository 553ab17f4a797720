"""What the source columns of a tweet hold, as filters compare it."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from typing import Any

from storage.text import to_json

SCAN: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
"""Reads the value at a position."""
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def column_is(source: str, name: str, comparison: str, asked: str | float | None) -> bool:
    """Whether a source column has a value, compares to a number, or has none where None is asked.

    `source` is the JSON of a tweet. Values are the same in any case; of a list, one is enough.
    """
    return _test(name, comparison, asked)(source)


@lru_cache(maxsize=16)
def _test(name: str, comparison: str, asked: str | float | None) -> Callable[[str], bool]:
    key = f"{to_json(name)}: "
    start = len(key)
    holds = _value_test(comparison, asked)
    literal = to_json(asked).lower() if isinstance(asked, str) and asked.isascii() else ""

    def test(source: str) -> bool:
        at = source.find(key)
        if at >= 0 and source.find("{", 1) < 0:  # no object in it that may have the key too
            at += start
            if literal and source[at] == '"' and source.isascii():
                return source[at : at + len(literal)].lower() == literal
            return holds(SCAN(source, at)[0])
        if at < 0 and name not in source and "\\" not in source:
            return holds(None)
        return holds(json.loads(source).get(name))

    return test


def _value_test(comparison: str, asked: str | float | None) -> Callable[[Any], bool]:
    if asked is None:
        return lambda value: value in (None, "", [])
    if isinstance(asked, str):
        folded = asked.casefold()

        def is_same(value: Any) -> bool:
            if type(value) is str:
                return value.casefold() == folded
            if isinstance(value, list):
                return any(map(is_same, value))
            return value is not None and json.dumps(value) == folded

        return is_same
    compare = COMPARISONS[comparison]

    def compares(value: Any) -> bool:
        if isinstance(value, list):
            return any(map(compares, value))
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return False
        return isfinite(number) and compare(number, asked)

    return compares

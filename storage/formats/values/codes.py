"""Names for what a file has in place of labels, such as 0 and 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from storage.label_names import key

NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
WHOLE = re.compile(r"\+?(-?\d+)([.,]0+)?")
NO_LABEL = "none"
"""The name that means: no label."""


@dataclass(frozen=True)
class Codes:
    """The names that the user gives to codes, by the keys of the codes."""

    names: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.names)

    def has(self, value: str) -> bool:
        """Whether there is a name for a value of the file."""
        return code_of(value) in self.names

    def name(self, value: str | None) -> str | None:
        """The label that a value of the file means; None for none."""
        if value is None or (name := self.names.get(code_of(value))) is None:
            return value
        return None if key(name) == NO_LABEL else name


def codes(given: Mapping[str, str]) -> Codes:
    """Names for codes as the user writes them."""
    return Codes({code_of(code): name for code, name in given.items()})


def code_of(value: str) -> str:
    """A value in the one spelling of its code: 1.0 is 1, and case does not count."""
    if (whole := WHOLE.fullmatch(value)) is not None:
        return whole[1]
    return key(value)


def are_numbers(values: Iterable[str]) -> bool:
    """Whether the values are numbers, so that they need names."""
    values = list(values)
    return bool(values) and all(map(NUMBER.fullmatch, values))

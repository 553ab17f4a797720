"""Dataclasses built from values that come from files: each field is known, there, and of its type.

What is wrong is raised as one of three errors that say which field it is about. Their words are
those of a mistake in a program; whoever reads a file for users says it in the terms of that file.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

FLOAT_EXACT = 2**53
"""Whole numbers beyond this cannot be told from their neighbours as floats."""


class FieldError(ValueError):
    """A field of a record is not what it should be."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name[:40]!r} {sentence}")
        self.name = name


class UnknownField(FieldError):
    """A value has the name of no field."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "is not one of its fields")


class MissingField(FieldError):
    """A field without a default has no value."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "is missing")


class WrongType(FieldError):
    """A value, or an item of a list or table, is of another type than its field."""

    def __init__(self, name: str, wanted: tuple[type, ...], value: object, item: object) -> None:
        called = " or ".join(kind.__name__ for kind in wanted)
        super().__init__(name, f"must be of type {called}, not {str(value)[:40]!r}")
        self.wanted = wanted
        """The types that the value may have."""
        self.value = value
        self.item = item
        """The place in the list, or the key in the table, of the value; None of a whole field."""


def build_record(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from values by the names of its fields.

    A list becomes a tuple and a whole number a float where the field wants that; a field of the
    type of a dataclass takes its value as it is. Raises UnknownField, MissingField or WrongType.
    """
    assert is_dataclass(kind)  # noqa: S101 - a mistake of ours, not of a file
    hints = _type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    if unknown := [name for name in values if name not in known]:
        raise UnknownField(unknown[0])
    for name, field in known.items():
        if name not in values and field.default is field.default_factory is MISSING:
            raise MissingField(name)
    return kind(**{name: _converted(name, hints[name], value) for name, value in values.items()})


@cache
def _type_hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _converted(name: str, hint: Any, value: Any, item: object = None) -> Any:
    """A value as its field wants it."""
    if hint is Any or is_dataclass(hint):
        return value
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if any(is_dataclass(option) for option in options):
        return value
    for option in options:
        plain = get_origin(option) or option
        if plain is float and type(value) is int and abs(value) <= FLOAT_EXACT:
            return float(value)
        if plain is tuple and isinstance(value, list | tuple):
            of_items = get_args(option)[0]
            return tuple(_converted(name, of_items, part, i) for i, part in enumerate(value))
        if plain is dict and isinstance(value, dict):
            of_items = get_args(option)[1]
            return {key: _converted(name, of_items, part, key) for key, part in value.items()}
        if type(value) is plain:
            return value
    wanted = tuple(get_origin(option) or option for option in options if option is not type(None))
    raise WrongType(name, wanted, value, item)

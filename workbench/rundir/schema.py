"""Reading what a run folder holds without trusting it: JSON files whose values are checked.

A run folder may come from another machine, another version or another person, so a file may be
missing, cut off, of another type or without end. What is wrong is said in one sentence.
"""

from __future__ import annotations

import json
import math
import os
import stat
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, Union, get_args, get_origin, get_type_hints

from storage.errors import UserError, on_one_line

T = TypeVar("T")

MOST_BYTES = 4 * 2**20
"""A JSON file that is larger was not written by us."""
MOST_LINE = 64 * 1024
"""Bytes of a line of the log; a longer one is passed over."""
MOST_TEXT = 2_000
"""Characters of a text that a log or a state tells; the rest is cut off."""
ANEW = "copy the run folder again from where it is whole, or remove the run with `workbench delete`"
"""What to do about a file without which a run cannot be understood."""
BIGGEST = 2**53
"""Whole numbers beyond this cannot be told from their neighbours as floats."""


def read_object(path: Path, advice: str = ANEW) -> dict[str, Any]:
    """The JSON object in a file.

    Raises UserError with the advice if it is missing, cut off or something else.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {advice}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{path} is damaged (larger than any of its kind); {advice}.")
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({on_one_line(error)}); {advice}.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} is damaged (not an object); {advice}.")
    return values


def there(path: Path) -> bool:
    """Whether there is something at a path, also if nobody lets us look at it."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; raises OSError for a pipe or a device, which might never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a plain file")
    return os.fdopen(descriptor, "rb")


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from the values of a JSON object.

    Raises ValueError naming a field that is unknown, missing or of another type; a number must
    be finite, and a list becomes a tuple.
    """
    assert is_dataclass(kind)  # noqa: S101 - a mistake of ours, not of a file
    hints = _types(kind)
    known = {field.name: field for field in fields(kind)}
    if unknown := [name for name in values if name not in known]:
        raise ValueError(f"{unknown[0][:40]!r} is not one of its fields")
    for name, field in known.items():
        if name not in values and field.default is field.default_factory is MISSING:
            raise ValueError(f"{name!r} is missing")
    return kind(**{name: _checked(name, hints[name], value) for name, value in values.items()})


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def log_lines(path: Path, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of a log from a byte offset on, each with the offset after it.

    A log that has become shorter, as when an older copy replaced it, is read from its start. A
    line that is no JSON object is passed over, and a value of the wrong type left out.
    """
    try:
        file = open_regular(path)
    except OSError:
        return
    with file:
        if offset > os.fstat(file.fileno()).st_size:
            offset = 0
        file.seek(offset)
        while line := file.readline(MOST_LINE):
            whole = len(line) < MOST_LINE
            offset += len(line)
            while not line.endswith(b"\n") and (line := file.readline(MOST_LINE)):
                offset += len(line)
                whole = False
            if not line:
                return  # still being written
            if whole and (values := _event(line)) is not None:
                yield values, offset


def number(value: object) -> float | None:
    """A finite number as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > BIGGEST:
        return None
    return float(value) if math.isfinite(value) else None


WHOLE = ("step", "steps", "done", "total", "n", "best_step")
TEXTS = ("event", "phase", "text", "source")


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    kept = {
        name: value[:MOST_TEXT] if isinstance(value, str) else value
        for name, value in values.items()
        if len(name) <= 64 and _fits(name, value)
    }
    return kept if "event" in kept else None


def _fits(name: str, value: object) -> bool:
    if name in TEXTS:
        return isinstance(value, str)
    if name in WHOLE:
        return type(value) is int and 0 <= value <= BIGGEST
    if type(value) is int:
        return abs(value) <= BIGGEST
    return name != "at" or number(value) is not None


def _checked(name: str, hint: Any, value: Any) -> Any:
    if hint is Any or is_dataclass(hint):
        return value
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        [hint] = [argument for argument in arguments if argument is not type(None)]
        return _checked(name, hint, value)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_checked(name, arguments[0], item) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: _checked(name, arguments[1], item) for key, item in value.items()}
    if hint is float and (found := number(value)) is not None:
        value = found
    elif hint not in (int, str, bool) or type(value) is not hint:
        wanted = getattr(hint, "__name__", str(hint))
        raise ValueError(f"{name!r} must be of type {wanted}, not {str(value)[:40]!r}")
    elif hint is int and abs(value) > BIGGEST:
        raise ValueError(f"{name!r} is out of range")
    return value

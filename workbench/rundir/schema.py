"""Reading what a run folder holds without trusting it: JSON files whose values are checked.

A run folder may come from another machine, another version or another person, so a file may be
missing, cut off, of another type or without end. Errors are one sentence that says which.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from storage.errors import UserError, on_one_line
from storage.records import FLOAT_EXACT, build_record

T = TypeVar("T")

MAX_BYTES = 4 * 2**20
"""A JSON file that is larger was not written by us."""
MAX_LINE_BYTES = 64 * 1024
"""Bytes of a line of the log; a longer line is skipped."""
MAX_TEXT = 2_000
"""Characters of a text in a log or a state; the rest is cut off."""
COPY_ADVICE = (
    "copy the run folder again from where it is whole, or remove the run with `workbench delete`"
)
"""What to do about a file without which a run cannot be understood."""


def read_object(
    path: Path, advice: str = COPY_ADVICE, most_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    """The JSON object in a file.

    Raises UserError with the advice if it is missing, cut off or something else.
    """
    try:
        with open_regular(path) as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {advice}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    if len(content) > most_bytes:
        raise UserError(f"{path} is damaged (larger than any of its kind); {advice}.")
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({on_one_line(error)}); {advice}.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} is damaged (not an object); {advice}.")
    return values


def exists(path: Path) -> bool:
    """Whether there is something at a path, also if it may not be looked at."""
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


def build_checked(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from the values of a JSON object; see `storage.records`.

    Raises ValueError naming a field that is unknown, missing or of another type, or whose number
    is not finite or cannot be told from its neighbours.
    """
    record = build_record(kind, values)
    for name in values:
        _require_exact(name, getattr(record, name))
    return record


def _require_exact(name: str, value: object) -> None:
    """Raise ValueError for a value that is, or holds, a number this program never writes."""
    if isinstance(value, tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _require_exact(name, item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name!r} must be of type float, not {str(value)!r}")
    elif isinstance(value, int) and abs(value) > FLOAT_EXACT:
        raise ValueError(f"{name!r} is out of range")


def read_log_lines(
    path: Path, offset: int, most_bytes: int | None = None
) -> Iterator[tuple[dict[str, Any], int]]:
    """The complete lines of a log from a byte offset on, each with the offset after it.

    A log that has become shorter, as when an older copy replaced it, is read from its start, and of
    one with more new bytes than `most_bytes` only the end. A line that is no JSON object is
    skipped, and a value of the wrong type left out.
    """
    try:
        file = open_regular(path)
    except OSError:
        return
    with file:
        size = os.fstat(file.fileno()).st_size
        if offset > size:
            offset = 0
        if most_bytes is not None:
            offset = max(offset, size - most_bytes)
        file.seek(offset)
        while line := file.readline(MAX_LINE_BYTES):
            whole = len(line) < MAX_LINE_BYTES
            offset += len(line)
            while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                offset += len(line)
                whole = False
            if not line:
                return  # still being written
            if whole and (values := _event(line)) is not None:
                yield values, offset


def finite_number(value: object) -> float | None:
    """A finite number as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > FLOAT_EXACT:
        return None
    return float(value) if math.isfinite(value) else None


WHOLE_NUMBERS = ("step", "steps", "done", "total", "n", "best_step", "train", "dev")
TEXTS = ("event", "phase", "text", "source")


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    kept = {
        name: value[:MAX_TEXT] if isinstance(value, str) else value
        for name, value in values.items()
        if len(name) <= 64 and _fits(name, value)
    }
    return kept if "event" in kept else None


def _fits(name: str, value: object) -> bool:
    if name in TEXTS:
        return isinstance(value, str)
    if name in WHOLE_NUMBERS:
        return type(value) is int and 0 <= value <= FLOAT_EXACT
    if type(value) is int:
        return abs(value) <= FLOAT_EXACT
    return name != "at" or finite_number(value) is not None

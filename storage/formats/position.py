"""Where in a file the reading is, and what becomes of records that are wrong."""

from __future__ import annotations

from dataclasses import dataclass

from storage.errors import UserError


class RecordError(Exception):
    """A record holds something that cannot be taken; the text says what, without a full stop."""


@dataclass(frozen=True)
class Fault:
    """A record that cannot be taken."""

    record: int
    """Counted from 1, without the header and empty lines."""
    line: int | None
    """Where it begins; None in files that have no lines."""
    reason: str
    """What is wrong and what to do, without the full stop."""
    raw: str = ""
    """The record as it stands in the file."""

    def __str__(self) -> str:
        """The record, its line, and what is wrong."""
        line = "" if self.line is None else f", line {self.line}"
        return f"record {self.record}{line}: {self.reason}"


class Position:
    """The record that a reader is at; readers move it, and say through it what is wrong.

    Without `collects` the first wrong record ends the reading with a UserError; with it they are
    kept in `faults` and left out.
    """

    __slots__ = ("collects", "faults", "line", "name", "raw", "record")

    def __init__(self, name: str, collects: bool = False) -> None:
        self.name = name
        self.collects = collects
        self.faults: list[Fault] = []
        self.record = 0
        self.line: int | None = None
        self.raw = ""
        """The text of the record, where faults are collected."""

    def reject(self, reason: str, line: int | None = None) -> None:
        """Refuse the present record, or put it by; raises UserError unless faults are collected.

        `line` is where the fault is, if that is not where the record begins.
        """
        fault = Fault(self.record, self.line if line is None else line, reason, self.raw)
        if not self.collects:
            raise UserError(f"{self.name}, {fault}.")
        self.faults.append(fault)

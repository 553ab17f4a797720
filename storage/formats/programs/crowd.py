"""Crowd platforms: assignments of workers, of which the requester may have rejected some."""

from __future__ import annotations

from storage.formats.columns import Row
from storage.formats.programs.records import Record

STATUS = {"assignmentstatus": "answer.", "assignment:status": "output:"}
"""The column of the status at MTurk and Toloka, and how those of the answers begin there."""
NO_LABEL = "the assignment was rejected, and what the worker answered is no label"


def claims(row: Row) -> bool:
    """Whether a record is an assignment with a status and answers."""
    status = _status(row)
    return status is not None and bool(_answers(row, STATUS[status.casefold()]))


def questions(row: Row) -> list[str]:
    """None, as the answers stay columns of their own."""
    return []


def read(row: Row, question: str | None) -> Record:
    """An assignment; the answers of one that was rejected move to columns of their own."""
    status = _status(row)
    if status is None or str(row[status]).strip().casefold() != "rejected":
        return Record(row)
    answers = _answers(row, STATUS[status.casefold()])
    columns = {name: None if name in answers else value for name, value in row.items()}
    return Record(columns | {f"rejected {name}": row[name] for name in answers}, (), (NO_LABEL,))


def _status(row: Row) -> str | None:
    return next((name for name in row if str(name).casefold() in STATUS), None)


def _answers(row: Row, beginning: str) -> list[str]:
    return [name for name in row if str(name).casefold().startswith(beginning)]

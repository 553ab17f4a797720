"""Which program the records of a file come from, and reading them accordingly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from storage.formats.columns import Row
from storage.formats.position import Position, RecordError
from storage.formats.programs import (
    argilla,
    crowd,
    dialogues,
    doccano,
    label_studio,
    nested,
    prodigy,
    records,
)
from storage.formats.programs.records import Record
from storage.formats.source import Form


class Program(Protocol):
    """A module that knows the records of one program."""

    def claims(self, row: Row) -> bool:
        """Whether a record is one of the program."""

    def questions(self, row: Row) -> list[str]:
        """The questions that a record answers with something that can be a label."""

    def read(self, row: Row, question: str | None) -> Record:
        """A record as a row, the answer to `question` as its label; may raise RecordError."""


FORMS: dict[str, Program] = {
    "Label Studio": label_studio,
    "Argilla": argilla,
    "doccano": doccano,
    "Prodigy": prodigy,
    "crowd": crowd,
    "dialogues": dialogues,
    "nested": nested,
}


def form_of(sample: Sequence[Row]) -> Form | None:
    """The form that the first records have; None if they are plain rows."""
    for name, program in FORMS.items():
        claimed = [row for row in sample if program.claims(row)]
        if claimed:
            return Form(name, records.only([program.questions(row) for row in claimed]))
    return None


def read(rows: Iterator[Row], form: Form, position: Position) -> Iterator[Record]:
    """Rows of a form as records; `position` says which of them are wrong."""
    program = FORMS[form.name]
    for row in rows:
        try:
            record = program.read(row, form.question)
        except RecordError as error:
            position.reject(str(error))
        else:
            yield record

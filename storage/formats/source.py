"""A file to be read, and all that was found out about how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TABLE, LINES, FASTTEXT, EXCEL = "table", "lines", "fasttext", "excel"
JSON, JSON_LINES, PARQUET, DATASETS = "json", "jsonl", "parquet", "datasets"
COLUMNS, INDEX, SPLIT, PARTS, INNER = "columns", "index", "split", "parts", "inner"
BY_LABEL, TO_LABEL = "by label", "to label"
"""How records lie in one JSON object: as pandas calls it, by their splits, or deep in it; the texts
of each label in an array, or the label of each text."""
TEXTUAL = frozenset((TABLE, LINES, FASTTEXT, JSON, JSON_LINES))
"""Formats that consist of characters in some encoding."""


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about how a file is written; what is None is found out."""

    format: str | None = None
    """A file ending such as ".csv", instead of the ending that the file has."""
    encoding: str | None = None
    header: bool | None = None
    """Whether the first row of a table names the columns."""
    delimiter: str | None = None
    quoting: str | None = None
    """`none`, `minimal` or `all`: which fields of a table stand in quotes."""
    escape: str | None = None
    """The character that takes a quote or a delimiter its meaning."""
    sheet: str | None = None
    lenient: bool = False
    """Lines whose bytes do not fit the encoding may be left out."""


@dataclass(frozen=True)
class Dialect:
    """How a table in text is written."""

    delimiter: str
    names: tuple[str, ...]
    """The columns; those without a name are called by their number."""
    header: bool
    quoted: bool = True
    """Fields may stand in quotes; otherwise a quote is an ordinary character."""
    escape: str | None = None
    spaced: bool = False
    """Spaces follow the delimiters, before quotes too, and belong to no field."""
    skipped: int = 0
    """Lines before the first row, the header among them."""
    nameless: frozenset[str] = frozenset()
    """Those of the columns that the header gives no name."""


@dataclass(frozen=True)
class Form:
    """The program whose records a file holds, as a module of its own knows them."""

    name: str
    question: str | None = None
    """The one question, or control, that the records answer: it gives the label."""


@dataclass(frozen=True)
class Source:
    """A file with its format, compression, encoding and dialect."""

    path: Path
    name: str
    """What the file is called in messages."""
    format: str
    compression: str = ""
    member: str = ""
    """The file inside a .zip."""
    encoding: str | None = None
    """The codec that reads it; None where the format has no choice of one."""
    errors: str = "strict"
    """What the codec does about bytes that do not fit."""
    dialect: Dialect | None = None
    container: str | None = None
    """The key of the array of records, in a JSON file that is one object."""
    orient: str | None = None
    """How a table is written that is one JSON object, as COLUMNS, INDEX and so on say."""
    label_names: tuple[str, ...] = ()
    """The names of the codes 0, 1, 2 …, where the file has them beside its records."""
    sheet: str | None = None
    form: Form | None = None
    notices: tuple[str, ...] = ()
    """What was found that a user would want to know, in sentences."""

"""Finding out, once, how a file is written: format, compression, encoding, dialect, program."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from storage.errors import UsageError, UserError
from storage.formats import containers, readers, sniffing
from storage.formats.decoding import archives, encodings
from storage.formats.decoding.compression import COMPRESSIONS, split_endings
from storage.formats.position import Position
from storage.formats.programs import forms
from storage.formats.source import (
    DATASETS,
    EXCEL,
    FASTTEXT,
    JSON,
    JSON_LINES,
    LINES,
    PARQUET,
    TABLE,
    TEXTUAL,
    ReadOptions,
    Source,
)
from storage.formats.tables import dialects, excel, lines

FORMATS = {
    ".csv": TABLE,
    ".tsv": TABLE,
    ".tab": TABLE,
    ".txt": LINES,
    ".ft": FASTTEXT,
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".xlsx": EXCEL,
}
TABS = (".tsv", ".tab")
SAMPLE = 200
"""Records that are looked at to find the program that wrote them."""
MEANT_FOR = {
    "sheet": ((EXCEL,), "Excel workbooks"),
    "encoding": (TEXTUAL, "text"),
    "header": ((TABLE, LINES, EXCEL), "tables"),
    "delimiter": ((TABLE, LINES), "tables in text"),
    "quoting": ((TABLE, LINES), "tables in text"),
    "escape": ((TABLE, LINES), "tables in text"),
}
"""The kinds of files about which an option says something, and what they are called."""
UNPACK = (".zip", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".lz4", ".br")
TO_TABLE = (".feather", ".arrow", ".orc", ".avro", ".dta", ".sav", ".rds", ".rdata")
ADVICE = {
    "": "end its name as what is in it does, such as .csv.gz, or say that with --format",
    **dict.fromkeys(UNPACK, "unpack it first"),
    **dict.fromkeys((".xls", ".ods"), "save it as .xlsx or .csv"),
    **dict.fromkeys(TO_TABLE, "save it as .csv or .parquet"),
    **dict.fromkeys((".pkl", ".pickle", ".npy", ".h5"), "save its rows as .csv or .parquet"),
    **dict.fromkeys((".html", ".xml", ".md", ".yml", ".yaml"), "save its rows as .csv or .json"),
    **dict.fromkeys((".sql", ".db", ".sqlite"), "export its table as .csv"),
    ".ann": "label whole texts in a .csv or .json, as marks in a text are no labels here",
    ".xlsm": "save it as .xlsx",
    ".docx": "save its texts as .txt",
    ".pdf": "save its texts as .txt",
    ".safetensors": "it is part of a model, whose folder `workbench train --base` takes",
}


def find(path: Path, options: ReadOptions, name: str | None = None) -> Source:
    """How a file is written; `name` is what messages call it.

    Raises UserError for a file that is not there, or of no known kind, or not as it says, and
    UsageError for an option that is for files of another kind.
    """
    ending, source = _opened(path, options, name or str(path))
    _require_fitting(source, options)
    if source.format in TEXTUAL:
        found = encodings.detect(source, options.encoding, options.lenient)
        source = replace(source, encoding=found.codec, errors=found.errors, notices=found.notices)
    if source.format == LINES:
        source = lines.find(source, options)
    if source.format == TABLE:
        dialect, notices = dialects.find(source, options, ending in TABS)
        source = replace(source, dialect=dialect, notices=source.notices + notices)
    elif source.format in (JSON, JSON_LINES):
        source = containers.find(source)
    elif source.format == EXCEL:
        source = excel.find(source, options)
    rows = readers.plain_rows(source, Position(source.name, collects=True))
    return replace(source, form=forms.form_of(list(islice(rows, SAMPLE))))


def _require_fitting(source: Source, options: ReadOptions) -> None:
    """Raise UsageError for an option that says nothing about a file of this kind."""
    for name, (kinds, what) in MEANT_FOR.items():
        if getattr(options, name) is not None and source.format not in kinds:
            raise UsageError(f"--{name} is for {what}, and {source.name} is something else.")


def require_known_kind(path: Path) -> None:
    """Raise UserError for a file of no known kind, after a look at no more than its beginning."""
    _opened(path, ReadOptions(), str(path))


def _opened(path: Path, options: ReadOptions, name: str) -> tuple[str, Source]:
    """The ending that says what a file holds, and the file with its compression."""
    if not path.exists():
        raise UserError(f"{name} does not exist.")
    if path.is_dir():
        return "", Source(path, name, DATASETS)
    if not path.is_file():
        raise UserError(f"{name} is no ordinary file; write its content into one first.")
    if path.stat().st_size == 0:
        raise UserError(f"{name} is empty.")
    ending, compression = split_endings(path)
    nameless = not ending and not compression
    if nameless:
        ending, compression = sniffing.packing_of(path, name)
    source = Source(path, name, TABLE, compression)
    if ending == ".zip":
        member = archives.only_member(path, name)
        ending, source = (
            split_endings(Path(member))[0],
            replace(source, compression=".zip", member=member),
        )
    ending = options.format or ending
    if nameless and not ending:
        ending = sniffing.sniff_endings(source, options)
    if (found := FORMATS.get(ending)) is None:
        inside = f" ({source.member})" if source.member else ""
        advice = ADVICE.get(ending, "an import with --format says what it holds")
        raise UserError(
            f"{name}{inside} is not of a known kind ({', '.join(FORMATS)}, each also with "
            f"{' or '.join(COMPRESSIONS)}, in a .zip, or a datasets folder); {advice}."
        )
    source = replace(source, format=found)
    if found in TEXTUAL:
        sniffing.require_text(source)
    elif found == EXCEL:
        if source.compression:
            raise UserError(f"{name} is a workbook inside {source.compression}; unpack it first.")
        archives.require_workbook(path, name)
    return ending, source

"""JSON files that are one object: which part of it holds the records, and in which direction."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from storage.errors import UserError
from storage.formats.columns import Row
from storage.formats.decoding.encodings import text
from storage.formats.decoding.streams import BLANK
from storage.formats.json_reader import JsonBuffer
from storage.formats.position import Position
from storage.formats.programs import forms, nested
from storage.formats.source import COLUMNS, INDEX, JSON, JSON_LINES, SPLIT, Source
from storage.text import to_json

HEAD = 1 << 20
"""Characters of the file that are looked at."""
LINE_END = re.compile(r"[\r\n]")
LINE_BEGINS = re.compile(r"[\r\n]\{")
WHOLE = 1 << 28
"""Characters of an object that is read whole, since its columns stand one after another."""


def find(source: Source) -> Source:
    """The source as JSON or JSON Lines, with the part of it that holds the records."""
    with text(source) as file:
        head = file.read(HEAD)
    head = head.lstrip(BLANK)
    if head[:1] == "[":
        return replace(source, format=JSON)
    try:
        value, end = json.JSONDecoder().raw_decode(head)
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated") or error.pos > len(head) - 16
        large = len(head) > HEAD // 2 and cut and head[:1] == "{" and not LINE_BEGINS.search(head)
        return _large(source, head) if large else source
    except (RecursionError, ValueError):
        return source  # said when it is read in earnest
    more, one_line = head[end:].strip(BLANK), not LINE_END.search(head, 0, end)
    if not more and len(head) < HEAD // 2 and isinstance(value, dict):
        return _single(replace(source, format=JSON), value)
    lines = one_line and (head[end:].lstrip(" \t")[:1] in ("\n", "\r"))
    return replace(source, format=JSON_LINES if lines else JSON)


def _single(source: Source, value: Row) -> Source:
    """The source whose only object this is: a record, or a container of records."""
    form = forms.form_of([value])
    if nested.has_text(value) or (form is not None and form.name != "nested"):
        return source
    lists = {
        key: entries
        for key, entries in value.items()
        if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    }
    if lists:
        key = max(lists, key=lambda key: len(lists[key]))
        return _contained(source, key, [name for name in value if name != key])
    return replace(source, orient=_orient(value))


def _contained(source: Source, key: str, others: list[str]) -> Source:
    notices = source.notices
    if others:
        shown = ", ".join(map(repr, others[:5])) + (", …" if len(others) > 5 else "")
        notices += (f"The records are those of {key!r}; what stands beside them ({shown}) is not.",)
    return replace(source, format=JSON, container=key, notices=notices)


def _large(source: Source, head: str) -> Source:
    """The source of which only the beginning of its object is known."""
    pieces = JsonBuffer(io.StringIO(head), Position(source.name))
    pieces.skip("{")
    keys, opening = [], ""
    while True:
        try:
            keys.append(str(pieces.value()))
            pieces.skip(":")
            opening = pieces.next_character()
            pieces.value()
        except UserError:
            break
        if not pieces.skip(","):
            return source
    if opening == "[" and pieces.buffer[pieces.at + 1 :].lstrip(BLANK)[:1] == "{":
        return _contained(source, keys[-1], keys[:-1])
    return _single(replace(source, format=JSON), _whole(source))


def _whole(source: Source) -> Row:
    with text(source) as file:
        content = file.read(WHOLE + 1)
    if len(content) > WHOLE:
        raise UserError(
            f"{source.name} is one object of more than {WHOLE >> 20} million characters; write it "
            "as an array of objects, or with one object a line."
        )
    try:
        value = json.loads(content.strip(BLANK))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source.name} is not valid JSON ({error}).") from None
    return value if isinstance(value, dict) else {}


def _orient(value: Row) -> str | None:
    """In which direction a table is written as one object, as pandas calls it."""
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        return SPLIT
    parts = list(value.values())
    if len(parts) > 1 and all(isinstance(part, list) for part in parts):
        return COLUMNS if len({len(part) for part in parts}) == 1 and len(parts[0]) > 1 else None
    if not parts or not all(isinstance(part, dict) for part in parts):
        return None
    if any(nested.has_text(part) for part in parts):
        return INDEX
    return COLUMNS if all(part.keys() == parts[0].keys() for part in parts) else None


def transposed(source: Source, position: Position) -> Iterator[Row]:
    """The rows of a table that is written as one object."""
    value = _whole(source)
    if source.orient == SPLIT:
        yield from _of_lists(value, position)
        return
    for position.record, row in enumerate(_turned(value, source.orient), start=1):
        yield row


def _of_lists(value: Row, position: Position) -> Iterator[Row]:
    names = [str(name) for name in value["columns"]]
    for position.record, given in enumerate(value["data"], start=1):
        cells = given if isinstance(given, list) else [given]
        if len(cells) == len(names):
            yield dict(zip(names, cells, strict=True))
        else:
            position.raw = to_json(given)
            position.reject(f"{len(cells)} values where there are {len(names)} columns; correct it")


def _turned(value: Row, orient: str | None) -> Iterator[Row]:
    if orient == INDEX:
        yield from (row if isinstance(row, dict) else {} for row in value.values())
    else:
        columns = {name: _cells(part) for name, part in value.items()}
        for place in next(iter(columns.values()), {}):
            yield {name: cells.get(place) for name, cells in columns.items()}


def _cells(part: Any) -> Mapping[Any, Any]:
    return part if isinstance(part, dict) else dict(enumerate(part))

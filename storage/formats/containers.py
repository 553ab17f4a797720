"""JSON files that are one object: which part of it holds the records, and in which direction."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from storage.errors import UserError
from storage.formats import label_maps
from storage.formats.columns import Row
from storage.formats.decoding.encodings import text
from storage.formats.decoding.streams import BLANK
from storage.formats.json_reader import NO_OBJECT, JsonBuffer
from storage.formats.position import Position
from storage.formats.programs import forms, nested, records
from storage.formats.source import COLUMNS, INDEX, INNER, JSON, JSON_LINES, PARTS, SPLIT, Source
from storage.formats.values.column_names import SPLIT_NAMES
from storage.text import to_json

ID = "id"
"""The column of the keys under which records stand, where these are not just counted."""
HEAD = 1 << 20
"""Characters of the file that are looked at."""
LINE_END = re.compile(r"[\r\n]")
LINE_BEGINS = re.compile(r"[\r\n]\{")
LABEL_LISTS = ("names", "label_names", "labels", "class_names", "classes", "target_names")
"""The keys of lists of the names of label codes."""
DEEPEST = 4
"""Objects in objects in which records are looked for."""
WHOLE = 1 << 28
"""Characters of an object that is read whole, since its columns stand one after another."""


def find(source: Source) -> Source:
    """The source as JSON or JSON Lines, with the part of it that holds the records."""
    with text(source) as file:
        head = file.read(HEAD)
    read, head = len(head), head.lstrip(BLANK)
    if head[:1] == "[":
        return replace(source, format=JSON_LINES if _is_first_line(head) else JSON)
    try:
        value, end = json.JSONDecoder().raw_decode(head)
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated") or error.pos > len(head) - 16
        large = len(head) > HEAD // 2 and cut and head[:1] == "{" and not LINE_BEGINS.search(head)
        return _large(source, head) if large else source
    except (RecursionError, ValueError):
        return source  # said when it is read in earnest
    more, one_line = head[end:].strip(BLANK), not LINE_END.search(head, 0, end)
    if not more and read < HEAD and isinstance(value, dict):
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
    parts = [key for key in lists if key.casefold() in SPLIT_NAMES and lists[key]]
    if len(parts) > 1:
        return replace(source, orient=PARTS)
    if (orient := label_maps.orient_of(value)) is not None:
        notices = (*source.notices, label_maps.NOTICES[orient])
        return replace(source, orient=orient, notices=notices)
    if lists:
        key = max(lists, key=lambda key: (_has_texts(lists[key]), len(lists[key])))
        others = [name for name in value if name != key]
        names = _label_names({name: value[name] for name in others})
        others = [name for name in others if not (names and name in (*LABEL_LISTS, "id2label"))]
        return _contained(replace(source, label_names=names), key, others)
    if (path := _path(value)) is not None:
        names = _label_names({name: part for name, part in value.items() if name != path[0]})
        notice = f"The records are those of {'.'.join(path)!r}."
        found = replace(source, orient=INNER, label_names=names)
        return replace(found, notices=(*source.notices, notice))
    return replace(source, orient=_orient(value))


def _is_first_line(head: str) -> bool:
    """Whether an array is one line of several, which hold a record each and begin alike."""
    try:
        _, end = json.JSONDecoder().raw_decode(head)
    except (ValueError, RecursionError):
        return False
    return LINE_END.search(head, 0, end) is None and head[end:].lstrip(BLANK)[:1] == "["


def _path(value: Row, depth: int = 0) -> tuple[str, ...] | None:
    """The keys that lead to the records of an object inside the object; the first that has some."""
    for key, part in value.items():
        if isinstance(part, list) and depth and _has_texts(records.objects(part)):
            return (key,)
        if isinstance(part, dict) and depth < DEEPEST and (inner := _path(part, depth + 1)):
            return (key, *inner)
    return None


def _has_texts(entries: list[Row]) -> bool:
    return any(nested.has_text(entry) or nested.claims(entry) for entry in entries[:10])


def _label_names(value: Any, depth: int = 0) -> tuple[str, ...]:
    """The names of label codes that stand beside records, as `datasets` and others write them."""
    if isinstance(value, list):
        inner = value if all(isinstance(entry, dict) for entry in value) else []
        return next(filter(None, (_label_names(entry, depth) for entry in inner[:20])), ())
    if not isinstance(value, dict) or depth > 4:
        return ()
    for key, names in value.items():
        if key in LABEL_LISTS and isinstance(names, list) and names:
            if all(isinstance(name, str) and name.strip() for name in names):
                return tuple(names)
        elif key == "id2label" and isinstance(names, dict):
            found = [names.get(str(code)) for code in range(len(names))]
            if found and all(isinstance(name, str) for name in found):
                return tuple(map(str, found))
    within = (_label_names(entry, depth + 1) for entry in value.values())
    return next(filter(None, within), ())


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
    if keys and keys[-1].casefold() in SPLIT_NAMES:
        return _single(replace(source, format=JSON), _whole(source))
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
    if source.orient == INNER:
        inner: Any = value
        for key in _path(value) or ():
            inner = inner[key]
        yield from _entries(inner, position)
        return
    if source.orient == PARTS:
        yield from _of_parts(value, position)
        return
    if source.orient == SPLIT:
        yield from _of_lists(value, position)
        return
    if source.orient in label_maps.NOTICES:
        for position.record, row in enumerate(label_maps.rows(value, source.orient), start=1):
            yield row
        return
    for position.record, row in enumerate(_turned(value, source.orient), start=1):
        yield row


def _of_parts(value: Row, position: Position) -> Iterator[Row]:
    """The records of an object with one array for each split."""
    for key, entries in value.items():
        if key.casefold() in SPLIT_NAMES and isinstance(entries, list):
            yield from ({"split": key} | entry for entry in _entries(entries, position))


def _entries(entries: Iterable[Any], position: Position) -> Iterator[Row]:
    for entry in entries:
        position.record += 1
        if isinstance(entry, dict):
            yield entry
        else:
            position.raw = to_json(entry)
            position.reject(NO_OBJECT)


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
        rows = {key: row if isinstance(row, dict) else {} for key, row in value.items()}
    else:
        columns = {name: _cells(part) for name, part in value.items()}
        places = next(iter(columns.values()), {})
        rows = {
            place: {name: cells.get(place) for name, cells in columns.items()} for place in places
        }
    is_counted = all(str(key) == str(place) for place, key in enumerate(rows))
    is_id = not is_counted and not any(ID in row for row in rows.values())
    yield from (({ID: key} | row if is_id else row) for key, row in rows.items())


def _cells(part: Any) -> Mapping[Any, Any]:
    return part if isinstance(part, dict) else dict(enumerate(part))

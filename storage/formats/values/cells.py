"""Cells that hold more than a value: lists, objects, and texts of lists and objects."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterable
from math import isnan
from typing import Any

from storage.formats.position import RecordError
from storage.formats.values.column_names import NAMES, fold
from storage.records import FLOAT_EXACT

LABEL_KEYS = ("name", "label", "value", "choice", "choices", "class", "title", "text")
"""What an object calls the label that it stands for."""
SPAN_KEYS = {"start", "end", "start_offset", "end_offset", "startOffset", "endOffset"}
DEEPEST = 5
"""Lists in lists that are looked into."""
LONGEST = 2_000
"""Characters of a cell in which a list or an object is looked for."""
TEXT_FORMULA = re.compile(r'="([^"]*)"')
LONGEST_LIST = 100_000
"""Characters of a cell in which a list of tokens is looked for."""
EMPTY = frozenset(("nan", "null", "<na>", "na", "n/a", "#n/a", "#n/a n/a", "#value!", "#ref!"))
"""What programs and spreadsheets write into cells of labels that are empty."""


def value_of(cell: Any) -> str | None:
    """A cell as text; None where it is empty."""
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # codes of a column that has empty cells come as 0.0 and 1.0
    return str(cell).strip() or None


def id_of(cell: Any) -> str | None:
    """An id as text; a number that has lost digits on its way into the file shows that."""
    if type(cell) is str and (stripped := cell.strip()) and stripped[0] != "=":
        return stripped
    if type(cell) is float and abs(cell) >= FLOAT_EXACT:
        return repr(cell)
    return unformulated(value_of(cell))


def unformulated(value: str | None) -> str | None:
    """The text of a formula that is only there to have a spreadsheet keep it: ="001" is 001."""
    if value is None or value[:1] != "=" or (found := TEXT_FORMULA.fullmatch(value)) is None:
        return value
    return found[1] or None


def label_of(cell: Any, known: Collection[str] = (), depth: int = 0) -> str | None:
    """The one label in a cell: a name, a list of one, an object with a name; None if it is empty.

    `known` has the keys of labels and codes, which count even where they look empty. Raises
    RecordError for several labels, or something that is none.
    """
    cell = parsed(cell)
    if depth > DEEPEST:
        raise RecordError("the label is nested too deep")
    if isinstance(cell, list | tuple):
        if any(_is_span(item) for item in cell):
            raise RecordError(
                "the label marks a part of the text, and labels of whole texts are expected; name "
                "another column with --label"
            )
        return _one(found for item in cell if (found := label_of(item, known, depth + 1)))
    if isinstance(cell, dict):
        key = next((key for key in LABEL_KEYS if cell.get(key) not in (None, "", [])), None)
        if key is not None or not cell:
            return None if key is None else label_of(cell[key], known, depth + 1)
        values = list(cell.values())
        if (len(cell) > 1 or values[0] is True) and all(
            isinstance(value, int | float) and value in (0, 1) for value in values
        ):
            return _one(str(name) for name, value in cell.items() if value)
        keys = ", ".join(map(repr, list(cell)[:5]))
        raise RecordError(
            f"the label is an object with the keys {keys}, and a name is expected; write the name "
            "of one label, or name another column with --label"
        )
    value = unformulated(value_of(cell))
    return None if value is None or looks_empty(value, known) else value


def looks_empty(value: str, known: Collection[str] = ()) -> bool:
    """Whether a value is what programs write for none, and not the key of a known label or code."""
    return value.casefold() in EMPTY and value.casefold() not in known


def _one(labels: Iterable[str]) -> str | None:
    different = list(dict.fromkeys(labels))
    if len(different) > 1:
        raise RecordError(several_labels(different))
    return different[0] if different else None


def several_labels(labels: Iterable[str]) -> str:
    """What is wrong with a record that has more than one label."""
    shown = ", ".join(map(repr, labels))
    return (
        f"the labels {shown} stand where one is expected (texts with several labels are out of "
        "scope); leave one of them"
    )


def _is_span(item: Any) -> bool:
    if isinstance(item, dict):
        return bool(SPAN_KEYS & item.keys())
    return isinstance(item, list | tuple) and [type(part) for part in item[:2]] == [int, int]


def parsed(cell: Any, longest: int = LONGEST) -> Any:
    """The list or object that a cell holds as text, in JSON or as Python prints it."""
    if not isinstance(cell, str) or len(cell) > longest:
        return cell
    text = cell.strip()
    if text[:1] + text[-1:] not in ("[]", "{}"):
        return cell
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return cell
    return value if isinstance(value, list | tuple | dict) else cell


def tokens(cell: str) -> list[str]:
    """The words of a list that a cell holds as text; none where it holds something else."""
    value = parsed(cell, LONGEST_LIST) if cell[:1] == "[" else None
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return list(value) if value and is_list else []


def text_of(cell: Any, depth: int = 0) -> str | None:
    """The text in a cell: tokens are joined, numbers are text; None if there is none."""
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return None
    if depth > DEEPEST:
        return None
    if isinstance(cell, list | tuple):
        return " ".join(part for item in cell if (part := text_of(item, depth + 1))) or None
    if isinstance(cell, dict):
        named = (cell[key] for key in cell if fold(str(key)) in NAMES["text"])
        return next((text_of(value, depth + 1) for value in named), None)
    return str(cell)

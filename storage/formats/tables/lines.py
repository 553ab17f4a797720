"""Lists of texts, where a line is a tweet whatever is in it; fastText, where it has a label too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from storage.formats.decoding.encodings import text
from storage.formats.decoding.streams import BLANK
from storage.formats.position import Position
from storage.formats.source import FASTTEXT, TABLE, ReadOptions, Source
from storage.formats.tables.extra_headers import names_known
from storage.formats.values import cells

LABEL = re.compile(r"\s*__label__(\S+)\s*")
"""What fastText writes before a text."""
LABEL_AT_END = re.compile(r"\s+__label__(\S+)\s*$")
"""What some have it read after a text."""
HEAD = 20
"""Lines that are looked at to find what they are."""
SEPARATOR = ", "
"""What some put between the label and the text, as fastText's own examples do."""
DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}


def find(source: Source, options: ReadOptions) -> Source:
    """The source as a list of texts, fastText, or the table that the user says it is."""
    if options.delimiter or options.quoting or options.escape:
        return replace(source, format=TABLE)
    head = list(islice(_lines(source, Position(source.name)), HEAD))
    first = head[0] if head else ""
    if LABEL.match(first) or (head and all(map(LABEL_AT_END.search, head))):
        return replace(source, format=FASTTEXT)
    for delimiter, name in DELIMITERS.items():
        if names_known(first.split(delimiter)) > 1:
            sentence = (
                f"Line 1 looks like the header of a table; --delimiter {name} reads it as one."
            )
            return replace(source, notices=(*source.notices, sentence))
    said = _other_than_texts(head)
    return source if said is None else replace(source, notices=(*source.notices, said))


def _other_than_texts(head: Sequence[str]) -> str | None:
    """That lines, which are taken for texts, look like records of another format."""
    if head and all(line.strip().startswith("{") and _is_object(line) for line in head):
        return "Each line looks like a JSON object; --format jsonl reads it as a record."
    if len(head) > 1 and all(line.count("\t") == 1 for line in head):
        return "Each line has one tab; --delimiter tab reads two columns."
    return None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def table(source: Source, position: Position) -> tuple[list[str], Iterator[list[str | None]]]:
    """The column `text`, for fastText also `label`, and the lines that are not empty."""
    if source.format == FASTTEXT:
        return ["text", "label"], _labelled(source, position)
    return ["text"], ([line] for line in _lines(source, position))


def _lines(source: Source, position: Position) -> Iterator[str]:
    record = 0
    with text(source) as file:
        for number, line in enumerate(file, start=1):
            if line.strip(BLANK):
                record += 1
                position.record, position.line, position.raw = record, number, line
                yield line.rstrip("\r\n")


def _labelled(source: Source, position: Position) -> Iterator[list[str | None]]:
    for line in _lines(source, position):
        labels, start = [], 0
        while (found := LABEL.match(line, start)) is not None:
            labels.append(found[1])
            start = found.end()
        end = len(line)
        while (last := LABEL_AT_END.search(line, start, end)) is not None:
            labels.append(last[1])
            end = last.start()
        if len(set(labels)) > 1:
            position.reject(cells.several_labels(dict.fromkeys(labels)))
        else:
            given = line[start:end].removeprefix(SEPARATOR) if labels else line
            yield [given, labels[0] if labels else None]

"""Figures in documents are those of the measurements that they name."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCE = re.compile(r"\]\(((?:\.\./)?tests/bench/results/[\w.]+)\)")
CODE_OR_TARGET = re.compile(r"`[^`]*`|\]\([^)]*\)", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-])")


def passages(text):
    """The parts of a text with the files that they quote: paragraphs, and rows of tables.

    A table without links quotes what the paragraph before it does, if that ends in a colon.
    """
    found = []
    announced = []
    for block in re.split(r"\n\s*\n", text):
        named = SOURCE.findall(block)
        if not block.startswith("|"):
            announced = named if block.endswith(":") else []
            found.append((block, named))
        else:
            _, _, *rows = block.splitlines()
            found += [(row, SOURCE.findall(row) if named else announced) for row in rows]
    return found


def numbers(text):
    return [each.replace(",", "") for each in NUMBER.findall(CODE_OR_TARGET.sub("", text))]


def quoted(number, measured):
    """Whether one of the measured numbers is this one, rounded to as many decimals."""
    wanted = Decimal(number)
    return any(
        abs(each - wanted) <= Decimal(1).scaleb(wanted.as_tuple().exponent) / 2 for each in measured
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_figure_stands_in_the_measurement_that_is_named(document):
    unknown = []
    for passage, sources in passages(document.read_text("utf-8")):
        texts = ((document.parent / source).read_text("utf-8") for source in sources)
        measured = [Decimal(number) for text in texts for number in numbers(text)]
        wrong = [number for number in numbers(passage) if sources and not quoted(number, measured)]
        if wrong:
            unknown.append((wrong, passage))
    assert unknown == []


def test_no_figure_of_speed_is_without_its_measurement():
    readme, speed = (ROOT / name for name in ("README.md", "docs/speed.md"))
    section = re.search(r"^## Measured against$(.*?)^## ", readme.read_text("utf-8"), re.M | re.S)
    for text in (section[1], speed.read_text("utf-8")):
        assert [one for one, sources in passages(text) if numbers(one) and not sources] == []

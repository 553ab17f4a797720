"""One check of values from files, for settings, recipes and run folders alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from storage.records import FieldError, MissingField, UnknownField, WrongType, build_record


@dataclass(frozen=True)
class Inner:
    size: int


@dataclass(frozen=True)
class Record:
    name: str
    share: float = 0.5
    count: int | None = None
    words: tuple[str, ...] = ()
    table: dict[str, float] = field(default_factory=dict)
    targets: str | tuple[str, ...] = "all"
    exact: bool = False
    inner: Inner | None = None
    anything: Any = None


def test_values_become_those_of_the_fields():
    built = build_record(
        Record,
        {
            "name": "a",
            "share": 1,
            "count": None,
            "words": ["b", "c"],
            "table": {"d": 2},
            "targets": ["e"],
            "inner": Inner(1),
            "anything": [1],
        },
    )
    assert built == Record("a", 1.0, None, ("b", "c"), {"d": 2.0}, ("e",), False, Inner(1), [1])
    assert [type(built.share), type(built.table["d"])] == [float, float]


@pytest.mark.parametrize(
    ("values", "error", "sentence"),
    [
        ({"colour": 1}, UnknownField, "'colour' is not one of its fields"),
        ({"x" * 99: 1}, UnknownField, f"'{'x' * 40}' is not one of its fields"),
        ({"share": 1.0}, MissingField, "'name' is missing"),
        ({"name": 1}, WrongType, "'name' must be of type str, not '1'"),
        ({"name": None}, WrongType, "'name' must be of type str, not 'None'"),
        ({"name": "a", "count": True}, WrongType, "'count' must be of type int, not 'True'"),
        ({"name": "a", "count": 1.0}, WrongType, "'count' must be of type int, not '1.0'"),
        ({"name": "a", "exact": 1}, WrongType, "'exact' must be of type bool, not '1'"),
        ({"name": "a", "share": True}, WrongType, "'share' must be of type float, not 'True'"),
        ({"name": "a", "share": 10**400}, WrongType, "'share' must be of type float, not '1000"),
        ({"name": "a", "targets": 3}, WrongType, "'targets' must be of type str or tuple, not '3'"),
    ],
)
def test_what_fits_no_field_is_named(values, error, sentence):
    with pytest.raises(error) as caught:
        build_record(Record, values)
    assert isinstance(caught.value, FieldError) and str(caught.value).startswith(sentence)


def test_an_item_is_named_with_its_place():
    for values, item in (({"words": ["b", 3]}, 1), ({"table": {"d": "3"}}, "d")):
        with pytest.raises(WrongType) as caught:
            build_record(Record, {"name": "a"} | values)
        assert caught.value.item == item

"""Which labels a workspace has after an import: its own, or those of the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from storage import label_names
from storage.config import Config, check_new_labels
from storage.errors import UsageError, UserError
from storage.formats.columns import (
    LONGEST_LABEL,
    MOST_LABELS,
    MOST_REPEATED,
    MOST_VALUES,
    TIMES,
)
from storage.formats.values.cells import looks_empty, several_labels
from storage.formats.values.codes import NO_LABEL, Codes, are_numbers, code_of
from storage.formats.values.column_names import LABEL_WORDS
from storage.label_names import key
from storage.plurals import counted

DASHES = re.compile(r"[-\u2013\u2014]+|\?+|\.+")
"""What people write into cells that they leave empty, or call a label."""
JOINED = re.compile(r"\s*[#|;]\s*|\s*,(?!\s)")
"""What stands between the labels of a text that has several."""
LISTED = re.compile(r"\s*,\s*")
"""What may stand so between labels, and inside the name of one."""


def label_set(
    config: Config, place: str, codes: Codes, seen: Counter[str], named: bool
) -> tuple[str, ...]:
    """The labels of a workspace that takes in these values; `named` if the user named the column.

    `place` is the file and column for messages. Raises UsageError for labels that the workspace
    does not have, codes without a name, and names that no label can have.
    """
    for target in codes.names.values():
        if config.labels and key(target) != NO_LABEL:
            config.require_label(target)
    found = [value for value, _ in seen.most_common()]
    _require_no_none(place, codes, seen)
    if config.labels:
        _require_known(config, place, codes, found)
        return config.labels
    unnamed = [value for value in found if not codes.has(value)]
    targets = {key(name) for name in codes.names.values()}
    if left_out := [value for value in unnamed if key(value) not in targets]:
        if not all(map(_is_empty, codes.names)):
            raise UsageError(
                f"{place}: --map leaves out {listed(left_out)}; add {examples(left_out)}, or "
                f"{quoted(left_out[0])}={NO_LABEL} for no label."
            )
        if are_numbers(left_out):
            raise UsageError(
                f"{place}: the labels are codes; name them with --map {examples(left_out)}."
            )
    most = MOST_VALUES if named or codes else MOST_LABELS
    labels = _spelled(name for value in found if (name := codes.name(value)) is not None)
    if len(labels) > most and not (most == MOST_LABELS and are_many_labels(seen)):
        raise UsageError(
            f"{place} has more than {most:,} different values; if they are labels, name the column "
            "with --label."
            if most == MOST_LABELS
            else f"{place} has more than {most:,} different values; name the column of the labels "
            "with --label."
        )
    _require_single(place, seen, labels)
    try:
        check_new_labels(labels)
    except UserError as error:
        raise type(error)(f"{place}: {error}") from None
    return labels


def are_many_labels(values: Counter[str]) -> bool:
    """Whether values of a column that is called so are labels, though they are many.

    Remarks among a few labels come once each.
    """
    once = sum(count == 1 for count in values.values())
    return (
        len(values) <= MOST_REPEATED
        and values.total() >= TIMES * len(values)
        and 2 * once <= len(values)
        and max(map(len, values), default=0) <= LONGEST_LABEL
        and not are_numbers(values)
    )


def unused(codes: Codes, given: Mapping[str, str], seen: Iterable[str]) -> list[str]:
    """The codes that have a name and occur nowhere."""
    there = {code_of(value) for value in seen}
    return [code for code in given if code_of(code) not in there]


def _is_empty(code: str) -> bool:
    """Whether a name for a code says what an empty cell means, and nothing of other values."""
    return code == NO_LABEL or looks_empty(code) or DASHES.fullmatch(code) is not None


def dashes(codes: Codes, seen: Counter[str]) -> list[str]:
    """Labels among words that may stand for an empty cell, as a dash and a question mark do."""
    if not any(value[0].isalpha() for value in seen):
        return []  # where all are signs, a dash is the opposite of a plus
    return [value for value in seen if DASHES.fullmatch(value) and not codes.has(value)]


def _require_no_none(place: str, codes: Codes, seen: Counter[str]) -> None:
    """Raise UsageError for `none`, which is no label here and may be one there."""
    for value, number in seen.items():
        if key(value) == NO_LABEL and not codes.has(value):
            raise UsageError(
                f"{place}: {value!r} ({counted(number, 'row')}) may be a label or mean that there "
                f"is none; --map {value}={NO_LABEL} reads it as no label, --map {value}=NAME as "
                "the label of that name."
            )


def _require_known(config: Config, place: str, codes: Codes, found: list[str]) -> None:
    names = filter(None, map(codes.name, found))
    unknown = sorted({name for name in names if label_meant(config, name) is None})
    if unknown:
        pair = label_names.confusable_pair([*config.labels, unknown[0]])
        twin = "" if pair is None else f" ({label_names.difference(*pair)})"
        raise UsageError(
            f"{place} has labels that this workspace does not have: {listed(unknown)}{twin} "
            f"(labels: {', '.join(config.labels)}); map them with --map value=label,…, or "
            "value=none for no label."
        )


def label_meant(config: Config, name: str) -> str | None:
    """The label of the workspace that a value means; 1.0 is the label 1."""
    return config.label(name) or config.label(code_of(name))


def known_keys(config: Config, codes: Codes) -> set[str]:
    """The keys of the labels of a workspace and of their words, and the codes that have a name."""
    names = (name for label in config.labels for name in (label, config.word(label)))
    return {key(name) for name in names} | codes.names.keys()


def _spelled(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the first of their spellings, which is the commonest."""
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(key(name), label_names.clean(name))
    return tuple(spelled.values())


def _require_single(place: str, seen: Counter[str], labels: tuple[str, ...]) -> None:
    """Raise UsageError where a value is several labels in one."""
    parted = {label: parts for label in labels if len(parts := JOINED.split(label)) > 1}
    occurring = Counter(key(part) for parts in parted.values() for part in {*parts})
    single = {key(label) for label in labels} | LABEL_WORDS
    single |= {part for part, times in occurring.items() if times > 1}
    for label in labels:
        parts = parted.get(label, [])
        listed = LISTED.split(label)
        if not any(key(part) in single for part in parts):
            parts = listed if all(key(part) in single for part in listed) else []
        if len(parts) > 1:
            raise UsageError(
                f"{place}: {label!r} ({counted(seen[label], 'time')}) is several labels in one: "
                f"{several_labels(parts)}, or map it with --map {quoted(label)}=NAME."
            )


def listed(values: list[str], most: int = 5) -> str:
    """The first values in quotes."""
    return ", ".join(map(repr, values[:most])) + (", …" if len(values) > most else "")


def examples(values: Iterable[str]) -> str:
    """What --map needs for some values, numbers in their order."""

    def order(value: str) -> tuple[bool, float, str]:
        number = value.replace(",", ".")
        return (False, float(number), "") if are_numbers([value]) else (True, 0.0, value)

    spelled = dict.fromkeys(
        code_of(value) if are_numbers([value]) else quoted(value)
        for value in sorted(values, key=order)
    )
    return ",".join(f"{value}=NAME" for value in list(spelled)[:20])


def quoted(value: str) -> str:
    """A value as --map takes it."""
    return f'"{value}"' if re.search(r'[,="\s|;#&]', value) else value

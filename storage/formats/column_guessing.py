"""Guessing which column of a file holds the text, the label, the id and the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from storage.errors import UsageError
from storage.formats import annotator_columns
from storage.formats.columns import MOST_LABELS, TIMES, Columns
from storage.formats.position import RecordError
from storage.formats.values.cells import label_of, tokens
from storage.formats.values.codes import code_of
from storage.formats.values.column_names import LABEL_WORDS, NAMES, SPLIT_NAMES, fold
from storage.formats.values.label_sets import are_many_labels, listed, quoted
from storage.label_names import key
from storage.plurals import counted

Rows = Sequence[Mapping[str, Any]]
MOST_NAMES, LONGEST_NAME = 30, 60
"""Columns that a sentence names, and the characters of each."""
SHARE_TOLERANCE = 0.02
NUMBERED = re.compile(r"column\d+")
"""A column of a file without header."""
FULL_TEXT = ("full text", "extended tweet.full text", "extended tweet full text")
"""The column that has the whole of a text that is cut."""
USERS = re.compile(
    "user( ?name| id)?|user ?id|(user )?email|(reviewer|judge|participant|person|expert)( id)?"
    "|assessor|grader|tagger|respondent|turker|prolific pid"
)
"""What a column of annotators may be called, and one of those who wrote the tweets as well."""
GUESSED = ("predicted ", "rejected ")
"""What the names of columns begin with that hold labels which nobody gave."""


def guess(
    sample: Rows,
    named: Mapping[str, str | None],
    labels: Collection[str] = (),
    judgements: Sequence[str] | None = None,
) -> Columns:
    """Choose the columns from the first rows; what the user named is taken as it is.

    `labels` are the keys of known labels, which tell the column of the labels where its name does
    not; `judgements` are columns of one annotator each, where they are known. Raises UsageError for
    a named column that is not there, or when none can be the text.
    """
    present = list(dict.fromkeys(name for row in sample for name in row))
    named = {part: column for part, column in named.items() if column is not None}
    chosen: dict[str, Any] = dict(named)
    _require_present(present, chosen, judgements or ())
    for part in NAMES:
        free = [name for name in present if name not in (*chosen.values(), *(judgements or ()))]
        found = next((c for c in _called(part, free) if _plausible(part, c, sample, labels)), None)
        if part not in chosen and found is not None:
            chosen[part] = found
    if "id" not in named and _is_of_judgements(chosen, sample):
        del chosen["id"]
    free = [name for name in present if name not in (*chosen.values(), *(judgements or ()))]
    if not judgements and (person := _who_judges(chosen, free, sample)) is not None:
        chosen["annotator"] = person
        free.remove(person)
    if "text" not in chosen:
        longest = max(free, key=lambda column: _looks_like_text(column, sample), default=None)
        if longest is None or _mean_length(longest, sample) < 10:
            raise UsageError(
                f"No column looks like a text (columns: {_shown(present)}); name it with --text."
            )
        chosen["text"] = longest
        free.remove(longest)
    if judgements is None:
        judgements = _judgements(sample, chosen, named, free, labels)
    if judgements:
        free = [column for column in free if annotator_columns.is_verdict(column)]
        labels = labels or {key(value) for name in judgements for value in _values(name, sample)}
    if "label" not in named and (better := _by_values(chosen.get("label"), free, sample, labels)):
        chosen["label"] = better
    free = [column for column in present if column not in (*chosen.values(), *judgements)]
    chosen["judgements"] = tuple(judgements)
    if "split" not in chosen and (split := _of_splits(free, chosen, sample)) is not None:
        chosen["split"] = split
    if "text" not in named and (full := _full_text(chosen["text"], free, sample)) is not None:
        return Columns(**chosen | {"text": full, "short_text": chosen["text"]})
    return Columns(**chosen | {"in_tokens": _in_tokens(chosen["text"], sample)})


def confirmed(columns: Columns, sample: Rows, values: Counter[str]) -> Columns:
    """The columns, given how often the whole file has each value of the one that was guessed.

    It has no labels where it was taken for many that come again and again, and they do not.
    """
    if columns.label is None or len(_values(columns.label, sample)) <= MOST_LABELS:
        return columns
    return columns if are_many_labels(values) else replace(columns, label=None)


def several_people(sample: Rows, columns: Columns, labels: Collection[str]) -> str:
    """That some columns may be of one annotator each, though they are not taken so; or nothing."""
    if columns.judgements or columns.annotator is not None:
        return ""
    taken = columns.as_json().values()
    free = [name for name in dict.fromkeys(n for row in sample for n in row) if name not in taken]
    expected = labels or _keys_with_usual(columns.label, sample)
    names = annotator_columns.find(sample, free, expected).names
    if not names and columns.label is None:
        given = _candidates(sample, columns).items()
        found = {column: values for column, values in given if not _is_guessed(column)}
        alike = len({frozenset(values) for values in found.values()}) == 1
        names = tuple(found) if alike and len(found) > 1 else ()
    if not names:
        return ""
    option = ",".join(map(quoted, names))
    shown = listed(list(names))
    if _are_shares(names, sample):
        return (
            f"{shown} add up to 1 in each row, as shares of labels do: `workbench "
            "import-predictions` reads them so; for labels write the name of the largest of each "
            "row into a column."
        )
    return f"{shown} may be of {len(names)} annotators; --judgements {option} reads them so."


def _are_shares(names: Sequence[str], sample: Rows) -> bool:
    """Whether the numbers of several columns add up to 1 in each row, as probabilities do."""
    try:
        shares = [[float(row[name]) for name in names] for row in sample]
    except (KeyError, TypeError, ValueError):
        return False
    return all(min(row) >= 0 and abs(sum(row) - 1) < SHARE_TOLERANCE for row in shares)


def no_label(sample: Rows, columns: Columns) -> str:
    """That no column of labels was found, with those that could be one."""
    found = _candidates(sample, columns)
    if not found:
        others = list(dict.fromkeys(name for row in sample for name in row))
        return f"No label column was found (columns: {_shown(others)}); --label COL names one."
    shown = "; ".join(
        f"{column!r} ({counted(len(values), 'value')}: {listed(values, 4)})"
        for column, values in list(found.items())[:5]
    )
    models = [column for column in found if _is_guessed(column)]
    told = f" What a model said ({listed(models)}) is for `workbench import-predictions`."
    named = f"No label column was found. It could be {shown}; --label COL names one."
    return named + (told if models else "")


def _candidates(sample: Rows, columns: Columns) -> dict[str, list[str]]:
    """The columns that could be the labels if none is chosen, each with some of its values."""
    taken = (columns.text, columns.id, columns.split, columns.short_text, columns.annotator)
    found = {}
    for column in dict.fromkeys(name for row in sample for name in row):
        values = _values(column, sample)
        few = 2 <= len(values) <= max(2, min(MOST_LABELS, values.total() // 2))
        named = fold(column) in NAMES["label"] and values
        if column not in taken and (few or named):
            found[column] = [value for value, _ in values.most_common()]
    return found


def _shown(columns: Sequence[str]) -> str:
    """Names of columns as far as one can take them in."""
    cut = (name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in columns)
    more = len(columns) - MOST_NAMES
    shown = ", ".join(map(repr, islice(cut, MOST_NAMES)))
    return shown + (f" and {more:,} more" if more > 0 else "")


def _require_present(
    present: Sequence[str], chosen: Mapping[str, str], judgements: Sequence[str]
) -> None:
    columns = _shown(present)
    for part, column in (*chosen.items(), *(("judgements", name) for name in judgements)):
        if column not in present:
            raise UsageError(f"There is no column {column!r} for the {part} (columns: {columns}).")
    if twice := [f"{name!r} for the {p}" for p, name in chosen.items() if name in judgements]:
        raise UsageError(f"--judgements names {twice[0]} too; leave one.")


def _judgements(
    sample: Rows,
    chosen: Mapping[str, str],
    named: Mapping[str, str | None],
    free: Sequence[str],
    labels: Collection[str],
) -> tuple[str, ...]:
    """The columns of one annotator each; none where somebody has named the column that counts."""
    if "label" in named or "annotator" in chosen:
        return ()
    found = annotator_columns.find(
        sample, free, labels or _keys_with_usual(chosen.get("label"), sample)
    )
    return found.names if found.sure else ()


def _keys_with_usual(label: str | None, sample: Rows) -> frozenset[str]:
    """The keys of the labels in a column, and of usual ones where they are such."""
    found = frozenset(map(key, _values(label, sample) if label is not None else ()))
    return found | LABEL_WORDS if found and found <= LABEL_WORDS else found


def _called(part: str, free: Sequence[str]) -> Iterator[str]:
    """The columns with a name for a part, the best name first."""
    folded = {annotator_columns.HUMP.sub(" ", column): column for column in reversed(free)}
    folded = {fold(name): column for name, column in folded.items()}
    folded |= {fold(column): column for column in reversed(free)}
    return (folded[name] for name in NAMES[part] if name in folded)


def _plausible(part: str, column: str, sample: Rows, labels: Collection[str]) -> bool:
    if part == "text":
        cells = [row[column] for row in sample if row.get(column) not in (None, "")]
        return not cells or any(not isinstance(cell, dict | bool) for cell in cells)
    if part == "label":
        values = _values(column, sample, labels)
        if len(values) <= MOST_LABELS or _all_known(values, labels):
            return True
        return not labels and are_many_labels(values)
    return True


def _by_values(
    chosen: str | None, free: Sequence[str], sample: Rows, labels: Collection[str]
) -> str | None:
    """A column that holds known labels where the one that is called so holds others, or none is."""
    if chosen is not None:
        values = _values(chosen, sample, labels)
        if not values or any(_is_known(value, labels) for value in values):
            return None
    real = [column for column in free if not _is_guessed(column)]
    known = [column for column in real if _all_known(_values(column, sample, labels), labels)]
    if known or chosen is not None:
        return known[0] if known else None
    if all(NUMBERED.fullmatch(name) for row in sample for name in row):
        return next((column for column in real if _repeats(_values(column, sample))), None)
    usual = [column for column in real if _all_known(_values(column, sample), LABEL_WORDS)]
    return usual[0] if len(usual) == 1 else None


def _is_guessed(column: str) -> bool:
    """Whether a column holds labels that nobody gave."""
    return fold(column).startswith(GUESSED) or annotator_columns.is_of_model(column)


def _values(column: str, sample: Rows, labels: Collection[str] = ()) -> Counter[str]:
    """How often a column has each value, as labels are read."""
    values: Counter[str] = Counter()
    for row in sample:
        with suppress(RecordError):
            if (value := label_of(row.get(column), labels)) is not None:
                values[value] += 1
    return values


def _all_known(values: Collection[str], labels: Collection[str]) -> bool:
    return bool(values) and all(_is_known(value, labels) for value in values)


def _is_known(value: str, labels: Collection[str]) -> bool:
    return key(value) in labels or code_of(value) in labels


def _repeats(values: Counter[str]) -> bool:
    """Whether a few values come again and again."""
    return 2 <= len(values) <= MOST_LABELS and values.total() >= TIMES * len(values)


def _full_text(text: str, free: Sequence[str], sample: Rows) -> str | None:
    """The column of the full text, where that of the text has it cut, or may have it below."""
    full = next((column for column in free if fold(column) in FULL_TEXT), None)
    if full is None:
        return None
    pairs = [(str(row.get(text) or ""), str(row.get(full) or "")) for row in sample]
    longer = any(len(whole) > len(cut) for cut, whole in pairs)
    return full if longer or all(whole in ("", cut) for cut, whole in pairs) else None


def _of_splits(free: Sequence[str], chosen: Mapping[str, Any], sample: Rows) -> str | None:
    """A column in which nothing stands but names of splits, and several of them."""
    for column in free:
        values = _values(column, sample)
        known = [SPLIT_NAMES.get(value.casefold()) for value in values]
        if column not in chosen.values() and len(set(known)) > 1 and all(known):
            return column
    return None


def _in_tokens(column: str, sample: Rows) -> bool:
    """Whether the cells of a column are printed lists of words."""
    cells = [cell for row in sample if (cell := row.get(column))]
    return bool(cells) and all(isinstance(cell, str) and tokens(cell) for cell in cells)


def _is_of_judgements(chosen: Mapping[str, str], sample: Rows) -> bool:
    """Whether each judgement has an id of its own: most texts come from several, none with one."""
    if not {"text", "id", "annotator"} <= chosen.keys():
        return False
    text, number, annotator = (chosen[part] for part in ("text", "id", "annotator"))
    said: dict[str, list[tuple[str, str]]] = {}
    for row in sample:
        who = str(row.get(annotator)), str(row.get(number))
        said.setdefault(str(row.get(text)), []).append(who)
    several = [pairs for pairs in said.values() if len({who for who, _ in pairs}) > 1]
    return 2 * len(several) > len(said) and all(
        len({number for _, number in pairs}) == len(pairs) for pairs in several
    )


def _who_judges(chosen: Mapping[str, str], free: Sequence[str], sample: Rows) -> str | None:
    """A column of users who are annotators: most tweets come several times, with another each."""
    if "annotator" in chosen or not {"text", "id"} <= chosen.keys():
        return None
    for column in (name for name in free if USERS.fullmatch(fold(name))):
        said: dict[tuple[str, str], list[str]] = {}
        for row in sample:
            tweet = str(row.get(chosen["text"])), str(row.get(chosen["id"]))
            said.setdefault(tweet, []).append(str(row.get(column) or ""))
        several = [people for people in said.values() if len(people) > 1]
        if 2 * len(several) > len(said) and all(
            len(set(people)) == len(people) and all(people) for people in several
        ):
            return column
    return None


def _looks_like_text(column: str, sample: Rows) -> tuple[bool, float]:
    """Long texts that differ; an instruction that stands in every row is none."""
    values = {str(row.get(column)) for row in sample}
    varied = len(values) > 1 or len(sample) == 1
    length = _mean_length(column, sample)
    return varied and length >= 10, length


def _mean_length(column: str, sample: Rows) -> float:
    texts = [row[column] for row in sample if isinstance(row.get(column), str)]
    return sum(map(len, texts)) / max(1, len(sample))

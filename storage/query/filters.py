r"""The filter language: text such as `label:negative conf:>0.9 $TSLA -moon` to parameterised SQL.

filter     = or
or         = and ("or" and)*
and        = not (["and"] not)*
not        = ("-" | "not") not | "(" or ")" | term
term       = field ":" [comparison] value | word | word"*" | '"' phrase '"'
field      = one of FIELDS | a source column | "col." (name | '"' name '"')

In quotes, \" is a quote and \\ a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NoReturn

from storage.label_names import key
from storage.query.conditions import (
    FLAGS,
    HAS_PREDICTION,
    NUMBERS,
    TRUTHS,
    Condition,
    Parameter,
    and_,
    column_is,
    combined,
    edited_by,
    external_id_is,
    id_is_one_of,
    label_is,
    not_,
    note_contains,
    number_is,
    or_,
    split_is,
    text_contains,
)
from storage.query.filter_tokens import FilterError as FilterError
from storage.query.filter_tokens import Token, quoted, tokens
from storage.query.source_columns import in_filter, source_columns
from storage.store import Store

MAX_LENGTH = 5000
"""Characters of a filter: room for 500 ids."""
MAX_DEPTH = 60
MOST_CONDITIONS = 40
"""Conditions beyond which they are joined into one, as a balanced tree."""
MOST_COLUMNS = 12
"""Source columns that a message names."""
LISTED = re.compile(r"[1-9]\d{0,17}(?:,[1-9]\d{0,17})+")
"""The ids of several tweets."""
JOINED_ON = re.compile(r"\s+and$", re.IGNORECASE)
COMPARED = re.compile(r"(>=|<=|>|<|=)?(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Filter:
    """A filter that was understood: tweets pass where all of its conditions hold."""

    conditions: tuple[Condition, ...]
    run: int | None
    """The run that a `run:` term names; pred, conf and the like are about it."""
    fields: tuple[str, ...] = ()
    """The names of the fields in it, such as `conf`."""
    parts: tuple[str, ...] = ()
    """What must all hold, as it was written; all of it where one of several is enough."""

    @property
    def where(self) -> str:
        """The conditions as one; see `storage.query.conditions` for the tables it is about."""
        return " AND ".join(f"({condition.sql})" for condition in self.conditions) or "1"

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the named parameters, apart from :run."""
        return {k: v for condition in self.conditions for k, v in condition.parameters.items()}

    @property
    def prediction_field(self) -> str | None:
        """A field that means something only where there are predictions."""
        return next((name for name in self.fields if name in PREDICTED_FIELDS), None)

    @property
    def depends_on_labels(self) -> bool:
        """Whether an edit of a label, mark or note may let a tweet into the list or out of it."""
        return not EDITED_FIELDS.isdisjoint(self.fields)


def filter_for(store: Store, source: str) -> Filter:
    """Translate a filter for a workspace with its labels and source columns, as `compile_filter`.

    Those are its source columns that tweets have now, whenever the store was opened.
    """
    return compile_filter(source, store.label_ids, source_columns(store.db))


def source_column_terms(store: Store) -> list[str]:
    """The source columns of a workspace, as a filter names them."""
    return [in_filter(name, FIELDS) for name in source_columns(store.db)]


def compile_filter(
    source: str, label_ids: Mapping[str, int], columns: Iterable[str] = ()
) -> Filter:
    """Translate a filter; raises FilterError with the place of the first mistake."""
    return _compile(source, tuple(label_ids.items()), tuple(columns))


@lru_cache(maxsize=16)
def _compile(
    source: str, label_ids: tuple[tuple[str, int], ...], columns: tuple[str, ...]
) -> Filter:
    """Kept for the few filters in use, since a list asks again for its own with each key."""
    if len(source) > MAX_LENGTH:
        raise FilterError(f"more than {MAX_LENGTH:,} characters", source, MAX_LENGTH)
    parser = _Parser(source, {key(name): number for name, number in label_ids}, columns)
    conditions = parser.parse()
    if len(conditions) > MOST_CONDITIONS:
        conditions = [combined(conditions, and_)]
    return Filter(tuple(conditions), parser.run, tuple(parser.fields), parser.parts)


class _Parser:
    def __init__(self, source: str, labels: Mapping[str, int], columns: Sequence[str]) -> None:
        self.source = source
        self.labels = labels
        self.names = columns
        self.columns = {name.casefold(): name for name in reversed(columns)}
        self.columns |= {name: name for name in columns}
        self.tokens = tokens(source, self.columns)
        self.at = 0
        self.depth = 0
        self.values = 0
        self.run: int | None = None
        self.fields: dict[str, None] = {}
        self.starts: list[int] = []
        """Where the parts begin that must all hold."""

    def parse(self) -> list[Condition]:
        if self.peek().kind == "end":
            return []
        found = self.either()
        if self.peek().kind != "end":
            self.fail("a bracket that was never opened", self.peek())
        return found

    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def fail(self, reason: str, token: Token) -> NoReturn:
        raise FilterError(reason, self.source, token.position)

    def is_word(self, word: str) -> bool:
        return self.peek().kind == "word" and self.peek().text.lower() == word

    def value(self, value: object) -> Parameter:
        self.values += 1
        return Parameter(f"value{self.values}", value)

    # The grammar: each level gives conditions that must all hold.

    def either(self) -> list[Condition]:
        parts = [self.both()]
        while self.is_word("or"):
            self.take()
            parts.append(self.both())
        if len(parts) == 1:
            return parts[0]
        if not self.depth:
            self.starts = self.starts[:1]
        return [combined([combined(part, and_) for part in parts], or_)]

    def both(self) -> list[Condition]:
        self.begin_part()
        parts = self.negation()
        while not self.is_word("or") and self.peek().kind not in ("end", ")"):
            if self.is_word("and"):
                self.take()
            self.begin_part()
            parts = parts + self.negation()
        return parts

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that must all hold, as they were written."""
        ends = [*self.starts[1:], len(self.source)][: len(self.starts)]
        written = (self.source[at:end] for at, end in zip(self.starts, ends, strict=True))
        return tuple(JOINED_ON.sub("", part.strip()) for part in written)

    def begin_part(self) -> None:
        if not self.depth:
            self.starts.append(self.peek().position)

    def negation(self) -> list[Condition]:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("too many brackets inside one another", self.peek())
        try:
            if self.peek().kind == "-" or self.is_word("not"):
                self.take()
                return [not_(combined(self.negation(), and_))]
            if self.peek().kind == "(":
                opening = self.take()
                found = self.either()
                if self.peek().kind != ")":
                    self.fail("a bracket that is not closed", opening)
                self.take()
                return found
            return [self.term()]
        finally:
            self.depth -= 1

    def term(self) -> Condition:
        token = self.take()
        if token.kind == "end":
            self.fail("nothing where a word or condition was expected", token)
        if token.kind == ")":
            self.fail("a closing bracket where a word or condition was expected", token)
        if token.kind == "word" and token.text.lower() in ("and", "or"):
            self.fail(f"nothing before {token.text!r}", token)
        if token.kind in ("word", "phrase"):
            return text_contains(token.text, token.kind == "word", self.value)
        read = FIELDS.get(token.text.lower()) if token.kind == "field" else None
        if read is None:
            return self.source_column(token)
        token = replace(token, text=token.text.lower())
        if not token.value:
            self.fail(f"no value after {token.text}:", token)
        if token.text != "pred" or token.value.lower() != "none":  # which is true without a run
            self.fields[token.text] = None
        return read(self, token)

    # The kinds of fields.

    def label(self, token: Token) -> Condition:
        column = {"label": "c.label", "gold": "c.gold", "pred": "p.label"}[token.text]
        if not token.quoted and token.value.lower() == "none":
            return label_is(column, None)
        if (number := self.labels.get(key(token.value))) is None:
            known = ", ".join(self.labels) or "none yet"
            begun = [name for name in self.labels if name.startswith(f"{token.value} ".casefold())]
            quoted = f'; write {token.text}:"{begun[0]}"' if begun else ""
            self.fail(f"no label called {token.value!r} (labels: {known}, none){quoted}", token)
        return label_is(column, self.value(number))

    def source_column(self, token: Token) -> Condition:
        name = self.columns.get(token.text) or self.columns.get(token.text.casefold())
        if name is None:
            what = "field" if token.kind == "field" else "source column"
            known = f"known: {', '.join(FIELDS)}; source columns: {_listed(self.names)}"
            self.fail(f"no {what} called {token.text!r} ({known})", token)
        if not token.value and not token.quoted:
            self.fail(f"no value after {token.text}:", token)
        if not token.quoted and token.value.lower() == "none":
            return column_is(name, None, self.value)
        number = None if token.quoted else COMPARED.fullmatch(token.value)
        if number is not None and number[1]:
            return column_is(name, float(number[2]), self.value, number[1])
        return column_is(name, token.value, self.value)

    def id(self, token: Token) -> Condition:
        if token.quoted:
            return external_id_is(self.value(token.value.strip()))
        if LISTED.fullmatch(token.value):
            return id_is_one_of(self.value(f"[{token.value}]"))
        if COMPARED.fullmatch(token.value) is None:
            self.fail(
                f"{token.value!r} where the number of a tweet was expected (an id of the file "
                f"stands in quotes: id:{quoted(token.value)})",
                token,
            )
        return self.number(token)

    def note(self, token: Token) -> Condition:
        if not token.quoted and token.value.lower() in ("yes", "no"):
            return self.truth(token)
        return note_contains(token.value, not token.quoted, self.value)

    def number(self, token: Token) -> Condition:
        convert = float if token.text in ("conf", "margin", "entropy") else int
        match = COMPARED.fullmatch(token.value)
        if match is None or (convert is int and not match[2].lstrip("-").isdigit()):
            self.fail(f"{token.value!r} where a number such as >3 was expected", token)
        value = convert(match[2])
        if convert is int and abs(value) >= 2**63:
            self.fail("a number that is too large", token)
        return number_is(token.text, match[1] or "=", self.value(value))

    def split(self, token: Token) -> Condition:
        name = self.one_of(token, SPLITS)
        return split_is(self.value(name))

    def flag(self, token: Token) -> Condition:
        return FLAGS[self.one_of(token, tuple(FLAGS))]

    def truth(self, token: Token) -> Condition:
        holds = TRUTHS[token.text]
        return holds if self.one_of(token, ("yes", "no")) == "yes" else not_(holds)

    def one_of(self, token: Token, choices: tuple[str, ...]) -> str:
        chosen = token.value.lower()
        if chosen not in choices:
            self.fail(
                f"{token.value!r} where {token.text} takes one of {', '.join(choices)}", token
            )
        return chosen

    def by(self, token: Token) -> Condition:
        return edited_by(self.value(token.value))

    def run_term(self, token: Token) -> Condition:
        if not token.value.isascii() or not token.value.isdigit() or len(token.value) > 15:
            self.fail(f"{token.value!r} where the number of a run was expected", token)
        if self.run not in (None, int(token.value)):
            self.fail("a second run (a filter is about one run)", token)
        self.run = int(token.value)
        return HAS_PREDICTION


def _listed(names: Sequence[str]) -> str:
    """The first of the names, as a filter has them."""
    shown = [in_filter(name, FIELDS) for name in names[:MOST_COLUMNS]]
    more = f" and {len(names) - MOST_COLUMNS} more" if len(names) > MOST_COLUMNS else ""
    return ", ".join(shown) + more if shown else "none"


SPLITS = ("train", "dev", "test")
PREDICTED_FIELDS = frozenset({"pred", "conf", "margin", "entropy", "disagree", "insample", "run"})
EDITED_FIELDS = frozenset(
    {"label", "flag", "changed", "reviewed", "disagree", "conflict", "note", "by", "split"}
)
FIELDS: dict[str, Callable[[_Parser, Token], Condition]] = {
    **dict.fromkeys(("label", "gold", "pred"), _Parser.label),
    **dict.fromkeys(NUMBERS, _Parser.number),
    "id": _Parser.id,
    "split": _Parser.split,
    "flag": _Parser.flag,
    **dict.fromkeys(TRUTHS, _Parser.truth),
    "note": _Parser.note,
    "by": _Parser.by,
    "run": _Parser.run_term,
}

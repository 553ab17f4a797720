"""What a term of a filter means in SQL, and which index finds its tweets by itself.

Conditions are about `c` (current), `t` (tweets) and `p` (the predictions of the run :run). Their
columns carry a unary plus where SQLite might otherwise scan an index that is worth nothing: which
index to scan is decided in `storage.query.paging`, which knows how many tweets each one gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.fts_tokens import SPELLED_TOKENS, VOWELLED, is_token, tokenized, unmarked
from storage.judgements import CONFLICT, CONFLICTS
from storage.predicates import CONTRADICTED, CORRECTED, CURRENT, DISAGREES, DUPLICATES, REVIEWED

PLAIN_NAME = re.compile(r"[A-Za-z0-9_ .:#-]+")
"""What SQLite finds in JSON by its name, however both are written."""

IN_CONFLICT = f"SELECT tweet FROM ({CONFLICTS}) UNION ALL {CONTRADICTED}"
"""The tweets with tied judgements, and those of equal texts that came with several labels."""


class Parameter(NamedTuple):
    """A value of a filter, which reaches SQL as a named parameter only."""

    name: str
    value: object

    def __str__(self) -> str:
        """The parameter as it stands in the SQL."""
        return f":{self.name}"


@dataclass(frozen=True)
class Condition:
    """A piece of SQL that is true or false for every tweet, never NULL."""

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    index: str | None = None
    """A query that gives the ids of at least all tweets for which it holds, some perhaps twice."""
    match: str | None = None
    """What the full-text index is asked for, where that is the index."""
    exact: bool = True
    """Whether the index gives no other tweets."""
    absent: str | None = None
    """A query that gives the ids of exactly the tweets for which it does not hold."""
    predicted: bool = False
    """Whether it holds only for tweets that the run :run has a prediction for."""
    probe: str | None = None
    """SQL for the same, where another piece is quicker to ask of one tweet after another."""


def and_(left: Condition, right: Condition) -> Condition:
    """The condition that two conditions hold."""
    return Condition(
        f"({left.sql}) AND ({right.sql})",
        {**left.parameters, **right.parameters},
        left.index or right.index,
        exact=False,
        predicted=left.predicted or right.predicted,
    )


def or_(left: Condition, right: Condition) -> Condition:
    """The condition that at least one of two conditions holds."""
    index = match = None
    if left.index and right.index:
        index = f"SELECT * FROM ({left.index}) UNION ALL SELECT * FROM ({right.index})"
    if left.match and right.match:
        match = f"({left.match}) OR ({right.match})"
    return Condition(
        f"({left.sql}) OR ({right.sql})",
        {**left.parameters, **right.parameters},
        index,
        match,
        exact=left.exact and right.exact,
        predicted=left.predicted and right.predicted,
    )


def combined(
    parts: list[Condition], join: Callable[[Condition, Condition], Condition]
) -> Condition:
    """Conditions as a balanced tree, since SQLite limits how deep an expression nests."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(combined(parts[:middle], join), combined(parts[middle:], join))


def not_(part: Condition) -> Condition:
    """The condition that a condition does not hold."""
    absent = part.index if part.exact else None
    return Condition(f"NOT ({part.sql})", part.parameters, part.absent, absent=absent)


PREDICTED_TWEETS = "SELECT tweet FROM predictions WHERE run = :run"
ORDERED = "SELECT tweet FROM orders WHERE run = {run} AND name = '{name}'"


def label_is(column: str, label: Parameter | None) -> Condition:
    """The condition that a column (c.label, c.gold or p.label) has a label, or has none."""
    value = "NULL" if label is None else str(label)
    index = {
        "c.label": f"{CURRENT} label IS {value}",
        # The index is on (label, gold): it is scanned once per label.
        "c.gold": f"{CURRENT} label IN (SELECT id FROM labels) AND gold IS {value} "
        f"UNION ALL {CURRENT} label IS NULL AND gold IS {value}",
        "p.label": None if label is None else f"{PREDICTED_TWEETS} AND label = {value}",
    }[column]
    predicted = column == "p.label" and label is not None
    return Condition(
        f"+{column} IS {value}", dict([label] if label else []), index, predicted=predicted
    )


def number_is(name: str, comparison: str, value: Parameter) -> Condition:
    """The condition that a number compares to a value; one that a tweet lacks never does."""
    turned = comparison.translate(str.maketrans("<>", "><"))
    index = {
        "len": f"{ORDERED.format(run=0, name='length')} AND value {turned} -{value}",
        "id": f"{CURRENT} tweet {comparison} {value}",
        "group": f"SELECT {value} AS tweet UNION SELECT tweet {DUPLICATES} AND group_id = {value}"
        if comparison == "="
        else None,
        **{
            short: f"{ORDERED.format(run=':run', name=long)} AND value {comparison} {value}"
            for short, long in (
                ("conf", "confidence"),
                ("margin", "margin"),
                ("entropy", "entropy"),
            )
        },
    }[name]
    exact = name != "group"
    sql = f"coalesce(+{NUMBERS[name]} {comparison} {value}, 0)"
    if name == "id":  # the one number that the scan by id can begin or end with
        sql = f"c.tweet {comparison} {value}"
    predicted = NUMBERS[name].startswith("p.")
    return Condition(sql, dict([value]), index, exact=exact, predicted=predicted)


NUMBERS = {
    "conf": "p.confidence",
    "margin": "p.margin",
    "entropy": "p.entropy",
    "len": "c.length",
    "id": "c.tweet",
    "group": "c.group_id",
}

FLAGS = {
    mark: Condition(f"+c.{mark} = 1", {}, f"{CURRENT} {mark} = 1")
    for mark in ("review", "ambiguous", "excluded")
}
TRUTHS = {
    "changed": Condition(
        CORRECTED.replace("c.gold IS NOT NULL", "+c.gold IS NOT NULL"),
        {},
        "SELECT tweet FROM current INDEXED BY current_corrected "
        "WHERE gold IS NOT NULL AND label IS NOT gold",
    ),
    "disagree": Condition(
        DISAGREES, {}, ORDERED.format(run=":run", name="disagreement"), predicted=True
    ),
    "insample": Condition(
        "coalesce(p.in_sample, 0)", {}, f"{PREDICTED_TWEETS} AND in_sample = 1", predicted=True
    ),
    "reviewed": Condition(f"c.tweet IN ({REVIEWED})", {}, REVIEWED),
    "note": Condition("+c.note IS NOT NULL", {}, f"{CURRENT} note IS NOT NULL"),
    "conflict": Condition(
        f"(c.tweet IN ({CONFLICTS}) OR c.tweet IN ({CONTRADICTED}))",
        {},
        IN_CONFLICT,
        probe=f"({CONFLICT} OR c.tweet IN ({CONTRADICTED}))",
    ),
    "duplicate": Condition(
        f"(+c.group_id != c.tweet OR c.tweet IN (SELECT group_id {DUPLICATES}))",
        {},
        f"SELECT tweet {DUPLICATES} UNION ALL SELECT group_id {DUPLICATES}",
    ),
}
HAS_PREDICTION = Condition("p.run IS NOT NULL", {}, PREDICTED_TWEETS, predicted=True)


def split_is(split: Parameter) -> Condition:
    """The condition that a tweet is in a split."""
    return Condition(f"+c.split = {split}", dict([split]), f"{CURRENT} split = {split}")


def edited_by(name: Parameter) -> Condition:
    """The condition that an annotator has changed or confirmed a tweet."""
    index = (
        "SELECT e.tweet FROM label_events e JOIN actions a ON a.id = e.action "
        "WHERE a.kind != 'gold import' AND a.annotator "
        f"IN (SELECT DISTINCT annotator FROM actions WHERE annotator = {name} COLLATE NOCASE)"
    )
    return Condition(f"c.tweet IN ({index})", dict([name]), index)


def id_is_one_of(ids: Parameter) -> Condition:
    """The condition that a tweet is one of those in a JSON array of ids."""
    listed = f"(SELECT value FROM json_each({ids}))"
    return Condition(f"c.tweet IN {listed}", dict([ids]), f"{CURRENT} tweet IN {listed}")


def external_id_is(external_id: Parameter) -> Condition:
    """The condition that a tweet has an id in the file that it came from."""
    index = f"SELECT id AS tweet FROM tweets WHERE external_id = {external_id}"
    return Condition(f"c.tweet IN ({index})", dict([external_id]), index)


def column_is(
    name: str,
    asked: str | float | None,
    value: Callable[[object], Parameter],
    comparison: str = "=",
) -> Condition:
    """The condition that a source column has a value, in any case, compares to one, or has none.

    SQLite reads JSON in a third of the time that Python takes; so where it can it says of most
    tweets that they do not pass, and the rest are looked at by `storage.source_values`.
    """
    column, wanted = value(name), value(asked)
    sql, parameters = f"column_is(t.source, {column}, '{comparison}', {wanted})", [column, wanted]
    if PLAIN_NAME.fullmatch(name) and asked not in ("true", "false"):
        path = value(f'$."{name}"')
        cell = f"json_extract(t.source, {path})"
        parameters.append(path)
        if asked is None:
            sql = f"coalesce({cell}, '') IN ('', '[]')"
        elif isinstance(asked, float):
            sql = (
                f"CASE WHEN {cell} IS NULL THEN 0 WHEN substr({cell}, 1, 1) = '[' "
                f"OR CAST({cell} AS REAL) {comparison} {wanted} THEN {sql} ELSE 0 END"
            )
        elif asked.isascii():
            sql = (
                f"CASE WHEN lower({cell}) = lower({wanted}) THEN 1 "
                f"WHEN substr({cell}, 1, 1) = '[' THEN {sql} ELSE 0 END"
            )
    return Condition(sql, dict(parameters))


def note_contains(text: str, prefix: bool, value: Callable[[object], Parameter]) -> Condition:
    """The condition that a note contains a word or phrase, as `text_contains` has it of a text."""
    words = value(text)
    has = f"has_words({{note}}, {words}, {int(prefix)})"
    index = f"{CURRENT} note IS NOT NULL AND {has.format(note='note')}"
    return Condition(has.format(note="c.note"), dict([words]), index)


def text_contains(text: str, prefix: bool, value: Callable[[object], Parameter]) -> Condition:
    """The condition that a text contains a word or phrase, in any case.

    Whole words where the text has words (`bull` does not find `bullish`, `bull*` does; `tsla`
    finds `$TSLA` and `#tsla` too); anywhere in the text for emoji and for scripts without spaces.
    """
    text = unmarked(text) or text
    starts_with = prefix and len(text) > 1 and text.endswith("*")
    text = text[:-1] if starts_with else text
    if not any(c.isalnum() for c in text) or any(map(is_token, text)):
        return _anywhere(text, value)
    star = "*" if starts_with else ""
    spellings = [text] if text[0] in "$#@" else [text, f"${text}", f"#{text}", f"@{text}"]
    return _matching(
        " OR ".join(f'"{spelling.replace(chr(34), "")}"{star}' for spelling in spellings), value
    )


def _anywhere(text: str, value: Callable[[object], Parameter]) -> Condition:
    """The condition that a text has these characters; the index knows those that are tokens."""
    pattern = value("%" + re.sub(r"([\\%_])", r"\\\1", text) + "%")
    column = "t.text" if not VOWELLED.search(text) else "unmarked(t.text)"
    sql, values = f"{column} LIKE {pattern} ESCAPE '\\'", dict([pattern])
    runs = SPELLED_TOKENS.findall(tokenized(text))
    if not runs:
        return Condition(sql, values)
    known = _matching(" AND ".join('"' + " ".join(run.split()) + '"' for run in runs), value)
    return Condition(
        sql,
        {**values, **known.parameters},
        known.index,
        known.match,
        exact=False,
    )


def _matching(match: str, value: Callable[[object], Parameter]) -> Condition:
    asked = value(match)
    index = f"SELECT rowid FROM tweets_fts WHERE tweets_fts MATCH {asked}"
    return Condition(
        f"c.tweet IN ({index})",
        dict([asked]),
        index,
        match,
        probe=f"EXISTS ({index} AND rowid = c.tweet)",
    )

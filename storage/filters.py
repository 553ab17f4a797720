"""The filter language: text such as `label:negative conf:>0.9 $TSLA -moon` to parameterised SQL.

filter     = or
or         = and ("or" and)*
and        = not (["and"] not)*
not        = ("-" | "not") not | "(" or ")" | term
term       = field ":" [comparison] value | word | word"*" | '"' phrase '"'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from storage.errors import UsageError

MAX_LENGTH = 2000
MAX_DEPTH = 60


class FilterError(UsageError):
    """A filter that cannot be understood; `position` is the offset of the offending character."""

    def __init__(self, reason: str, source: str, position: int) -> None:
        self.source = source
        self.position = position
        super().__init__(f"The filter has {reason} at column {position + 1}.")

    def caret(self, shown: Callable[[str], str] = str) -> str:
        """The filter with a caret under the place; `shown` makes text safe for a terminal."""
        start = max(0, self.position - 60)
        before = shown(self.source[start : self.position])
        after = shown(self.source[self.position : start + 76])
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in before)
        return f"  {before}{after}\n  {' ' * (len(before) + wide)}^"


@dataclass(frozen=True)
class Query:
    """A condition over `t` (tweets), `c` (current) and `p` (predictions of one run)."""

    where: str
    parameters: tuple[object, ...]
    run: int | None
    """The run that a `run:` term names; pred, conf and the like are about it."""


@dataclass(frozen=True)
class Token:
    """A piece of the source: kind is word, phrase, field, (, ), - or end."""

    kind: str
    text: str
    position: int
    value: str = ""
    quoted: bool = False


def compile_filter(source: str, label_ids: Mapping[str, int]) -> Query:
    """Translate a filter; raises FilterError with the place of the first mistake."""
    if len(source) > MAX_LENGTH:
        raise FilterError(f"more than {MAX_LENGTH:,} characters", source, MAX_LENGTH)
    parser = _Parser(source, {name.casefold(): number for name, number in label_ids.items()})
    where, parameters = parser.parse()
    return Query(where, tuple(parameters), parser.run)


Sql = tuple[str, list[object]]

TOKEN = re.compile(
    r"""(?P<space>\s+)
    | (?P<bracket>[()])
    | (?P<minus>-(?=[^\s-]))
    | "(?P<phrase>[^"]*)(?P<close>"?)
    | (?P<field>[A-Za-z_]+):(?:"(?P<quoted>[^"]*)"|(?P<value>[^\s()"]*))
    | (?P<word>[^\s()"]+)
    """,
    re.VERBOSE,
)


def tokens(source: str) -> list[Token]:
    """Split a filter into its tokens; raises FilterError for a quote that is not closed."""
    if unsearchable := re.search("[\x00\ud800-\udfff]", source):
        raise FilterError("a character that no text can hold", source, unsearchable.start())
    found = []
    position = 0
    while position < len(source):
        match = TOKEN.match(source, position)
        if match is None:
            raise FilterError('a quote that is not closed (add a ")', source, position)
        if match["bracket"]:
            found.append(Token(match["bracket"], match["bracket"], position))
        elif match["minus"]:
            found.append(Token("-", "-", position))
        elif match["phrase"] is not None:
            if not match["close"]:
                raise FilterError('a quote that is not closed (add a ")', source, position)
            found.append(Token("phrase", match["phrase"], position))
        elif match["field"] and match["field"].lower() not in ("http", "https"):
            quoted = match["quoted"] is not None
            value = match["quoted"] if quoted else match["value"]
            found.append(Token("field", match["field"].lower(), position, value, quoted))
        elif not match["space"]:
            found.append(Token("word", match[0], position))
        position = match.end()
    return [*found, Token("end", "", len(source))]


class _Parser:
    def __init__(self, source: str, labels: Mapping[str, int]) -> None:
        self.source = source
        self.labels = labels
        self.tokens = tokens(source)
        self.at = 0
        self.depth = 0
        self.run: int | None = None

    def parse(self) -> Sql:
        if self.peek().kind == "end":
            return "1", []
        result = self.either()
        if self.peek().kind != "end":
            self.fail("a bracket that was never opened", self.peek())
        return result

    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def fail(self, reason: str, token: Token) -> NoReturn:
        raise FilterError(reason, self.source, token.position)

    def is_word(self, word: str) -> bool:
        return self.peek().kind == "word" and self.peek().text.lower() == word

    def either(self) -> Sql:
        parts = [self.both()]
        while self.is_word("or"):
            self.take()
            parts.append(self.both())
        return _join(" OR ", parts)

    def both(self) -> Sql:
        parts = [self.negation()]
        while not self.is_word("or") and self.peek().kind not in ("end", ")"):
            if self.is_word("and"):
                self.take()
            parts.append(self.negation())
        return _join(" AND ", parts)

    def negation(self) -> Sql:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("too many brackets inside one another", self.peek())
        try:
            if self.peek().kind == "-" or self.is_word("not"):
                self.take()
                where, parameters = self.negation()
                return f"NOT ({where})", parameters
            if self.peek().kind == "(":
                opening = self.take()
                result = self.either()
                if self.peek().kind != ")":
                    self.fail("a bracket that is not closed", opening)
                self.take()
                return result
            return self.term()
        finally:
            self.depth -= 1

    def term(self) -> Sql:
        token = self.take()
        if token.kind == "end":
            self.fail("nothing where a word or condition was expected", token)
        if token.kind == ")":
            self.fail("a closing bracket where a word or condition was expected", token)
        if token.kind == "word" and token.text.lower() in ("and", "or"):
            self.fail(f"nothing before {token.text!r}", token)
        if token.kind != "field":
            return text_condition(token.text, prefix=token.kind == "word")
        if (read := FIELDS.get(token.text)) is None:
            self.fail(f"no field called {token.text!r} (known: {', '.join(FIELDS)})", token)
        if not token.value:
            self.fail(f"no value after {token.text}:", token)
        return read(self, token)

    # The kinds of fields.

    def label(self, token: Token) -> Sql:
        column = {"label": "c.label", "gold": "c.gold", "pred": "p.label"}[token.text]
        if not token.quoted and token.value.lower() == "none":
            return f"{column} IS NULL", []
        if (number := self.labels.get(token.value.casefold())) is None:
            known = ", ".join(self.labels) or "none yet"
            self.fail(f"no label called {token.value!r} (labels: {known}, none)", token)
        return f"{column} IS ?", [number]

    def number(self, token: Token) -> Sql:
        column, convert = NUMBERS[token.text]
        match = re.fullmatch(r"(>=|<=|>|<|=)?(-?\d+(?:\.\d+)?)", token.value)
        if match is None or (convert is int and not match[2].lstrip("-").isdigit()):
            self.fail(f"{token.value!r} where a number such as >3 was expected", token)
        value = convert(match[2])
        if convert is int and abs(value) >= 2**63:
            self.fail("a number that is too large", token)
        return f"coalesce({column} {match[1] or '='} ?, 0)", [value]

    def split(self, token: Token) -> Sql:
        return self.one_of(token, {name: ("t.split = ?", [name]) for name in SPLITS})

    def flag(self, token: Token) -> Sql:
        return self.one_of(token, {name: (f"c.{name} = 1", []) for name in FLAGS})

    def truth(self, token: Token) -> Sql:
        condition = TRUTHS[token.text]
        return self.one_of(token, {"yes": (f"({condition})", []), "no": (f"NOT ({condition})", [])})

    def one_of(self, token: Token, choices: dict[str, Sql]) -> Sql:
        if (chosen := choices.get(token.value.lower())) is None:
            self.fail(
                f"{token.value!r} where {token.text} takes one of {', '.join(choices)}", token
            )
        return chosen

    def by(self, token: Token) -> Sql:
        return (
            "t.id IN (SELECT e.tweet FROM label_events e JOIN actions a ON a.id = e.action "
            "WHERE a.annotator = ? COLLATE NOCASE AND a.kind != 'gold import')",
            [token.value],
        )

    def run_term(self, token: Token) -> Sql:
        if not token.value.isascii() or not token.value.isdigit() or len(token.value) > 15:
            self.fail(f"{token.value!r} where the number of a run was expected", token)
        if self.run not in (None, int(token.value)):
            self.fail("a second run (a filter is about one run)", token)
        self.run = int(token.value)
        return "p.run IS NOT NULL", []


SPLITS = ("train", "dev", "test")
FLAGS = ("review", "ambiguous", "excluded")
CORRECTED = "c.gold IS NOT NULL AND c.label IS NOT c.gold"
DISAGREES = "p.label IS NOT NULL AND c.label IS NOT NULL AND p.label != c.label"
TRUTHS = {
    "changed": CORRECTED,
    "disagree": DISAGREES,
    "insample": "coalesce(p.in_sample, 0)",
    "note": "coalesce(c.note, '') != ''",
    "duplicate": "t.group_id IN (SELECT group_id FROM tweets "
    "GROUP BY group_id HAVING count(*) > 1)",
}
NUMBERS: dict[str, tuple[str, Callable[[str], float]]] = {
    "conf": ("p.confidence", float),
    "margin": ("p.margin", float),
    "entropy": ("p.entropy", float),
    "len": ("length(t.text)", int),
    "id": ("t.id", int),
    "group": ("t.group_id", int),
}
FIELDS: dict[str, Callable[[_Parser, Token], Sql]] = {
    **dict.fromkeys(("label", "gold", "pred"), _Parser.label),
    **dict.fromkeys(NUMBERS, _Parser.number),
    "split": _Parser.split,
    "flag": _Parser.flag,
    **dict.fromkeys(TRUTHS, _Parser.truth),
    "by": _Parser.by,
    "run": _Parser.run_term,
}


def text_condition(text: str, prefix: bool = False) -> Sql:
    """The condition that a tweet contains a word or phrase, in any case.

    Whole words where the text has words (`bull` does not find `bullish`, `bull*` does; `tsla`
    finds `$TSLA` and `#tsla` too); anywhere in the text for emoji and for scripts without spaces.
    """
    starts_with = prefix and len(text) > 1 and text.endswith("*")
    text = text[:-1] if starts_with else text
    if not any(c.isalnum() for c in text) or any(map(_unspaced, text)):
        pattern = re.sub(r"([\\%_])", r"\\\1", text)
        return "t.text LIKE ? ESCAPE '\\'", [f"%{pattern}%"]
    star = "*" if starts_with else ""
    spellings = [text] if text[0] in "$#@" else [text, f"${text}", f"#{text}", f"@{text}"]
    match = " OR ".join(f'"{spelling.replace(chr(34), "")}"{star}' for spelling in spellings)
    return "t.id IN (SELECT rowid FROM tweets_fts WHERE tweets_fts MATCH ?)", [match]


def _unspaced(character: str) -> bool:
    """Whether the full-text index cannot find this character by whole words."""
    if character.isascii():
        return False
    name = unicodedata.name(character, "")
    unspaced = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
    return name.startswith(unspaced) or unicodedata.category(character) in ("So", "Sk", "Sm", "Sc")


def _join(operator: str, parts: list[Sql]) -> Sql:
    """Put conditions together as a balanced tree: SQLite limits how deep an expression nests."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    (left, first), (right, second) = (
        _join(operator, parts[:middle]),
        _join(operator, parts[middle:]),
    )
    return f"({left}){operator}({right})", [*first, *second]

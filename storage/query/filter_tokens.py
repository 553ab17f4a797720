"""The pieces that the text of a filter consists of, with the places where they begin."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass

from storage.errors import UsageError

UNCLOSED = 'a quote that is not closed (add a ")'
PHRASE = r'"(?P<{}>(?:[^"\\]|\\.)*+)'
"""What stands in quotes, up to the one that closes it."""
TOKEN = re.compile(
    rf"""(?P<space>\s+)
    | (?P<bracket>[()])
    | (?P<minus>-(?=[^\s-]))
    | {PHRASE.format("phrase")}(?P<close>"?)
    | (?P<field>[Cc][Oo][Ll]\.(?:{PHRASE.format("column")}"|[^\s:()"]+)|[^\W\d][\w.-]*):
      (?:{PHRASE.format("quoted")}"|(?P<value>[^\s()"]*))
    | (?P<word>[^\s()"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
NAME = re.compile("[A-Za-z_]+")
"""What is a field wherever it stands before a colon; other names are if a column has them."""
SCHEMES = ("http", "https")
WORD = re.compile(r'[^\s()"]+')
ESCAPE = re.compile(r'\\(["\\])')


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
class Token:
    """A piece of the source: kind is word, phrase, field, column, (, ), - or end."""

    kind: str
    text: str
    position: int
    value: str = ""
    quoted: bool = False


def tokens(source: str, columns: Collection[str] = ()) -> list[Token]:
    """Split a filter into its tokens; raises FilterError for a quote that is not closed.

    `columns` are casefolded names that are fields though they hold more than ASCII letters.
    """
    if unsearchable := re.search("[\x00\ud800-\udfff]", source):
        raise FilterError("a character that no text can hold", source, unsearchable.start())
    found = []
    position = 0
    while position < len(source):
        match = TOKEN.match(source, position)
        if match is None:
            raise FilterError(UNCLOSED, source, position)
        if match["bracket"]:
            found.append(Token(match["bracket"], match["bracket"], position))
        elif match["minus"]:
            found.append(Token("-", "-", position))
        elif match["phrase"] is not None:
            if not match["close"]:
                raise FilterError(UNCLOSED, source, position)
            found.append(Token("phrase", _unescaped(match["phrase"]), position))
        elif match["field"] and _is_field(match, columns):
            found.append(_field(match, position))
        elif not match["space"]:
            match = WORD.match(source, position) or match
            found.append(Token("word", match[0], position))
        position = match.end()
    return [*found, Token("end", "", len(source))]


def _is_field(match: re.Match[str], columns: Collection[str]) -> bool:
    name = match["field"]
    if name.lower() in SCHEMES:
        return False
    return bool(NAME.fullmatch(name)) or _is_column(name) or name.casefold() in columns


def _is_column(name: str) -> bool:
    return name[:4].lower() == "col."


def _field(match: re.Match[str], position: int) -> Token:
    name, kind = match["field"], "field"
    if _is_column(name):
        kind = "column"
        name = name[4:] if match["column"] is None else _unescaped(match["column"])
    quoted = match["quoted"] is not None
    value = _unescaped(match["quoted"]) if quoted else match["value"]
    return Token(kind, name, position, value, quoted)


def _unescaped(phrase: str) -> str:
    return ESCAPE.sub(r"\1", phrase)


def quoted(text: str) -> str:
    """A text as a filter has it in quotes."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'

"""Guessing which columns of a file hold the labels that one annotator each gave.

A column too many makes judgements that nobody gave, one too few stays a field of its tweets: so
models, aspects of a text and flags are left alone, and what is in doubt is only told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from storage.formats.columns import MOST_LABELS
from storage.formats.values.cells import label_of
from storage.formats.values.codes import are_numbers
from storage.formats.values.column_names import ALL_NAMES, LABEL_WORDS, fold
from storage.label_names import key

Rows = Sequence[Mapping[str, Any]]
WORD = re.compile(r"[^\W\d_]+|\d+")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
PEOPLE = re.compile(
    "annotators?|annotations?|ann|raters?|coders?|judges?|judge?ments?|labell?ers?|workers?"
    "|reviewers?|experts?|humans?|persons?|assessors?|graders?"
)
"""Words in names of columns that are of somebody."""
LABEL = re.compile("labels?|labell?ed|by")
"""Words that say nothing."""
MODELS = re.compile(
    "models?|pred(?:s|ict|icted|ictions?)?|scores?|prob(?:s|a|ability|abilities)?|conf(?:idence)?"
    "|logits?|outputs?|suggest(?:ed|ions?)|runs?|rules?|lexicon|baseline|classifier|system|silver"
    r"|weak|auto|automatic|machine|ai|llm|\w*gpt\w*|\w*bert\w*|openai|claude|gemini|\w*llama|mi[sx]tral"
    "|falcon|qwen|phi|gemma|deepseek|electra|xlnet|bart|vader|textblob|flair|afinn|spacy|stanza"
    "|svm|bayes|nb|logreg|xgboost|[lrc]nn|lstm|tfidf|fasttext|setfit"
)
LOOSE = frozenset(
    ("output", "outputs", "score", "scores", "run", "runs", "rule", "rules", "system", "machine")
)
"""Those of them that people call their own labels too."""
VERDICTS = re.compile("gold|final|truth|true|majority|consensus|aggregated?|adjudicated|agreed")
"""Words in the name of the column that holds what came of several labels."""
VERSIONS = re.compile("old|new|original|corrected|previous|given|clean|noisy|expected|rejected")
FLAGS = frozenset(("yes", "no", "y", "n", "true", "false", "t", "f", "on", "off"))
"""Values of columns that can be about anything."""
FEW = 3
"""Columns of any other words that are of annotators, where they agree."""


@dataclass(frozen=True)
class AnnotatorColumns:
    """Columns that hold the same few labels."""

    names: tuple[str, ...] = ()
    sure: bool = False
    """They are of annotators, as far as one can see."""


def find(sample: Rows, free: Iterable[str], expected: Collection[str]) -> AnnotatorColumns:
    """The columns of annotators among those that play no part.

    `expected` are the keys of the labels, where they are known or another column holds them.
    """
    values = {column: _values(column, sample) for column in free}
    able = [column for column, found in values.items() if _may_be_labels(column, found)]
    kin = _of_one_set({column: values[column] for column in able}, expected)
    people = tuple(column for column in kin if _has(column, PEOPLE))
    if len(people) > 1 and _differ_in_the_person(people):
        return AnnotatorColumns(people, sure=True)
    if len(kin) < 2:
        return AnnotatorColumns()
    beside_models = any(_has(name, MODELS) for name in values if values[name] & values[kin[0]])
    usual = all(values[column] <= {*expected, *LABEL_WORDS} for column in kin)
    agreed, pairs = _agreement(kin, sample)
    enough = usual or (len(kin) >= FEW and pairs > 0)
    sure = enough and not beside_models and 2 * agreed >= pairs and _differ_in_the_person(kin)
    return AnnotatorColumns(kin, sure) if usual or sure else AnnotatorColumns()


def _values(column: str, sample: Rows) -> frozenset[str]:
    """The keys of the labels in a column; empty if it holds something else than texts."""
    cells = [cell for row in sample if (cell := row.get(column)) not in (None, "")]
    if not all(
        isinstance(cell, str) and not cell.lstrip().startswith(("[", "{")) for cell in cells
    ):
        return frozenset()
    return frozenset(key(label) for cell in cells if (label := label_of(cell)) is not None)


def _may_be_labels(column: str, values: frozenset[str]) -> bool:
    if not 1 <= len(values) <= MOST_LABELS or fold(column) in ALL_NAMES:
        return False
    if any(_has(column, words) for words in (MODELS, VERDICTS, VERSIONS)) or are_numbers(values):
        return False
    return not values <= FLAGS or _is_numbered(column)


def is_verdict(column: str) -> bool:
    """Whether a column beside those of annotators is called like the label that counts."""
    return _has(column, VERDICTS) and not _has(column, MODELS)


def is_of_model(column: str) -> bool:
    """Whether a column is called like one of what a model said, and of nobody who judges it."""
    surely = any(MODELS.fullmatch(word) and word not in LOOSE for word in _words(column))
    return surely and not (_has(column, PEOPLE) or _has(column, VERDICTS))


def _is_numbered(column: str) -> bool:
    """Whether a column is called like one of several people, such as `rater_2`."""
    others = [
        word for word in _words(column) if not (PEOPLE.fullmatch(word) or LABEL.fullmatch(word))
    ]
    return _has(column, PEOPLE) and all(len(word) == 1 or word.isdecimal() for word in others)


def _of_one_set(values: Mapping[str, frozenset[str]], expected: Collection[str]) -> tuple[str, ...]:
    """The columns that hold labels of one set: the expected ones, usual ones, or any."""
    if expected:
        return tuple(column for column, found in values.items() if found <= {*expected})
    usual = tuple(column for column, found in values.items() if found <= LABEL_WORDS)
    if len(usual) > 1:
        return usual
    groups = [
        tuple(column for column, found in values.items() if found <= whole and len(found) > 1)
        for whole in values.values()
    ]
    return max(groups, key=len, default=())


def _words(column: str) -> frozenset[str]:
    return frozenset(WORD.findall(HUMP.sub(" ", column).casefold()))


def _has(column: str, words: re.Pattern[str]) -> bool:
    return any(map(words.fullmatch, _words(column)))


def _differ_in_the_person(columns: Sequence[str]) -> bool:
    """Whether columns share no word that says what they are about, such as `lang` or `stance`."""
    shared = {
        word for one, other in combinations(columns, 2) for word in _words(one) & _words(other)
    }
    return all(PEOPLE.fullmatch(word) or LABEL.fullmatch(word) for word in shared)


def _agreement(columns: Sequence[str], sample: Rows) -> tuple[int, int]:
    """How many pairs of labels of one row are equal, and how many there are."""
    agreed = pairs = 0
    for row in sample:
        given = [key(label) for column in columns if (label := label_of(row.get(column)))]
        for one, other in combinations(given, 2):
            pairs += 1
            agreed += one == other
    return agreed, pairs

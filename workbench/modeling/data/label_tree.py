"""The label words as a prefix tree of tokens, by which labels are disjoint outcomes.

A word that begins another one ends with the end token, so that no answer begins another. Where
more than one token can follow, the model chooses: the softmax over these tokens alone. The
probability of a label is the product of the choices on its path. It is the probability that the
model writes this word if it may write label words only, and those of all labels sum to 1. Words of
one token have one choice: the softmax over the label tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Tokens = tuple[int, ...]
NO_END = -1
"""In place of the end token where a tokenizer has none, or nobody has noted it."""


@dataclass(frozen=True)
class Choice:
    """A place in the answer at which more than one token can follow."""

    path: Tokens
    """The tokens of the answer before it."""
    columns: tuple[int, ...]
    """The tokens that can follow, as columns of the tree."""


@dataclass(frozen=True)
class Decision:
    """What a choice has to be for a label."""

    choice: int
    """The number of the choice."""
    option: int
    """The place of the right token among those that can follow."""


@dataclass(frozen=True)
class LabelTree:
    """The choices that lead to each label."""

    choices: tuple[Choice, ...]
    columns: Tokens
    """The tokens of all choices, each once; of words of one token, in the order of the labels."""
    decisions: tuple[tuple[Decision, ...], ...]
    """Of each label, from the first token of the answer on."""

    def column(self, decision: Decision) -> int:
        """The column of the token that a decision is for."""
        return self.choices[decision.choice].columns[decision.option]

    def path(self, label: int) -> Tokens:
        """The tokens of the answer before the last choice that leads to a label."""
        return self.choices[self.decisions[label][-1].choice].path

    @property
    def branches(self) -> dict[Tokens, list[int]]:
        """The paths after which a model has to be asked, and the numbers of the choices on each.

        After a prompt with such a path, the choices along it are answered in one forward pass.
        """
        paths = [choice.path for choice in self.choices]
        deepest = [path for path in paths if not any(_begins(path, other) for other in paths)]
        found: dict[Tokens, list[int]] = {path: [] for path in deepest}
        for number, path in enumerate(paths):
            first = next(other for other in deepest if other[: len(path)] == path)
            found[first].append(number)
        return found


def closed_answers(words: Sequence[Tokens], end: int) -> list[Tokens]:
    """The tokens of each answer: a word that begins another one is followed by the end token."""
    return [
        (*word, end) if any(_begins(word, other) for other in words) else word for word in words
    ]


def label_tree(answers: Sequence[Tokens]) -> LabelTree:
    """The tree of two or more answers, none of which begins another."""
    following: dict[Tokens, list[int]] = {}
    for answer in answers:
        for place, token in enumerate(answer):
            tokens = following.setdefault(answer[:place], [])
            if token not in tokens:
                tokens.append(token)
    open_paths = {path: tokens for path, tokens in following.items() if len(tokens) > 1}
    columns = tuple(dict.fromkeys(token for tokens in open_paths.values() for token in tokens))
    numbers = {path: number for number, path in enumerate(open_paths)}
    choices = tuple(
        Choice(path, tuple(map(columns.index, tokens))) for path, tokens in open_paths.items()
    )
    decisions = tuple(
        tuple(
            Decision(numbers[answer[:place]], open_paths[answer[:place]].index(token))
            for place, token in enumerate(answer)
            if answer[:place] in numbers
        )
        for answer in answers
    )
    return LabelTree(choices, columns, decisions)


def _begins(word: Tokens, other: Tokens) -> bool:
    return len(word) < len(other) and other[: len(word)] == word

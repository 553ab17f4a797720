"""Prompts and label words as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from storage.errors import UserError
from workbench.modeling.data.label_tree import LabelTree, closed_answers, label_tree

Tokenizer = Any
"""A transformers fast tokenizer."""


@dataclass(frozen=True)
class Prompter:
    """Turns a text into the tokens of a prompt, and knows the tokens of each label word."""

    tokenizer: Tokenizer
    template: str
    """The prompt, with {text} where the text goes."""
    labels: tuple[str, ...]
    label_token_ids: tuple[tuple[int, ...], ...]
    """The tokens of each label word as they follow the prompt, in the order of the labels."""
    max_length: int
    """Most tokens of a prompt together with its label word."""

    @property
    def end_token_id(self) -> int:
        """The token that ends an answer in full-text training, and a word that begins another."""
        end: int = self.tokenizer.eos_token_id
        return end

    @cached_property
    def label_tree(self) -> LabelTree:
        """The choices of tokens that lead to each label."""
        return label_tree(closed_answers(self.label_token_ids, self.end_token_id))

    def encode(self, texts: Sequence[str], reserve: int = 0) -> list[list[int]]:
        """The tokens of the prompt of each text; a text that is too long loses its end only.

        Each prompt leaves room for a label word and for `reserve` tokens more in `max_length`.
        """
        room = self.max_length - max(map(len, self.label_token_ids)) - reserve
        return [
            tokens if len(tokens) <= room else self._tokenize([self.truncate(text, room)])[0]
            for text, tokens in zip(texts, self._tokenize([*texts]), strict=True)
        ]

    def as_text(self, text: str, label_word: str = "") -> str:
        """The prompt of a text, followed by a label word, as one string."""
        return self.template.replace("{text}", text) + label_word

    def truncate(self, text: str, room: int) -> str:
        """The longest beginning of a text whose prompt has at most `room` tokens."""
        if len(self._tokenize([text])[0]) <= room:
            return text
        offsets = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        fixed = len(self._tokenize([""])[0])
        keep = max(0, min(room - fixed, len(offsets)))
        while keep > 0:
            truncated = text[: offsets[keep - 1][1]]
            excess = len(self._tokenize([truncated])[0]) - room
            if excess <= 0:
                return truncated
            keep -= excess
        return ""

    def _tokenize(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        encoded: list[list[int]] = self.tokenizer([self.as_text(text) for text in texts])[
            "input_ids"
        ]
        end = self.tokenizer.eos_token_id
        return [ids[:-1] if ids and ids[-1] == end else ids for ids in encoded]


def make_prompter(
    tokenizer: Tokenizer,
    template: str,
    labels: Sequence[str],
    words: Sequence[str],
    max_length: int,
) -> Prompter:
    """Make a prompter, with the tokens of each label word.

    A word follows the prompt after a space, since most vocabularies hold whole words only with
    their leading space (Falcon: " Positive" is one token, "Positive" is two). Raises UserError when
    two words are the same tokens, or when `max_length` leaves no room for a text.
    """
    label_token_ids = [
        tuple(tokenizer(f" {word}", add_special_tokens=False)["input_ids"]) for word in words
    ]
    for number, token_ids in enumerate(label_token_ids):
        if not token_ids or token_ids in label_token_ids[:number]:
            raise UserError(
                f"The label word {words[number]!r} cannot be told from another by this model's "
                "tokenizer; choose other words under [words] in workbench.toml."
            )
    prompter = Prompter(tokenizer, template, tuple(labels), tuple(label_token_ids), max_length)
    if max_length < len(prompter._tokenize([""])[0]) + max(map(len, label_token_ids)) + 8:
        raise UserError(
            f"training.max_length={max_length} leaves no room for a text in the prompt; raise it."
        )
    return prompter

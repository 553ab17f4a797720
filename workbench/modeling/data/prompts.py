"""Prompts and label words as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import UserError

Tokenizer = Any
"""A transformers fast tokenizer."""


@dataclass(frozen=True)
class Prompter:
    """Turns a text into the tokens of a prompt, and knows the tokens of each label word."""

    tokenizer: Tokenizer
    template: str
    labels: tuple[str, ...]
    answers: tuple[tuple[int, ...], ...]
    """The tokens of each label word as they follow the prompt, in the order of the labels."""
    max_length: int
    """Tokens of a prompt together with its answer."""

    @property
    def single(self) -> bool:
        """Whether each label word is one token, so that one position decides."""
        return all(len(answer) == 1 for answer in self.answers)

    def prompts(self, texts: Sequence[str], room_for: int = 0) -> list[list[int]]:
        """The tokens of the prompts; a text that is too long loses its end, not its question.

        Leaves room for an answer and for so many tokens more.
        """
        room = self.max_length - max(map(len, self.answers)) - room_for
        return [
            tokens if len(tokens) <= room else self._fitted(text, room)
            for text, tokens in zip(texts, self._encode([*texts]), strict=True)
        ]

    def text(self, text: str, answer: str = "") -> str:
        """The prompt as text, for the format in which text and answer are one string."""
        return self.template.replace("{text}", text) + answer

    def shortened(self, text: str, room: int) -> str:
        """The longest beginning of a text whose prompt has at most `room` tokens."""
        if len(self._encode([text])[0]) <= room:
            return text
        offsets = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        fixed = len(self._encode([""])[0])
        keep = max(0, min(room - fixed, len(offsets)))
        while keep > 0:
            shortened = text[: offsets[keep - 1][1]]
            excess = len(self._encode([shortened])[0]) - room
            if excess <= 0:
                return shortened
            keep -= excess
        return ""

    def _fitted(self, text: str, room: int) -> list[int]:
        return self._encode([self.shortened(text, room)])[0]

    def _encode(self, texts: list[str]) -> list[list[int]]:
        if not texts:
            return []
        encoded: list[list[int]] = self.tokenizer([self.text(text) for text in texts])["input_ids"]
        end = self.tokenizer.eos_token_id
        return [ids[:-1] if ids and ids[-1] == end else ids for ids in encoded]


def make_prompter(
    tokenizer: Tokenizer,
    template: str,
    labels: Sequence[str],
    words: Sequence[str],
    max_length: int,
) -> Prompter:
    """Look up the label words; raises UserError when two of them are the same tokens.

    A word follows the prompt after a space, since most vocabularies hold whole words only with
    their leading space (Falcon: " Positive" is one token, "Positive" is two).
    """
    answers = [
        tuple(tokenizer(f" {word}", add_special_tokens=False)["input_ids"]) for word in words
    ]
    for number, answer in enumerate(answers):
        if not answer or answer in answers[:number]:
            raise UserError(
                f"The label word {words[number]!r} cannot be told from another by this model's "
                "tokenizer; choose other words under [words] in workbench.toml."
            )
    prompter = Prompter(tokenizer, template, tuple(labels), tuple(answers), max_length)
    if max_length < len(prompter._encode([""])[0]) + max(map(len, answers)) + 8:
        raise UserError(
            f"training.max_length={max_length} leaves no room for a text in the prompt; raise it."
        )
    return prompter

"""Texts as tokens: what the tokenizer begins a text with once, no end, and no control in tweets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from workbench.recipes.tokenizer_files import without_embedding

Tokenizer = Any
"""A transformers fast tokenizer."""


def encode(tokenizer: Tokenizer, texts: Sequence[str], begin: Sequence[int]) -> list[list[int]]:
    """The tokens of texts that are to be gone on with, so without an end token.

    `begin` are the tokens that each begins with (`beginning`); a text that has them written out,
    as those of chat templates, gets them once.
    """
    if not texts:
        return []
    encoded: list[list[int]] = tokenizer([*texts], add_special_tokens=False)["input_ids"]
    begin = [*begin]
    return [ids if ids[: len(begin)] == begin else begin + ids for ids in encoded]


def beginning(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The tokens that a tokenizer puts before each text, such as the one that begins a sequence."""
    [first, *_] = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    return tuple(whole[: whole.index(first)])


class ControlTokens:
    """The texts that a tokenizer reads as control tokens, such as the end of a sequence."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        added = tokenizer.added_tokens_decoder.values()
        self.texts = [token.content for token in added if token.special and len(token.content) > 1]
        self.pattern = re.compile("|".join(map(re.escape, self.texts)) or "(?!)")

    def defuse(self, text: str) -> str:
        """A text in which they are characters like others, by a space after the first character."""
        while self.pattern.search(text):
            for control in self.texts:
                text = text.replace(control, f"{control[0]} {control[1:]}")
        return text


def use_known_tokens(tokenizer: Tokenizer, embeddings: int, name: str) -> None:
    """Let a tokenizer pad with a token that the model has an embedding for.

    Nothing ever looks at padding, so any will do: the one for it, that of the end, or the first.
    Raises UserError if a text could have a token that the model has no embedding for. Control
    tokens are not among these, since no tweet brings one.
    """
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= embeddings:
        ends = tokenizer.eos_token_id is not None and tokenizer.eos_token_id < embeddings
        tokenizer.pad_token = tokenizer.eos_token if ends else tokenizer.convert_ids_to_tokens(0)
    if len(tokenizer) <= embeddings:
        return
    control = {n for n, token in tokenizer.added_tokens_decoder.items() if token.special}
    beyond = sorted(
        (number, token)
        for token, number in tokenizer.get_vocab().items()
        if number >= embeddings and number not in control
    )
    if beyond:
        raise without_embedding(name, [token for _, token in beyond])

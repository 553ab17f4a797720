"""The end of a prompt, where the label word follows, and the tokens that are then written.

A word follows the prompt after a space, since most vocabularies hold whole words with their leading
space (Falcon: " Positive" is one token, "Positive" is two), and at once after a prompt that ends
with a space, a line end or {answer}. Its tokens are those of prompt and word less those of the
prompt, so that they are the ones that somebody who tokenizes the whole would get.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from storage.config import ANSWER
from storage.errors import UserError
from workbench.modeling.data.label_tree import Tokens
from workbench.modeling.data.tokenizing import Tokenizer, beginning, encode

PROBES = ("up", "no way that this goes up again, they said!")


class PromptEnd(NamedTuple):
    """A template without the place of the answer, and what is written between it and the word."""

    template: str
    between: str


def place_answers(
    tokenizer: Tokenizer, template: str, words: Sequence[str]
) -> tuple[str, tuple[Tokens, ...]]:
    """The template up to the answer, and the tokens of each label word after it.

    Raises UserError when a word changes the tokens of the prompt itself, when it has characters
    that the tokenizer does not know, or when two words are the same tokens.
    """
    begin = beginning(tokenizer)
    for end in _prompt_ends(template):
        answers = [_answer(tokenizer, end, word, begin) for word in words]
        if all(answer is not None for answer in answers):
            found = tuple(answer for answer in answers if answer is not None)
            _require_known(tokenizer, words, found)
            _require_distinct(words, found)
            return end.template, found
    number = answers.index(None)
    raise UserError(
        f"The label word {words[number]!r} changes the last token of the prompt with this model's "
        "tokenizer; let the template in workbench.toml end otherwise, such as with a colon."
    )


def _prompt_ends(template: str) -> Iterator[PromptEnd]:
    """Where the prompt may end: as the template does, else before the spaces at its end.

    Many tokenizers join a space with the word after it.
    """
    if template.endswith(ANSWER):
        yield PromptEnd(template.removesuffix(ANSWER), "")
    elif template == template.rstrip():
        yield PromptEnd(template, " ")
    else:
        yield PromptEnd(template, "")
    bare = template.removesuffix(ANSWER)
    for stripped in (bare.rstrip(" \t"), bare.rstrip()):
        yield PromptEnd(stripped, bare[len(stripped) :])


def _answer(tokenizer: Tokenizer, end: PromptEnd, word: str, begin: Tokens) -> Tokens | None:
    """The tokens of a word after the prompt; None if the prompt's own are others then."""
    found = set()
    for probe in PROBES:
        prompt = end.template.replace("{text}", probe)
        alone, whole = encode(tokenizer, [prompt, prompt + end.between + word], begin)
        found.add(tuple(whole[len(alone) :]) if whole[: len(alone)] == alone else None)
    return found.pop() if len(found) == 1 else None


def _require_known(tokenizer: Tokenizer, words: Sequence[str], answers: Sequence[Tokens]) -> None:
    for word, answer in zip(words, answers, strict=True):
        if tokenizer.unk_token_id in answer:
            raise UserError(
                f"The label word {word!r} has characters that this model's tokenizer does not know "
                f"({tokenizer.unk_token}); choose another word under [words] in workbench.toml."
            )


def _require_distinct(words: Sequence[str], answers: Sequence[Tokens]) -> None:
    for number, answer in enumerate(answers):
        if not answer or answer in answers[:number]:
            raise UserError(
                f"The label word {words[number]!r} cannot be told from another by this model's "
                "tokenizer; choose other words under [words] in workbench.toml."
            )

"""Prompts and label words as tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from storage.errors import UserError
from workbench.modeling.data.answers import place_answers
from workbench.modeling.data.chat import chat_template
from workbench.modeling.data.label_tree import NO_END, LabelTree, closed_answers, label_tree
from workbench.modeling.data.tokenizing import ControlTokens, Tokenizer, beginning, encode


@dataclass(frozen=True)
class Prompter:
    """Turns a text into the tokens of a prompt, and knows the tokens of each label word."""

    tokenizer: Tokenizer
    template: str
    """The prompt up to the answer, with {text} where the text goes."""
    labels: tuple[str, ...]
    label_token_ids: tuple[tuple[int, ...], ...]
    """The tokens of each label word as they follow the prompt, in the order of the labels."""
    max_length: int
    """Most tokens of a prompt together with its label word."""

    @property
    def end_token_id(self) -> int:
        """The token that ends an answer in full-text training, and a word that begins another.

        It is NO_END where the tokenizer has none.
        """
        end: int | None = self.tokenizer.eos_token_id
        return NO_END if end is None else end

    @cached_property
    def label_tree(self) -> LabelTree:
        """The choices of tokens that lead to each label."""
        return label_tree(closed_answers(self.label_token_ids, self.end_token_id))

    @cached_property
    def begin_token_ids(self) -> tuple[int, ...]:
        """The tokens that each prompt begins with."""
        return beginning(self.tokenizer)

    @cached_property
    def control_tokens(self) -> ControlTokens:
        """What no tweet may bring into a prompt."""
        return ControlTokens(self.tokenizer)

    def encode(self, texts: Sequence[str], reserve: int = 0) -> list[list[int]]:
        """The tokens of the prompt of each text; a text that is too long loses its end only.

        Each prompt leaves room for a label word and for `reserve` tokens more in `max_length`.
        """
        room = self._room - reserve
        return [
            tokens if len(tokens) <= room else self._tokenize([self.truncate(text, room)])[0]
            for text, tokens in zip(texts, self._tokenize(texts), strict=True)
        ]

    def count_cut(self, texts: Sequence[str]) -> int:
        """How many of the texts lose their end because they are too long.

        Those with fewer bytes than a prompt may have tokens fit without being tokenised.
        """
        long = [text for text in texts if len(self.as_text(text).encode()) > self._surely_fits]
        return sum(len(tokens) > self._room for tokens in self._tokenize(long))

    @property
    def _room(self) -> int:
        """How many tokens a prompt may have."""
        return self.max_length - max(map(len, self.label_token_ids))

    @property
    def _surely_fits(self) -> int:
        """How many bytes a prompt may have; one token is kept for a leading ▁."""
        return self._room - len(self.begin_token_ids) - 1

    def as_text(self, text: str) -> str:
        """The prompt of a text, in which control tokens are characters like others."""
        return self.template.replace("{text}", self.control_tokens.defuse(text))

    def truncate(self, text: str, room: int) -> str:
        """The longest beginning of a text whose prompt has at most `room` tokens."""
        text = self.control_tokens.defuse(text)
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

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        prompts = [self.as_text(text) for text in texts]
        return encode(self.tokenizer, prompts, self.begin_token_ids)


def make_prompter(
    tokenizer: Tokenizer,
    template: str,
    labels: Sequence[str],
    words: Sequence[str],
    max_length: int,
    chat: bool = False,
) -> Prompter:
    """Make a prompter, with the tokens of each label word; see `answers`.

    With `chat`, the template is the message of a user, and the label word begins the answer. Raises
    UserError when words cannot be told apart or are unknown to the tokenizer, when they do not fit
    the end of the prompt, when a base has no chat template, or when `max_length` leaves no room.
    """
    if chat:
        template = chat_template(tokenizer, template)
    template, label_token_ids = place_answers(tokenizer, template, words)
    prompter = Prompter(tokenizer, template, tuple(labels), label_token_ids, max_length)
    _require_end(prompter, words)
    fixed = len(prompter._tokenize([""])[0]) + max(map(len, label_token_ids))
    if max_length < fixed + 8:
        raise UserError(
            f"training.max_length={max_length} leaves no room for a text in the prompt; raise it."
        )
    return prompter


def _require_end(prompter: Prompter, words: Sequence[str]) -> None:
    closed = closed_answers(prompter.label_token_ids, prompter.end_token_id)
    for word, answer in zip(words, closed, strict=True):
        if NO_END in answer:
            raise UserError(
                f"The label word {word!r} begins another one, and this base's tokenizer has no end "
                "token to tell them apart by; choose other words under [words] in workbench.toml."
            )


def require_embedded(prompter: Prompter, embeddings: int) -> None:
    """Raise UserError if prompts or answers have a token that a model has no embedding for."""
    [prompt] = prompter.encode([""])
    answers = (number for answer in prompter.label_token_ids for number in answer)
    for number in (*prompt, *answers, prompter.end_token_id):
        if number >= embeddings:
            token = prompter.tokenizer.convert_ids_to_tokens(number)
            raise UserError(
                f"Prompts have a token that this base has no embedding for ({token!r}); set another"
                ' template in workbench.toml (with prompt = "plain"), or copy the tokenizer files '
                "of this very model into it."
            )


def saved_prompter(tokenizer: Tokenizer, details: Mapping[str, Any]) -> Prompter:
    """The prompter that an adapter was trained with, from the values of its workbench.json."""
    template, labels, words = details["template"], details["labels"], details["words"]
    # trained on whole texts, whose tokens earlier versions took others for than they wrote
    if "end_token_id" not in details and details["recipe"]["loss"] == "full-text":
        return make_prompter(tokenizer, template, labels, words, details["max_length"])
    answers = tuple(tuple(token_ids) for token_ids in details["label_token_ids"])
    return Prompter(tokenizer, template, tuple(labels), answers, details["max_length"])

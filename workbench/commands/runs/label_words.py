"""What each label word becomes in tokens with the tokenizer of a base."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.config import CHAT, Config
from workbench.console.printing import table


@dataclass(frozen=True)
class LabelWord:
    """A label's word, and its tokens as they follow the prompt."""

    label: str
    word: str
    ids: tuple[int, ...]
    tokens: tuple[str, ...]


def label_words(
    base: str | Path, config: Config, max_length: int, trust_remote_code: bool = False
) -> list[LabelWord]:
    """The tokens of the label words of a workspace; no weights are loaded.

    Raises UserError where training would: for words that cannot be told apart, and so on.
    """
    from workbench.modeling.base.library_imports import import_libraries

    import_libraries()
    from workbench.modeling.base.loading import load_tokenizer
    from workbench.modeling.data.prompts import make_prompter

    tokenizer = load_tokenizer(str(base), trust_remote_code)
    words = [config.word(label) for label in config.labels]
    chat = config.prompt == CHAT
    prompter = make_prompter(tokenizer, config.message, config.labels, words, max_length, chat)
    return [
        LabelWord(label, word, ids, tuple(tokenizer.decode([number]) for number in ids))
        for label, word, ids in zip(config.labels, words, prompter.label_token_ids, strict=True)
    ]


def print_label_words(words: list[LabelWord]) -> None:
    """A table of the labels, their words and tokens."""
    rows = [(each.label, each.word, " ".join(map(repr, each.tokens))) for each in words]
    table(None, ("label", "word", "tokens"), rows)

"""What the files of a tokenizer say of its tokens, without the library that would load it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from storage.errors import UserError, on_one_line
from storage.plurals import counted

SPECIAL = ("pad_token", "eos_token", "bos_token", "unk_token")


def tokens_of_texts(folder: Path) -> dict[str, int] | None:
    """The tokens that a text can have and their numbers, so no control tokens.

    None without a tokenizer.json; raises UserError if it is damaged.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    values = _read(path)
    try:
        vocabulary = values["model"]["vocab"]
        if isinstance(vocabulary, list):  # of unigrams, with their scores
            found = {str(entry[0]): number for number, entry in enumerate(vocabulary)}
        else:
            found = {str(text): int(number) for text, number in vocabulary.items()}
        for added in values.get("added_tokens") or ():
            found.pop(added["content"], None)
            if not added.get("special"):
                found[added["content"]] = int(added["id"])
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(path, error) from None
    return found


def without_embedding(name: str, tokens: Sequence[str]) -> UserError:
    """What to do about tokens that a text can have and a model has no embedding for."""
    return UserError(
        f"The tokenizer of {name} has {counted(len(tokens), 'token')} that its model has no "
        f"embedding for (such as {tokens[0]!r}); copy the tokenizer files of this very model into "
        "it."
    )


def special_tokens(folder: Path) -> dict[str, str]:
    """The control tokens that a tokenizer names, such as that of the end, by what they are for."""
    found: dict[str, str] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found |= dict(_named(_read(folder / name)))
    return found


def _named(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in SPECIAL:
        value = values.get(name)
        text = value.get("content") if isinstance(value, dict) else value
        if isinstance(text, str):
            yield name, text


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from None
    if not isinstance(values, dict):
        raise _damaged(path, TypeError("it holds no object"))
    return values


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path} is damaged ({on_one_line(error, 160)}); copy it from the model again."
    )

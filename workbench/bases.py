"""Base models by name: a hub name or a local folder."""

from __future__ import annotations

import re
from pathlib import Path

from storage.errors import UserError

TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model",
    "sentencepiece.bpe.model", "tekken.json", "*.tiktoken",
)  # fmt: skip
"""Files one of which every tokenizer needs."""
HUB_NAME = re.compile(r"([a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*", re.IGNORECASE | re.ASCII)


def is_local(name: str) -> bool:
    """Whether the name is a folder here, for which the network is never touched."""
    return Path(name).expanduser().is_dir()


def require_model(name: str) -> None:
    """Raise UserError if the name is a local path without a whole model in it."""
    path = Path(name).expanduser()
    looks_local = path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1
    if path.is_dir():
        _require_files(path)
    elif path.exists() or looks_local or not HUB_NAME.fullmatch(name):
        raise UserError(f"There is no model folder {path}; give a folder or a hub name.")


def _require_files(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise UserError(
            f"{folder} is a folder without a model (no config.json in it); give the folder that "
            "holds it, or a hub name."
        )
    if not any(folder.glob("*.safetensors")):
        if any(folder.glob("*.bin")):
            raise UserError(
                f"{folder} has its weights as pickles (*.bin) only, which are never loaded; "
                "convert them to safetensors, or download the model again with them."
            )
        raise UserError(
            f"{folder} has a config.json but no weights (*.safetensors); download the model whole, "
            f"such as with `hf download NAME --local-dir {folder}`."
        )
    if not any(path for pattern in TOKENIZERS for path in folder.glob(pattern)):
        raise UserError(
            f"{folder} has a model but no tokenizer (tokenizer.json); copy the tokenizer files of "
            "the model into it."
        )

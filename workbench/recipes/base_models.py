"""Base models by name: a hub name or a local folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from storage.errors import UserError, on_one_line
from workbench.recipes import weight_files
from workbench.recipes.base_configs import require_supported

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "*.tiktoken",
)
"""Files one of which every tokenizer needs."""
GATED = "{} is gated: accept its terms on the hub and log in with `hf auth login`."
HUB_PATIENCE_S = 5.0
FINGERPRINT_SAMPLES, SAMPLE_BYTES = 64, 16 * 1024
HUB_NAME = re.compile(r"([a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*", re.IGNORECASE | re.ASCII)


def base_path(name: str) -> Path:
    """Where a name would be as a folder; a home that nobody has stays as it is written."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def is_local(name: str) -> bool:
    """Whether the name is a folder here, for which the network is never touched."""
    return base_path(name).is_dir()


def absolute_name(name: str) -> str:
    """The name by which a base is found from every directory: of a folder here, its whole path."""
    return str(base_path(name).absolute()) if is_local(name) else name


def require_model(name: str) -> None:
    """Raise UserError if the name is a local path without a whole model in it."""
    path = base_path(name)
    looks_local = path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1
    if path.is_dir():
        _require_files(path)
        require_supported(read_config(path), str(path))
        weight_files.require_whole(path)
    elif path.exists() or looks_local or not HUB_NAME.fullmatch(name):
        raise UserError(f"There is no model folder {name}; give a folder or a hub name.")


def _require_files(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise UserError(
                f"{folder} is an adapter and no base; give its base{_base_of(folder)} with --base."
            )
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
    if not has_tokenizer(folder):
        raise UserError(
            f"{folder} has a model but no tokenizer (tokenizer.json); copy the tokenizer files of "
            "the model into it."
        )


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder has the files of a tokenizer."""
    return any(path for pattern in TOKENIZER_FILES for path in folder.glob(pattern))


def _base_of(adapter: Path) -> str:
    """The base that an adapter names, in brackets; nothing if it names none."""
    try:
        named = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
        return f" ({named['base_model_name_or_path']})"
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        return ""


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a base; raises UserError if it is damaged."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        why = "nested too deep" if deep else on_one_line(error)
        raise UserError(f"{path} is damaged ({why}); copy the model anew.") from None
    if not isinstance(config, dict):
        raise UserError(f"{path} is damaged (it holds no object); copy the model anew.")
    return config


def hub_reachable() -> bool:
    """Whether the hub can be connected to; behind a proxy only a request could tell, so yes.

    Its library would try for a minute before it gives up.
    """
    from urllib.request import getproxies  # a tenth of the start of each command

    address = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    if address.scheme in getproxies():
        return True
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), HUB_PATIENCE_S).close()
    except OSError:
        return False
    return True


def fingerprint(name: str) -> str | None:
    """A hash by which a changed local base is noticed; None for a name of the hub.

    Over the size, the header and samples of each weights file and of each JSON file: other
    weights differ everywhere, so reading all of them would tell no more.
    """
    folder = base_path(name)
    if not folder.is_dir():
        return None
    hasher = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]):
        hasher.update(path.name.encode())
        with path.open("rb") as file:
            size = file.seek(0, 2)
            hasher.update(str(size).encode())
            for part in range(FINGERPRINT_SAMPLES):
                file.seek(part * size // FINGERPRINT_SAMPLES)
                hasher.update(file.read(SAMPLE_BYTES))
    return hasher.hexdigest()


def base_here(name: str | None, known: str | None, other: str) -> str | None:
    """Where the base of a run is on this machine, by its fingerprint.

    A run that was made elsewhere names a folder of that machine; here it may be `other`, which the
    workspace names.
    """
    if name is None or known is None or is_local(name) or fingerprint(other) != known:
        return name
    return absolute_name(other)


def require_same_base(name: str | None, known: str | None) -> None:
    """Raise UserError if a local base is another than the one with a fingerprint."""
    if name is None or known is None:
        return
    if not base_path(name).exists():
        raise UserError(
            f"There is no folder {name}, with the base of this run; put it there, or name where "
            "the same base is as `base` in workbench.toml."
        )
    require_model(name)
    if is_local(name) and fingerprint(name) != known:
        raise UserError(
            f"{name} has changed since this run was made, so its checkpoints and its adapter do "
            "not fit any more; put the old files back, or start another run."
        )

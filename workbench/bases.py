"""Base models by name: a hub name or a local folder."""

from __future__ import annotations

from pathlib import Path

from storage.errors import UserError


def is_local(name: str) -> bool:
    """Whether the name is a folder here, for which the network is never touched."""
    return Path(name).expanduser().is_dir()


def require_model(name: str) -> None:
    """Raise UserError if the name is a local path without a model in it."""
    path = Path(name).expanduser()
    looks_local = path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(f"{path} is a folder without a model (no config.json in it).")
    elif path.exists() or looks_local:
        raise UserError(f"There is no model folder {path}; give a folder or a hub name.")

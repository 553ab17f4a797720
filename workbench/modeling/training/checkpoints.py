"""Checkpoint folders of either trainer: complete or not, the newest, and reading without trust.

A checkpoint counts once it is marked as complete. One that is not, or that cannot be read, is
skipped with a note in the log.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from storage.errors import on_one_line
from storage.safety.files import fsync
from workbench.rundir.folder import COMPLETE

T = TypeVar("T")

FOLDER_NAME = re.compile(r"checkpoint-([1-9][0-9]{0,14})")

LogNote = Callable[[str], None]
"""Takes a sentence for the log of a run."""


class UsableCheckpoint(NamedTuple, Generic[T]):
    """A checkpoint that is complete and undamaged, and what was read from it."""

    folder: Path
    content: T


class DamagedCheckpoint(Exception):
    """A checkpoint that is marked as complete and is not what it should be."""


def mark_complete(checkpoint: Path) -> None:
    """Mark a checkpoint as complete once its files are on the disk."""
    for path in checkpoint.iterdir():
        fsync(path)
    (checkpoint / COMPLETE).touch()
    fsync(checkpoint)
    fsync(checkpoint.parent)


def newest_checkpoint(
    folder: Path, read: Callable[[Path], T], note: LogNote
) -> UsableCheckpoint[T] | None:
    """The newest checkpoint that is complete and undamaged; none if there is no such checkpoint.

    `read` reads it or raises DamagedCheckpoint. A damaged one loses its mark and stays on the disk.
    """
    for checkpoint in sorted(all_checkpoints(folder), key=step_of, reverse=True):
        if not (checkpoint / COMPLETE).is_file():
            note(f"{checkpoint.name} was not written to its end and is passed over")
            continue
        try:
            return UsableCheckpoint(checkpoint, read(checkpoint))
        except DamagedCheckpoint as error:
            (checkpoint / COMPLETE).unlink(missing_ok=True)
            note(f"{checkpoint.name} is damaged ({error}) and is passed over")
    return None


def all_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, complete or not, in no order."""
    if not folder.is_dir():
        return []
    return [
        path
        for path in folder.iterdir()
        if FOLDER_NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])


def resume_note(checkpoint: Path) -> str:
    """The line of the log that says which checkpoint a run resumes from."""
    return f"going on after step {step_of(checkpoint)}, from {checkpoint.name}"


def load_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, on the CPU; raises DamagedCheckpoint."""
    try:
        return load_file(path)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DamagedCheckpoint(f"{path.name}: {on_one_line(error, 160)}") from None


def remove_checkpoints(folder: Path) -> None:
    """Free the disk after a run that came to its end."""
    shutil.rmtree(folder, ignore_errors=True)

"""What the safetensors files of a base say of its weights, read from their headers alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import UserError, on_one_line

INDEX = "*.safetensors.index.json"
LENGTH_BYTES = 8
DAMAGED = "{} is damaged or cut short ({}); copy it again."
MOST_HEADER = 2**28
"""Bytes of a header; a longer one is damage. The format allows fewer."""


@dataclass(frozen=True)
class Tensor:
    """A tensor as a header describes it."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many numbers it holds; of 4-bit weights, the bytes."""
        return math.prod(self.shape)


def require_whole(folder: Path) -> None:
    """Raise UserError if a weights file is missing, cut short or damaged, as its header shows."""
    for path in weight_files(folder):
        read_header(path)


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights; with an index those that it names.

    Raises UserError if one that the index names is missing, or the index is damaged.
    """
    indices = sorted(folder.glob(INDEX))
    if not indices or (folder / "model.safetensors").is_file():
        return sorted(folder.glob("*.safetensors"))
    try:
        named = sorted(set(json.loads(indices[0].read_text("utf-8"))["weight_map"].values()))
        paths = [folder / name for name in named]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(DAMAGED.format(indices[0], on_one_line(error, 160))) from None
    if missing := [path.name for path in paths if not path.is_file()]:
        raise UserError(
            f"{folder} lacks {len(missing)} of its {len(paths)} weights files (such as "
            f"{missing[0]}); download the model whole, such as with `hf download NAME --local-dir "
            f"{folder}`."
        )
    return paths


def read_header(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file by name: dtype, shape and place.

    Format: https://huggingface.co/docs/safetensors. Raises UserError if the file is damaged, or
    shorter than its header says.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            if not 0 < length <= min(size - LENGTH_BYTES, MOST_HEADER):
                raise ValueError("it has no whole header")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(DAMAGED.format(path, on_one_line(error, 160))) from None
    if (whole := LENGTH_BYTES + length + end) > size:
        raise UserError(DAMAGED.format(path, f"{size:,} bytes instead of {whole:,}"))
    found: dict[str, Any] = header
    return found


def tensors(folder: Path) -> Iterator[Tensor]:
    """Each tensor of a base; raises UserError as `require_whole`."""
    for path in weight_files(folder):
        for name, tensor in read_header(path).items():
            yield Tensor(name, str(tensor["dtype"]), tuple(tensor["shape"]))

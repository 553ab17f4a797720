"""The embeddings of a run: a folder of plain NumPy files, written window by window, mapped to read.

ids.npy         (tweets,) int64
vectors.npy     (tweets, dimensions) float16
in_sample.npy   (tweets,) bool: whether the adapter that they come from was trained on the tweet
mean.npy, axes.npy   (hidden,) and (hidden, dimensions) float32: how hidden states became vectors
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError

EMBEDDINGS = "embeddings"
COLUMNS = {"ids": "<i8", "vectors": "<f2", "in_sample": "|b1"}
WriteEmbeddings = Callable[[Sequence[int], NDArray[np.float16], Sequence[bool]], None]
"""Writes ids, (ids, dimensions) vectors and whether each is in-sample."""


@dataclass(frozen=True)
class Embeddings:
    """A vector for each tweet; near ones are of tweets that the model reads alike."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float16]
    """(tweets, dimensions), mapped from the disk."""
    in_sample: NDArray[np.bool_]
    """Whether the adapter was trained on the tweet, whose label is then in its vector too."""


@contextmanager
def embeddings_writer(folder: Path, total: int) -> Iterator[WriteEmbeddings]:
    """Give a function that writes `total` rows; the folder appears when the block ends."""
    temporary, target = folder / f".{EMBEDDINGS}", folder / EMBEDDINGS
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    with ExitStack() as stack:
        files: dict[str, Any] = {}

        def write(
            ids: Sequence[int], vectors: NDArray[np.float16], in_sample: Sequence[bool]
        ) -> None:
            columns = {"ids": ids, "vectors": vectors, "in_sample": in_sample}
            for name, values in columns.items():
                array = np.ascontiguousarray(values, dtype=COLUMNS[name])
                if name not in files:
                    files[name] = stack.enter_context((temporary / f"{name}.npy").open("wb"))
                    shape = (total, *array.shape[1:])
                    header = {"descr": COLUMNS[name], "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(files[name], header)
                files[name].write(array.tobytes())

        yield write
    shutil.rmtree(target, ignore_errors=True)
    if files:
        temporary.rename(target)
    else:
        temporary.rmdir()


def write_projection(folder: Path, mean: NDArray[np.float32], axes: NDArray[np.float32]) -> None:
    """Write how hidden states become vectors, beside those that are being written."""
    for name, array in (("mean", mean), ("axes", axes)):
        np.save(folder / f".{EMBEDDINGS}" / f"{name}.npy", array.astype("<f4"))


def has_embeddings(folder: Path) -> bool:
    """Whether a run has embeddings."""
    return (folder / EMBEDDINGS).is_dir()


def read_embeddings(folder: Path) -> Embeddings | None:
    """The embeddings of a run; None if it has none. Raises UserError if they are damaged."""
    path = folder / EMBEDDINGS
    if not has_embeddings(folder):
        return None
    try:
        columns = {
            name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in COLUMNS
        }
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise UserError(f"{path} is damaged ({error}); predict once more.") from None
    ids, vectors, in_sample = columns.values()
    fits = {name: array.dtype.str == COLUMNS[name] for name, array in columns.items()}
    if not all(fits.values()) or vectors.ndim != 2 or ids.ndim != 1 or in_sample.ndim != 1:
        raise UserError(f"{path} is damaged (its arrays are of another kind); predict once more.")
    if not len(ids) == len(vectors) == len(in_sample):
        raise UserError(f"{path} is damaged (its arrays are of other lengths); predict once more.")
    return Embeddings(np.asarray(ids), vectors, np.asarray(in_sample))

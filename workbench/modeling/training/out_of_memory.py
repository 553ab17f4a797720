"""What fits into memory: tried before a run, and a second chance for one that ran out later."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

LIMIT = "limit.json"
"""Beside the checkpoints: the size of a pass after the memory ran out, for resumed runs too."""
WORDS = (
    "can't allocate memory", "cannot allocate memory", "out of memory",
    "cublas_status_alloc_failed",
)  # fmt: skip
"""The last is what is said when the first product of a thread finds a GPU that is full."""


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory ran out: that of a GPU, or of the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in WORDS)


def fits(attempt: Callable[[], object]) -> bool:
    """Whether there is memory to do something; random numbers then go on as if it was not tried.

    Raises what `attempt` raises for another reason.
    """
    cuda = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(cuda):
        try:
            attempt()
            return True
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
    tidy()
    return False


def shortage(kind: str, what: str) -> Exception:
    """The error of a kind of device, cuda or cpu, on which not even that fits."""
    error = torch.OutOfMemoryError if kind == "cuda" else MemoryError
    return error(f"out of memory with {what} alone")


def tidy() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def micro_batches(batch_size: int, most: int | None = None) -> Iterator[int]:
    """The sizes into which a batch can be divided evenly, from the largest on."""
    largest = min(batch_size, most or batch_size)
    return (size for size in range(largest, 0, -1) if batch_size % size == 0)


def limit(folder: Path) -> int | None:
    """How large a pass may be after an earlier process of this run was short of memory.

    A file that does not say so counts for nothing: the longest batch is tried anyway.
    """
    try:
        most = json.loads((folder / LIMIT).read_text("utf-8"))["most"]
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        return None
    return most if type(most) is int and most > 0 else None


def set_limit(folder: Path, most: int) -> None:
    """Keep that for whoever goes on with the run."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{LIMIT}-{os.getpid()}"  # several processes may run out at once
    temporary.write_text(json.dumps({"most": most}), "utf-8")
    temporary.replace(folder / LIMIT)

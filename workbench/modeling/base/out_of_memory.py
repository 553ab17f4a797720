"""Running out of memory: recognising it, trying what fits, giving memory back."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

MESSAGES = (
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "cublas_status_alloc_failed",  # of the first product of a thread that finds the GPU full
)
"""What a RuntimeError says, in lower case, when memory ran out."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the GPU or on the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in MESSAGES)


def fits_in_memory(attempt: Callable[[], object]) -> bool:
    """Whether there is memory to do something; it leaves the state of the random numbers alone.

    Raises what `attempt` raises for another reason.
    """
    cuda = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(cuda):
        try:
            attempt()
            return True
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
    # not in the handler, whose error holds the tensors of the attempt
    release_memory()
    return False


def out_of_memory_error(device_type: str, what: str) -> Exception:
    """The error for a device, cuda or cpu, on which something does not fit even alone."""
    error = torch.OutOfMemoryError if device_type == "cuda" else MemoryError
    return error(f"out of memory with {what} alone")


def release_memory() -> None:
    """Collect garbage and give the unused memory of the GPU back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

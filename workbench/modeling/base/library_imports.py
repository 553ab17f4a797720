"""Importing the libraries of models without what they load and no run of ours uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def import_libraries() -> None:
    """Import bitsandbytes and transformers in three quarters of the time they would take.

    To be called before any module of this package that needs them; what was imported before stays.
    """
    import torch
    from transformers import utils

    # bitsandbytes marks its kernels for devices other than CPUs and NVIDIA GPUs to be compiled,
    # and the mark alone imports the compiler.
    with _replaced(torch, "compile", _unchanged):
        import bitsandbytes  # noqa: F401

    # transformers draws a curve of scikit-learn's when a small model drafts for a large one.
    with _replaced(utils, "is_sklearn_available", lambda: False):
        import transformers.generation.candidate_generator  # noqa: F401


def _unchanged(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    return _unchanged if function is None else function


@contextmanager
def _replaced(place: object, name: str, value: object) -> Iterator[None]:
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)

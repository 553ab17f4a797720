"""Importing bitsandbytes, transformers and PEFT without the parts that no run uses."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LAST = "peft"
"""The module that is imported last."""


def import_torch() -> None:
    """Import what of the libraries does not ask whether the hub is to be left alone."""
    if "bitsandbytes" in sys.modules:
        return
    with _no_garbage_collection():
        import torch

        # bitsandbytes marks its kernels for devices other than CPUs and NVIDIA GPUs to be compiled,
        # and the mark alone imports the compiler.
        with _attribute_replaced(torch, "compile", _no_compile), _no_kernels_of_the_hub():
            import bitsandbytes  # noqa: F401


def import_libraries() -> None:
    """Import bitsandbytes, transformers and PEFT in half of the time they would take.

    To be called before a module of this package that needs them is imported.
    """
    if LAST in sys.modules:
        return
    import_torch()
    with _no_garbage_collection():
        from transformers import utils

        # transformers uses scikit-learn in assisted generation only, where a small model drafts,
        # and scipy in the losses of models that find objects in images.
        with (
            _attribute_replaced(utils, "is_sklearn_available", lambda: False),
            _attribute_replaced(utils, "is_scipy_available", lambda: False),
        ):
            import transformers.generation.candidate_generator
            import transformers.modeling_utils  # noqa: F401

        import peft  # noqa: F401


def _no_compile(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    return _no_compile if function is None else function


@contextmanager
def _no_kernels_of_the_hub() -> Iterator[None]:
    """Keep bitsandbytes from fetching a kernel that no run uses, and from saying so if it cannot.

    It is for weights that are repacked on a CPU, which could not be trained any more.
    """
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    hidden = "kernels" not in sys.modules
    if hidden:
        sys.modules["kernels"] = None  # type: ignore[assignment]
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = False
        if hidden:
            del sys.modules["kernels"]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Make objects that stay for good, and have later collections pass over them as well."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextmanager
def _attribute_replaced(owner: object, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

"""Importing bitsandbytes, transformers and PEFT without the parts that no run uses."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import metadata
from typing import Any

LAST = "peft"
"""The module that is imported last."""
_packages_distributions = metadata.packages_distributions


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
        with (
            _attribute_replaced(metadata, "packages_distributions", _DistributionsWhenAsked),
            _module_hidden("httpx._main"),  # a program for terminals, with all that it draws by
        ):
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


class _DistributionsWhenAsked(Mapping[str, list[str]]):
    """Which distributions packages are of, read only when one is asked for that has another name.

    transformers reads all that are installed, a second where they are many, to ask for these three.
    """

    SAME_NAME = ("torch", "accelerate", "bitsandbytes")

    @cached_property
    def _all(self) -> Mapping[str, list[str]]:
        return _packages_distributions()

    def get(self, package: str, default: Any = None) -> Any:
        """The distributions of a package, or the default."""
        return [package] if package in self.SAME_NAME else self._all.get(package, default)

    def __getitem__(self, package: str) -> list[str]:
        return self._all[package]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def _no_compile(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    return _no_compile if function is None else function


@contextmanager
def _no_kernels_of_the_hub() -> Iterator[None]:
    """Keep bitsandbytes from fetching a kernel that no run uses, and from saying so if it cannot.

    It is for weights that are repacked on a CPU, which could not be trained any more.
    """
    log = logging.getLogger("bitsandbytes.backends.cpu.ops")
    log.disabled = True
    try:
        with _module_hidden("kernels"):
            yield
    finally:
        log.disabled = False


@contextmanager
def _module_hidden(name: str) -> Iterator[None]:
    """Have the import of a module fail while the block runs, unless it has been imported before."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


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

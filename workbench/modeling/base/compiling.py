"""Compiling the decoder layers of a model, with a cache on the disk for the next process."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from workbench.modeling.base.model import Model
from workbench.planning.kernel_cache import kernel_cache_folder

RECOMPILE_LIMIT = 64
"""Shapes and settings that a layer may be compiled for before PyTorch gives up on it."""


def compile_layers(model: Model, dynamic: bool = True) -> None:
    """Let each decoder layer be compiled when it is first called; all share the compiled code.

    With `dynamic`, one compilation serves rows of every length.
    """
    _name_cache()
    torch._dynamo.config.cache_size_limit = RECOMPILE_LIMIT
    torch._dynamo.config.accumulated_cache_size_limit = 16 * RECOMPILE_LIMIT
    # else `dynamic` makes the scaling of each adapter an input, for which a C++ compiler is called
    torch._dynamo.config.specialize_float = True
    for layer in decoder_layers(model):
        if layer._compiled_call_impl is None:
            layer.compile(dynamic=dynamic)


def import_compiler() -> None:
    """Import the compiler, which takes seconds, where there may be a GPU to compile for."""
    if torch.version.cuda is not None:
        _name_cache()
        importlib.import_module("torch._inductor.compile_fx")


def _name_cache() -> None:
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(kernel_cache_folder()))


def uncompile_layers(model: Model) -> None:
    """Let the decoder layers run without compiled code again."""
    for layer in decoder_layers(model):
        layer._compiled_call_impl = None


def compiled_layers(model: Model) -> list[tuple[nn.Module, Any]]:
    """The decoder layers of a model, each with its compiled code or None."""
    return [(layer, layer._compiled_call_impl) for layer in decoder_layers(model)]


@contextmanager
def eager_layers(model: Model) -> Iterator[None]:
    """Run the decoder layers without compiled code in the block, for passes too few to compile."""
    before = compiled_layers(model)
    uncompile_layers(model)
    try:
        yield
    finally:
        for layer, compiled in before:
            layer._compiled_call_impl = compiled


def decoder_layers(model: Model) -> list[nn.Module]:
    """The decoder layers of a model, which are all built alike."""
    return [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]


def first_line(error: Exception) -> str:
    """The type and first line of an error, for the log of a run; compilers raise long ones."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"

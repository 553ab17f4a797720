"""Compiled decoder layers, with a cache on the disk that the next process finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from workbench.modeling.base.loading import Model

VARIANTS = 64
"""Shapes and settings for which a layer may be compiled anew before PyTorch gives up on it."""


def cache_folder() -> Path:
    """Where compiled kernels are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "label-workbench" / "kernels"


def compile_layers(model: Model, dynamic: bool = True) -> None:
    """Let each decoder layer be compiled when it is first called; all share what is compiled.

    With `dynamic`, one compilation is for rows of every length.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder()))
    torch._dynamo.config.cache_size_limit = VARIANTS
    torch._dynamo.config.accumulated_cache_size_limit = 16 * VARIANTS
    # else `dynamic` makes the scaling of each adapter an input, for which a C++ compiler is called
    torch._dynamo.config.specialize_float = True
    for layer in decoder_layers(model):
        if layer._compiled_call_impl is None:
            layer.compile(dynamic=dynamic)


def uncompile_layers(model: Model) -> None:
    """Back to layers as they are written."""
    for layer in decoder_layers(model):
        layer._compiled_call_impl = None


@contextmanager
def as_written(model: Model) -> Iterator[None]:
    """Leave compiled code aside meanwhile: for a few passes, compiling would take longer."""
    kept = [(layer, layer._compiled_call_impl) for layer in decoder_layers(model)]
    uncompile_layers(model)
    try:
        yield
    finally:
        for layer, compiled in kept:
            layer._compiled_call_impl = compiled


def decoder_layers(model: Model) -> list[nn.Module]:
    """The layers that make up most of a model, one like the other."""
    return [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]


def first_line(error: Exception) -> str:
    """What went wrong in a compiler, for a note in the log of a run."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"

"""The dtype that a base computes in, where the recipe leaves it to the machine."""

from __future__ import annotations

from dataclasses import replace

import torch

from workbench.recipes.recipes import AUTO, Quantization


def with_compute_dtype(quantization: Quantization) -> Quantization:
    """The quantization settings with the compute dtype of this machine in place of `auto`."""
    if quantization.compute_dtype != AUTO:
        return quantization
    return replace(quantization, compute_dtype=_fast_dtype())


def _fast_dtype() -> str:
    """bfloat16 where the hardware multiplies it; else float16 on a GPU, and float32 on a CPU.

    A CPU without such instructions takes two and a half times as long with bfloat16 as with
    float32, and any CPU ten times as long with float16.
    """
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    multiplies = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if multiplies else "float32"

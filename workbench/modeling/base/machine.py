"""The GPU and the library versions of this machine, and whether models can use them."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any

import torch

from workbench.modeling.base.library_imports import import_torch


def describe_machine() -> dict[str, Any]:
    """Library versions, the GPU with its memory, and whether 4-bit layers compute here."""
    found: dict[str, Any] = {
        name: version(name) for name in ("torch", "transformers", "trl", "peft", "bitsandbytes")
    }
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        found["gpu"] = torch.cuda.get_device_name()
        found["gpu_memory_gib"] = f"{free / 2**30:.1f} free of {total / 2**30:.1f}"
        found["cuda"] = torch.version.cuda
    else:
        found["gpu"] = "none (models run on the CPU)"
    found["nf4"] = _nf4_status()
    return found


def require_usable_gpu() -> None:
    """Raise RuntimeError with the warning of torch if there is a GPU whose driver it cannot use.

    torch only warns, and a run would go on for days on the CPU.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.is_available()
    for warning in caught:
        if "driver" in (text := str(warning.message)):
            raise RuntimeError(text)


def _nf4_status() -> str:
    import_torch()  # with what bitsandbytes says of kernels that no run uses left out
    import bitsandbytes as bnb

    where = "cuda" if torch.cuda.is_available() else "cpu"
    layer = bnb.nn.Linear4bit(64, 64, bias=False, quant_type="nf4").to(where)
    layer.support_avx512bf16_for_cpu = False
    try:
        finite = bool(layer(torch.ones(1, 64, device=where)).isfinite().all())
    except RuntimeError as error:
        return f"does not work on this {where}: {str(error).splitlines()[0]}"
    return f"works on the {where}" if finite else f"gives wrong numbers on this {where}"

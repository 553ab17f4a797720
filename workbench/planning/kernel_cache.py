"""The compiled kernels that are kept on this machine, and what the first compilation takes."""

from __future__ import annotations

import os
from pathlib import Path

FIRST_COMPILATION = "compiling for the first time on this machine, about a minute"
"""The phase of a run in whose beginning no kernel is kept yet."""
FIRST_COMPILATION_S = 55.0
"""Seconds of it for the layers of a model of 7B weights, measured on an H100."""


def kernel_cache_folder() -> Path:
    """The folder of compiled kernels, also where PyTorch is told to keep them elsewhere."""
    if named := os.environ.get("TORCHINDUCTOR_CACHE_DIR"):
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "label-workbench" / "kernels"


def kernels_kept() -> bool:
    """Whether anything has been compiled here before."""
    return any(path.is_file() for path in kernel_cache_folder().rglob("*"))

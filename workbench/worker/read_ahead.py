"""Reading the weights of a base from the disk while the libraries for it are imported."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psutil

from workbench.recipes.base_models import base_path

SHARE_OF_MEMORY = 0.5
"""A base that takes more of the free memory is not read ahead: its beginning would be gone."""


def read_ahead(base: str | None) -> None:
    """Have the system read the weights of a local base into its cache, beside this thread."""
    files = [] if base is None else sorted(base_path(base).glob("*.safetensors"))
    with suppress(OSError):
        if (
            sum(file.stat().st_size for file in files)
            <= SHARE_OF_MEMORY * psutil.virtual_memory().available
        ):
            Thread(target=_read_all, args=(files,), daemon=True).start()


def _read_all(files: list[Path]) -> None:
    """Tell the system that files will be needed; it does not touch what it has already."""
    for path in files:
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(descriptor)

"""The device that a run would get and what is free on it, without importing torch."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

GPUS = ("/dev/nvidiactl", "/dev/kfd")
"""Devices of the drivers of NVIDIA and AMD."""
COMMAND_TIMEOUT_S = 5.0
MIB = 2**20


@dataclass(frozen=True)
class Device:
    """A GPU, or the CPU with the memory of the machine; memory in bytes."""

    kind: str
    """cuda or cpu."""
    name: str
    free: int
    total: int


def has_gpu() -> bool:
    """Whether there is a GPU, as far as can be seen at once: without it, runs are on the CPU."""
    return any(Path(name).exists() for name in GPUS)


def read_device() -> Device:
    """The first GPU that is visible here, as nvidia-smi lists it, or else the CPU."""
    return _gpu() or _cpu()


def _gpu() -> Device | None:
    program = shutil.which("nvidia-smi")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if program is None or visible in ("", "-1"):
        return None
    chosen = ["-i", visible.split(",")[0]] if visible else []
    query = ["--query-gpu=name,memory.free,memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(
            [program, *chosen, *query],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout
        name, free, total = listed.splitlines()[0].rsplit(", ", 2)
        return Device("cuda", name, int(free) * MIB, int(total) * MIB)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None  # no driver, or one that does not answer: a run would be on the CPU as well


def _cpu() -> Device:
    memory = psutil.virtual_memory()
    return Device("cpu", f"the CPU ({os.cpu_count()} cores)", memory.available, memory.total)

"""What a GPU of this machine is doing, asked of nvidia-smi, a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from workbench.tui.background_calls import in_background

QUERY = "index,uuid,memory.used,memory.total,utilization.gpu"
PATIENCE_S = 5.0
MIB_PER_GIB = 1024


@dataclass(frozen=True)
class GpuReading:
    """The memory and the load of a GPU, and how many there are."""

    index: int
    used_gib: float
    total_gib: float
    busy: int
    """Percent of the last moments in which something ran on it."""
    of: int = 1

    @property
    def name(self) -> str:
        """What it is called where there are several."""
        return "GPU" if self.of == 1 else f"GPU {self.index}"


async def read_gpu() -> GpuReading | None:
    """The GPU that most memory of is in use; None where none can be asked."""
    if (program := shutil.which("nvidia-smi")) is None:
        return None
    command = [program, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    return await in_background(lambda: _ask(command))


def _ask(command: list[str]) -> GpuReading | None:
    try:
        told = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return busiest_gpu(told.stdout.decode("utf-8", "replace"), visible)


def busiest_gpu(table: str, visible: str | None = None) -> GpuReading | None:
    """The GPU with most memory in use by lines of nvidia-smi, of those that may be used.

    `visible` is CUDA_VISIBLE_DEVICES: numbers, or beginnings of their names.
    """
    rows = [row for line in table.splitlines() if (row := _row(line)) is not None]
    if visible is not None:
        wanted = [name.strip() for name in visible.split(",") if name.strip()]
        rows = [row for row in rows if any(_is(row, name) for name in wanted)]
    if not rows:
        return None
    index, _, used, total, busy = max(rows, key=lambda row: row[2])
    return GpuReading(index, used / MIB_PER_GIB, total / MIB_PER_GIB, busy, len(rows))


def _is(row: tuple[int, str, float, float, int], name: str) -> bool:
    return str(row[0]) == name or (len(name) > 4 and row[1].startswith(name))


def _row(line: str) -> tuple[int, str, float, float, int] | None:
    try:
        index, uuid, used, total, busy = (field.strip() for field in line.split(","))
        return int(index), uuid, float(used), float(total), int(float(busy))
    except ValueError:  # such as [N/A], where a GPU is shared
        return None

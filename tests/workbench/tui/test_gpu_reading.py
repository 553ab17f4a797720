"""What nvidia-smi says of GPUs."""

from __future__ import annotations

import pytest

from workbench.tui.training import gpu
from workbench.tui.training.gpu import GpuReading, busiest_gpu, read_gpu

TWO = "0, GPU-aaaa1111, 4, 81559, 0\n1, GPU-bbbb2222, 10035, 81559, 98\n"
SECOND = GpuReading(1, 10035 / 1024, 81559 / 1024, 98, 2)


@pytest.mark.parametrize(
    ("table", "visible", "found"),
    [
        (TWO, None, SECOND),
        (TWO, "0,1", SECOND),
        (TWO, "0", GpuReading(0, 4 / 1024, 81559 / 1024, 0)),
        (TWO, "GPU-bbbb", GpuReading(1, 10035 / 1024, 81559 / 1024, 98)),
        (TWO, "", None),
        ("0, GPU-aaaa1111, [N/A], [N/A], [N/A]\n", None, None),
        ("No devices were found\n", None, None),
        ("", None, None),
    ],
)
def test_the_gpu_that_a_run_may_use_and_that_holds_most_is_told_of(table, visible, found):
    assert busiest_gpu(table, visible) == found


@pytest.mark.parametrize(
    ("script", "found"),
    [(f"cat <<'E'\n{TWO}E", SECOND), ("exit 9", None), ("sleep 9", None)],
)
async def test_a_program_that_fails_or_hangs_tells_of_no_gpu(tmp_path, monkeypatch, script, found):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpu, "PATIENCE_S", 0.3 if script == "sleep 9" else 5.0)
    assert await read_gpu() == found


async def test_nothing_is_told_where_there_is_no_such_program(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await read_gpu() is None

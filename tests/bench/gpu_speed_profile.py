"""Where the time of a training step goes, for gpu_speed.py."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from workbench.modeling.packed.schedule import TrainingSchedule
from workbench.modeling.packed.training_loop import TrainingLoop
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.rundir.folder import State

CUDA = torch.cuda.is_available()
FIRST, LAST = (5, 9) if CUDA else (1, 2)
"""The steps that are looked at, from the first to before the last."""
THIN = 64
"""Columns of a product's tile at most, by which those of the adapters are told from the base's."""


class Watch:
    """Looks at some steps of a run: kernels by kind, what is between them, and the batches."""

    def __init__(self) -> None:
        activity = torch.profiler.ProfilerActivity
        self.profiler = torch.profiler.profile(activities=[activity.CUDA if CUDA else activity.CPU])
        self.wall = self.data = 0.0
        self.watching = False
        self.inner: tuple[Any, Any] = TrainingLoop._step, TrainingSchedule.step_passes

    def __enter__(self) -> Watch:
        watch, (loop_step, work_step) = self, self.inner

        def step(self: TrainingLoop, number: int) -> Any:
            if number == FIRST:
                _sync()
                watch.profiler.start()
                watch.watching, watch.wall = True, time.monotonic()
            done = loop_step(self, number)
            if number == LAST - 1:
                _sync()
                watch.watching, watch.wall = False, time.monotonic() - watch.wall
                watch.profiler.stop()
            return done

        def batches(self: TrainingSchedule, *args: Any) -> Any:
            began = time.monotonic()
            found = [*work_step(self, *args)]
            watch.data += (time.monotonic() - began) * watch.watching
            return iter(found)

        TrainingLoop._step = step  # type: ignore[method-assign, assignment]
        TrainingSchedule.step_passes = batches  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *problem: object) -> None:
        TrainingLoop._step, TrainingSchedule.step_passes = self.inner  # type: ignore[method-assign]


def profiled(run: Callable[[Path], State], like: Path) -> dict[str, Any]:
    """The figures of a short run like another, in milliseconds of a step."""
    again = like.parent / f"profiled-{like.name}"
    again.mkdir()
    job = run_folder.read_job(like)
    replace(
        job, recipe=recipes.with_overrides(job.recipe, [f"training.max_steps={LAST + 2}"])
    ).save(again)
    for name in (run_folder.TRAIN, run_folder.DEV):
        if (like / name).exists():
            pq.write_table(pq.read_table(like / name), again / name)
    pq.write_table(pq.read_table(like / run_folder.PREDICT)[:8], again / run_folder.PREDICT)
    with Watch() as watch:
        state = run(again)
    steps = LAST - FIRST
    kinds: dict[str, float] = defaultdict(float)
    largest: list[tuple[float, int, str]] = []
    for entry in watch.profiler.key_averages():
        spent = (entry.self_device_time_total if CUDA else entry.self_cpu_time_total) / 1e3 / steps
        if spent > 0 and not entry.key.startswith("cuda"):
            kinds[kind_of(entry.key)] += spent
            largest.append((spent, entry.count, entry.key[:90]))
    step_ms = watch.wall * 1e3 / steps
    kinds["gaps"] = max(0.0, step_ms - sum(kinds.values()))
    return {
        "state": state.state,
        "step_ms": step_ms,
        "data_ms": watch.data * 1e3 / steps,
        "kinds_ms": dict(sorted(kinds.items(), key=lambda item: -item[1])),
        "largest_ms": sorted(largest, reverse=True)[:40],
    }


def kind_of(kernel: str) -> str:
    """What a kernel does, by its name."""
    name = kernel.lower()
    tile = re.search(r"nvjet\w*?_(\d+)x(\d+)_", name)
    if "splitkreduce" in name or (tile and min(map(int, tile.groups())) <= THIN):
        return "LoRA: thin matrix products"
    for kind, parts in (
        ("dequantisation", ("dequant",)),
        ("attention", ("fmha", "flash", "attention", "sdpa")),
        ("optimiser, clipping", ("adam", "multi_tensor", "norm_kernel", "reduce_kernel")),
        ("matrix products of the base", ("gemm", "nvjet", "cutlass", "cublas", "wgmma", "addmm")),
        ("elementwise, norms, dropout (compiled)", ("triton",)),
        ("LoRA: adding up gradients", ("cudafunctor_add<float>",)),
        ("copies", ("memcpy", "memset", "copy")),
    ):
        if any(part in name for part in parts):
            return kind
    return "other"


def _sync() -> None:
    if CUDA:
        torch.cuda.synchronize()

"""How long a run will take: from an earlier one like it, or else from operations over a rate."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from storage.errors import UserError
from workbench.planning.devices import Device
from workbench.planning.kernel_cache import FIRST_COMPILATION, FIRST_COMPILATION_S
from workbench.planning.model_architecture import ModelArchitecture
from workbench.recipes.memory_modes import MemoryMode
from workbench.recipes.recipes import Recipe, Training
from workbench.rundir import folder as run_folder
from workbench.rundir import schema
from workbench.rundir.expected_time import TimeEstimate
from workbench.rundir.folder import State
from workbench.rundir.launch import read_launch

TFLOPS = {
    "B200": 1500,
    "H200": 730,
    "H100": 730,
    "GH200": 730,
    "H800": 730,
    "A100": 260,
    "L40": 250,
    "A6000": 120,
    "A40": 120,
    "A10": 100,
    "L4": 100,
    "4090": 150,
    "3090": 70,
    "V100": 90,
    "T4": 40,
}
"""Matrix products in 16 bits, 10^12 operations a second: H100 as measured, others about as sold."""
UNKNOWN_TFLOPS = 50
CPU_TFLOPS = 0.02
"""10^12 operations a second of a core, in float32."""
TRAINING_SHARES = {"16-bit": 0.47, "nf4": 0.37, "24gb": 0.24, "8gb": 0.14, "sharded": 0.14}
"""The share of that rate that training reaches in each memory mode, measured on an H100."""
TRL_SHARE = 0.025
SCORING_SHARE = 0.6
BASE_BYTES_PER_S = 1e9
"""Bytes of a base that are loaded in a second."""
MAX_RUNS = 20
"""The newest runs, among which one with the same settings is looked for."""


@dataclass(frozen=True)
class _Measured:
    """Seconds that an earlier run took before, for and after its steps."""

    before_s: float
    step_s: float
    after_s: float | None
    """None of a run that is not finished."""


def estimate_from_runs(
    folders: Iterable[Path],
    recipe: Recipe,
    base: str,
    steps: int,
    processes: int,
    rough: TimeEstimate,
) -> TimeEstimate | None:
    """The time of a run from the newest one of the same base, trainer and memory setting, or None.

    A finished run comes first, then one of which the time of a step is known; the time after the
    last step is then that of `rough`, scaled by the same factor as its steps. The time of a step
    grows with its tweets.
    """
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    unfinished: TimeEstimate | None = None
    for folder in list(folders)[:MAX_RUNS]:
        try:
            job, state = run_folder.read_job(folder), run_folder.read_state(folder)
            launch = read_launch(folder)
        except UserError:
            continue  # a damaged run says nothing about the time
        earlier = job.recipe.training
        if earlier is None or job.base != base or launch.processes != processes:
            continue
        if _compared_settings(job.recipe, earlier) != _compared_settings(recipe, training):
            continue
        if (measured := _measure(folder, state)) is None:
            continue
        step_s = measured.step_s * _per_step(training) / _per_step(earlier)
        at_steps = measured.before_s + steps * step_s
        if measured.after_s is not None:
            seconds = at_steps + measured.after_s
            return TimeEstimate(seconds, f"as run {folder.name} took", step_s, measured.after_s)
        if unfinished is None:
            after_s = rough.after_s * (step_s / rough.step_s if rough.step_s else 1.0)
            source = f"from the steps of run {folder.name}"
            unfinished = TimeEstimate(at_steps + after_s, source, step_s, after_s)
    return unfinished


def _measure(folder: Path, state: State) -> _Measured | None:
    """The time of a run, or of its part so far; None before its first steps are in the log."""
    events = [values for values, _ in run_folder.read_log(folder)]
    steps_logged = [values for values in events if values["event"] == "step"]
    step_s = steps_logged[-1].get("step_s") if steps_logged else None
    if not isinstance(step_s, int | float) or state.seconds is None:
        return None
    if state.state != run_folder.DONE:
        stepped = _seconds_between(state.started, steps_logged[0].get("at"))
        before_s = stepped - steps_logged[0].get("step", 0) * step_s - _first_compilation_s(events)
        return _Measured(max(0.0, before_s), step_s, None)
    rest = state.seconds - state.step * step_s - _first_compilation_s(events)
    rest = max(0.0, rest)  # one may have ended early
    after_s = min(rest, _seconds_between(steps_logged[-1].get("at"), state.finished))
    return _Measured(rest - after_s, step_s, after_s)


def _first_compilation_s(events: Sequence[dict[str, Any]]) -> float:
    """Seconds of a run that no later one on its machine takes."""
    phases = [values for values in events if values["event"] == "phase"]
    for phase, following in pairwise(phases):
        if phase.get("phase") == FIRST_COMPILATION:
            return min(FIRST_COMPILATION_S, _seconds_between(phase.get("at"), following.get("at")))
    return 0.0


def with_first_compilation(estimate: TimeEstimate) -> TimeEstimate:
    """The estimate for a machine on which nothing has been compiled before."""
    source = f"{estimate.source}, a minute to compile"
    return replace(estimate, seconds=estimate.seconds + FIRST_COMPILATION_S, source=source)


def _seconds_between(start: object, end: object) -> float:
    """Seconds between two moments, 0 where one of them is not known or a clock was set."""
    first, last = schema.finite_number(start), schema.finite_number(end)
    return 0.0 if first is None or last is None else max(0.0, last - first)


def estimate_from_rate(
    architecture: ModelArchitecture,
    recipe: Recipe,
    memory: MemoryMode,
    device: Device,
    steps: int,
    tokens: float,
    scored: float,
) -> TimeEstimate:
    """The time of a run from its operations, on `tokens` in all steps and `scored` ones after.

    A weight takes 2 operations per token forward and 2 for the gradient of its input; 2 more where
    activations are computed twice. Rough: only the H100's rates were measured.
    """
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    again = memory.checkpointing or training.gradient_checkpointing
    weights = architecture.linear_weights
    head = architecture.vocabulary * architecture.hidden if recipe.loss == "full-text" else 0
    if device.kind == "cuda":
        known = (rate for name, rate in TFLOPS.items() if name in device.name)
        rate = next(known, UNKNOWN_TFLOPS) * 1e12
        share = TRL_SHARE if training.trainer == "trl" else TRAINING_SHARES[memory.name]
        scoring = SCORING_SHARE
    else:
        rate = (os.cpu_count() or 1) * CPU_TFLOPS * 1e12
        share = scoring = 1.0
    training_s = (6 if again else 4) * (weights + head) * tokens / (rate * share)
    after_s = 2 * weights * scored / (rate * scoring)
    loading_s = 2 * weights / BASE_BYTES_PER_S
    source = f"rough: at {rate / 1e12:,.3g} TFLOP/s"
    return TimeEstimate(
        loading_s + training_s + after_s, source, training_s / max(1, steps), after_s
    )


def _compared_settings(recipe: Recipe, training: Training) -> tuple[object, ...]:
    return (
        training.trainer,
        training.memory,
        training.gradient_checkpointing,
        recipe.loss,
        recipe.quantization,
    )


def _per_step(training: Training) -> int:
    return training.batch_size * training.accumulation

"""What a training run will need, said before it is started."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.errors import UserError
from workbench.planning.devices import Device
from workbench.planning.memory_estimate import GIB, Lengths, Memory, estimate
from workbench.planning.model_architecture import Shape, read_shape, targeted
from workbench.planning.time_estimate import from_rate, from_runs
from workbench.recipes.base_models import is_local, place_of, require_model
from workbench.recipes.memory_modes import (
    MEMORY_MODES,
    NAMED_MODES,
    NOT_SHARDED,
    SHARDED,
    MemoryMode,
)
from workbench.recipes.recipes import Recipe, Training
from workbench.rundir.expected_time import TimeEstimate
from workbench.rundir.launch import Launch
from workbench.rundir.log_format import duration

PER_TOKEN, PER_TOKEN_SMALL = 3.1, 2.4
"""Characters of a token in tweets, with a vocabulary of tens of thousands and a smaller one."""
SMALL = 20_000
ALONE = Launch()


@dataclass(frozen=True)
class Texts:
    """What is known of the tweets: how many, and how long they are in characters."""

    train: int
    mean: float
    longest: int
    scored: int
    """How many the run will score afterwards."""


@dataclass(frozen=True)
class Forecast:
    """The estimate of a run on a device."""

    memory: Memory
    """Of each process."""
    plan: MemoryMode
    stock: bool
    device: Device
    launch: Launch
    steps: int
    per_step: int
    lengths: Lengths
    time: TimeEstimate
    smaller: str | None
    """The memory setting that would fit, where this one does not."""

    @property
    def fits(self) -> bool:
        """Whether what is needed is free."""
        return _fits(self.memory, self.device, self.launch)

    def sentences(self) -> list[str]:
        """For people: time, memory, and what to do if there is too little of it."""
        held = "" if self.stock else f" (memory {self.plan.name})"
        several = "for each process" if self.device.kind == "cpu" else "on each GPU"
        each = f" {several}" if self.launch.processes > 1 else ""
        told = [
            f"about {duration(self.time.seconds)} for {self.steps:,} steps ({self.time.source})",
            f"about {self.memory.needed / GIB:.1f} GiB{each}{held}; "
            f"{self.device.free / GIB:.1f} GiB are free on {self.device.name}",
        ]
        if self.plan is SHARDED and self.launch.processes == 1:
            told.append(f"! {NOT_SHARDED}")
        return told if self.fits else [*told, f"! more than is free: {self._advice()}"]

    def _advice(self) -> str:
        if self.smaller is not None:
            return f"{self.smaller} would fit"
        advice = "no setting fits; take a smaller base, or lower training.batch_size"
        if self.stock or self.device.kind == "cpu":
            return advice
        if self.plan is SHARDED and self.launch.processes > 1:
            return f"{advice}, or take more GPUs"
        return f"{advice}, or share it out (--gpus N --set training.memory={SHARDED.name})"

    def as_json(self) -> dict[str, Any]:
        """For scripts; memory in GiB."""
        parts = {name: part / GIB for name, part in asdict(self.memory).items() if name != "tokens"}
        return {
            "steps": self.steps,
            "processes": self.launch.processes,
            "tweets_per_step": self.per_step,
            "tokens": {**asdict(self.lengths), "from": "characters"},
            "memory": {
                "setting": self.plan.name,
                "needed_gib": self.memory.needed / GIB,
                "peak_gib": self.memory.peak / GIB,
                "parts_gib": parts,
                "tokens_per_pass": self.memory.tokens,
            },
            "device": {
                "kind": self.device.kind,
                "name": self.device.name,
                "free_gib": self.device.free / GIB,
                "total_gib": self.device.total / GIB,
            },
            "fits": self.fits,
            "would_fit": None if self.fits else self.smaller,
            "seconds": self.time.seconds,
            "seconds_from": self.time.source,
        }


def forecast(
    recipe: Recipe,
    base: str,
    template: str,
    texts: Texts,
    device: Device,
    runs: Iterable[Path],
    launch: Launch = ALONE,
) -> Forecast:
    """Estimate a run of a model; `runs` are folders of earlier runs, the newest first.

    Raises UserError if the base is not on this machine, or of a shape that is not known.
    """
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    require_model(base)
    shape = read_shape(base)
    _require_targets(recipe, shape)
    lengths = lengths_of(texts, template, training, shape)
    stock = training.trainer == "trl"
    plan, memory = _chosen(shape, recipe, lengths, device, launch)
    per_step = training.batch_size * training.accumulation
    steps = training.max_steps or training.epochs * math.ceil(texts.train / per_step)
    name = str(place_of(base).resolve()) if is_local(base) else base
    share = lengths.mean / launch.processes
    tokens = steps * min(per_step, texts.train) * share
    rough = from_rate(shape, recipe, plan, device, steps, tokens, texts.scored * share)
    time = from_runs(runs, recipe, name, steps, launch.processes, rough) or rough
    smaller = None
    if not _fits(memory, device, launch):
        smaller = _smaller(shape, recipe, lengths, device, launch)
    return Forecast(memory, plan, stock, device, launch, steps, per_step, lengths, time, smaller)


def earlier(runs_folder: Path) -> list[Path]:
    """The folders of the runs of a workspace, the newest first."""
    found = [path for path in runs_folder.glob("[0-9]*") if path.name.isdecimal()]
    return sorted(found, key=lambda path: -int(path.name))


def _require_targets(recipe: Recipe, shape: Shape) -> None:
    """Raise UserError if no layer that is known gets an adapter."""
    targets = recipe.lora.targets if recipe.lora else "all-linear"
    if not any(targeted(linear, targets) for linear in shape.linears):
        named = targets if isinstance(targets, str) else ", ".join(targets)
        known = ", ".join(linear.name for linear in shape.linears)
        raise UserError(f"lora.targets={named} names none of the layers of this base ({known}).")


def lengths_of(texts: Texts, template: str, training: Training, shape: Shape) -> Lengths:
    """Tokens from characters; the longest text may be emoji, of which each is a token or more."""
    each = PER_TOKEN_SMALL if shape.vocabulary < SMALL else PER_TOKEN
    fixed = len(template.replace("{text}", ""))
    return Lengths(
        min(training.max_length, (texts.mean + fixed) / each),
        min(training.max_length, texts.longest + fixed),
    )


def _fits(memory: Memory, device: Device, launch: Launch) -> bool:
    """Whether it is free; each process has a GPU of its own, but all of a machine share the CPU."""
    beside = launch.gpus if device.kind == "cpu" else 1
    return memory.needed * beside <= device.free


def _chosen(
    shape: Shape, recipe: Recipe, lengths: Lengths, device: Device, launch: Launch
) -> tuple[MemoryMode, Memory]:
    """The plan that the recipe names, or with `auto` the first that fits."""
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    named = "nf4" if training.trainer == "trl" else training.memory
    plans = [NAMED_MODES[named]] if named in NAMED_MODES else MEMORY_MODES.values()
    return _first_that_fits(plans, shape, recipe, lengths, device, launch)


def _smaller(
    shape: Shape, recipe: Recipe, lengths: Lengths, device: Device, launch: Launch
) -> str | None:
    """What to set so that the run fits, if anything does."""
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    if training.trainer == "trl":
        return None
    plans = NAMED_MODES if launch.processes > 1 else MEMORY_MODES
    plan, memory = _first_that_fits(plans.values(), shape, recipe, lengths, device, launch)
    return f"training.memory={plan.name}" if _fits(memory, device, launch) else None


def _first_that_fits(
    plans: Iterable[MemoryMode],
    shape: Shape,
    recipe: Recipe,
    lengths: Lengths,
    device: Device,
    launch: Launch,
) -> tuple[MemoryMode, Memory]:
    """A plan and what it needs; the last one if none fits."""
    for plan in plans:
        memory = estimate(shape, recipe, lengths, plan, device.kind, launch.processes)
        if _fits(memory, device, launch):
            break
    return plan, memory

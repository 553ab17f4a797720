"""The forecast of a training run before it starts: its memory, its time, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.plurals import counted
from workbench.planning.base_facts import notable_facts
from workbench.planning.devices import Device
from workbench.planning.fit_steps import fit_sizes, fit_steps
from workbench.planning.kernel_cache import kernels_kept
from workbench.planning.memory_estimate import GIB, MemoryEstimate, TokenLengths, estimate_memory
from workbench.planning.model_architecture import ModelArchitecture, read_architecture
from workbench.planning.time_estimate import (
    estimate_from_rate,
    estimate_from_runs,
    with_first_compilation,
)
from workbench.recipes.base_models import base_path, is_local
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

CHARACTERS_PER_TOKEN, CHARACTERS_PER_TOKEN_SMALL = 3.1, 2.4
"""Characters of a token in tweets, with a vocabulary of tens of thousands and a smaller one."""
SMALL_VOCABULARY = 20_000
ONE_PROCESS = Launch()


@dataclass(frozen=True)
class TextStatistics:
    """How many tweets there are, and how long they are in characters."""

    train: int
    mean: float
    longest: int
    scored: int
    """How many tweets the run will score afterwards."""


@dataclass(frozen=True)
class Forecast:
    """The estimate of a run on a device."""

    memory: MemoryEstimate
    """The memory of each process."""
    memory_mode: MemoryMode
    uses_trl: bool
    device: Device
    launch: Launch
    steps: int
    tweets_per_step: int
    lengths: TokenLengths
    time: TimeEstimate
    fitting_setting: str | None
    """The memory setting that would fit, where the one of the recipe does not."""

    @property
    def fits(self) -> bool:
        """Whether what is needed is free."""
        return _fits(self.memory, self.device, self.launch)

    def sentences(self) -> list[str]:
        """Lines for people: the time, the memory, and what to do if there is too little of it."""
        held = "" if self.uses_trl else f" (memory {self.memory_mode.name})"
        several = "for each process" if self.device.kind == "cpu" else "on each GPU"
        each = f" {several}" if self.launch.processes > 1 else ""
        steps = counted(self.steps, "step")
        lines = [
            f"about {duration(self.time.seconds)} for {steps} ({self.time.source})",
            f"about {self.memory.needed / GIB:.1f} GiB{each}{held}; "
            f"{self.device.free / GIB:.1f} GiB are free on {self.device.name}",
        ]
        if self.memory_mode is SHARDED and self.launch.processes == 1:
            lines.append(f"! {NOT_SHARDED}")
        return lines if self.fits else [*lines, f"! more than is free: {self._advice()}"]

    def _advice(self) -> str:
        if self.fitting_setting is not None:
            return f"{self.fitting_setting} would fit"
        advice = "no setting fits; take a smaller base, or lower training.batch_size"
        if self.uses_trl or self.device.kind == "cpu":
            return advice
        if self.memory_mode is SHARDED and self.launch.processes > 1:
            return f"{advice}, or take more GPUs"
        return f"{advice}, or share it out (--gpus N --set training.memory={SHARDED.name})"

    def as_json(self) -> dict[str, Any]:
        """Values for scripts, memory in GiB."""
        parts = {name: part / GIB for name, part in asdict(self.memory).items() if name != "tokens"}
        return {
            "steps": self.steps,
            "processes": self.launch.processes,
            "tweets_per_step": self.tweets_per_step,
            "tokens": {**asdict(self.lengths), "from": "characters"},
            "memory": {
                "setting": self.memory_mode.name,
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
            "would_fit": None if self.fits else self.fitting_setting,
            "seconds": self.time.seconds,
            "seconds_from": self.time.source,
        }


def forecast(
    recipe: Recipe,
    base: str,
    template: str,
    texts: TextStatistics,
    device: Device,
    runs: Iterable[Path],
    launch: Launch = ONE_PROCESS,
) -> Forecast:
    """Estimate a run of a model; `runs` are folders of earlier runs, the newest first.

    Raises UserError if the base is not on this machine, or of an architecture that is not known, or
    if its files say that a run would refuse it.
    """
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    notable_facts(base, recipe, tokenizer=False)
    architecture = read_architecture(base)
    lengths = token_lengths(texts, template, training, architecture)
    uses_trl = training.trainer == "trl"
    mode, memory = _choose_memory_mode(architecture, recipe, lengths, device, launch)
    tweets_per_step = training.batch_size * training.accumulation
    sizes = fit_sizes(training, texts.train)
    steps_of = [fit_steps(training, size) for size in sizes]
    steps = sum(steps_of)
    name = str(base_path(base).resolve()) if is_local(base) else base
    share = lengths.mean / launch.processes
    drawn = sum(n * min(tweets_per_step, size) for n, size in zip(steps_of, sizes, strict=True))
    tokens = drawn * share
    rough = estimate_from_rate(
        architecture, recipe, mode, device, steps, tokens, texts.scored * share
    )
    time = estimate_from_runs(runs, recipe, name, steps, launch.processes, rough) or rough
    if device.kind == "cuda" and not uses_trl and not kernels_kept():
        time = with_first_compilation(time)
    fitting_setting = None
    if not _fits(memory, device, launch):
        fitting_setting = _fitting_setting(architecture, recipe, lengths, device, launch)
    return Forecast(
        memory,
        mode,
        uses_trl,
        device,
        launch,
        steps,
        tweets_per_step,
        lengths,
        time,
        fitting_setting,
    )


def earlier_runs(runs_folder: Path) -> list[Path]:
    """The folders of the runs of a workspace, the newest first."""
    found = [path for path in runs_folder.glob("[0-9]*") if path.name.isdecimal()]
    return sorted(found, key=lambda path: -int(path.name))


def token_lengths(
    texts: TextStatistics, template: str, training: Training, architecture: ModelArchitecture
) -> TokenLengths:
    """Tokens from characters; the longest text may be emoji, of which each is a token or more."""
    each = (
        CHARACTERS_PER_TOKEN_SMALL
        if architecture.vocabulary < SMALL_VOCABULARY
        else CHARACTERS_PER_TOKEN
    )
    fixed = len(template.replace("{text}", ""))
    return TokenLengths(
        min(training.max_length, (texts.mean + fixed) / each),
        min(training.max_length, texts.longest + fixed),
    )


def _fits(memory: MemoryEstimate, device: Device, launch: Launch) -> bool:
    """Whether it is free; each process has a GPU of its own, but all of a machine share the CPU."""
    beside = launch.gpus if device.kind == "cpu" else 1
    return memory.needed * beside <= device.free


def _choose_memory_mode(
    architecture: ModelArchitecture,
    recipe: Recipe,
    lengths: TokenLengths,
    device: Device,
    launch: Launch,
) -> tuple[MemoryMode, MemoryEstimate]:
    """The memory mode of the recipe, or with `auto` the first that fits, and what it needs."""
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    named = "nf4" if training.trainer == "trl" else training.memory
    modes = [NAMED_MODES[named]] if named in NAMED_MODES else MEMORY_MODES.values()
    return _first_that_fits(modes, architecture, recipe, lengths, device, launch)


def _fitting_setting(
    architecture: ModelArchitecture,
    recipe: Recipe,
    lengths: TokenLengths,
    device: Device,
    launch: Launch,
) -> str | None:
    """What to set so that the run fits, if anything does."""
    training = recipe.training
    assert training is not None  # noqa: S101 - a recipe for a model has it
    if training.trainer == "trl":
        return None
    modes = NAMED_MODES if launch.processes > 1 else MEMORY_MODES
    mode, memory = _first_that_fits(modes.values(), architecture, recipe, lengths, device, launch)
    return f"training.memory={mode.name}" if _fits(memory, device, launch) else None


def _first_that_fits(
    modes: Iterable[MemoryMode],
    architecture: ModelArchitecture,
    recipe: Recipe,
    lengths: TokenLengths,
    device: Device,
    launch: Launch,
) -> tuple[MemoryMode, MemoryEstimate]:
    """The first memory mode that fits, or else the last, and what it needs."""
    for mode in modes:
        memory = estimate_memory(architecture, recipe, lengths, mode, device.kind, launch.processes)
        if _fits(memory, device, launch):
            break
    return mode, memory

"""Recipes: named settings for a run, read from recipes.toml and overridden value by value."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from storage.errors import UsageError
from storage.records import MissingField, UnknownField, WrongType, build_record
from workbench.recipes.memory_modes import NAMED_MODES

LOSSES = ("full-text", "label-words")
SCHEDULERS = ("linear", "cosine", "constant", "constant_with_warmup", "polynomial", "inverse_sqrt")
AUTO = "auto"
COMPUTE_DTYPES = (AUTO, "bfloat16", "float16", "float32")
BIASES = ("none", "all", "lora_only")
TRAINERS = ("packed", "trl")
NOWHERE = "none"
TRACKERS = (NOWHERE, "wandb", "tensorboard", "trackio")
CLASS_WEIGHTS = NO_WEIGHTS, BALANCED = ("none", "balanced")
MAX_BATCH = 65_536
MAX_FOLDS = 50
MEMORY_SETTINGS = ("auto", *NAMED_MODES)


@dataclass(frozen=True)
class Quantization:
    """How the weights of the base are held; `bits` is 4, or 16 for not quantised at all."""

    bits: int
    type: str
    compute_dtype: str
    """`auto` is what is fast where the run is done; see `workbench.modeling.base.compute_dtype`."""
    double: bool


@dataclass(frozen=True)
class Lora:
    """The low-rank adapter (Hu et al. 2021, arXiv:2106.09685)."""

    r: int
    alpha: int
    dropout: float
    bias: str
    targets: str | tuple[str, ...]


@dataclass(frozen=True)
class Training:
    """The hyperparameters of a fine-tuning run."""

    max_length: int
    """Tokens of a prompt with its answer."""
    batch_size: int
    accumulation: int
    learning_rate: float
    max_steps: int
    """Optimiser steps; 0 means: as many as `epochs` takes."""
    epochs: int
    warmup: float
    """The share of the steps in which the learning rate rises."""
    scheduler: str
    save_steps: int
    logging_steps: int
    gradient_checkpointing: bool
    length_grouped: bool
    seed: int
    dev_share: float
    """Share of the training groups held out when the workspace has no dev split."""
    trainer: str = "packed"
    """`packed`, the loop of workbench.modeling.packed.trainer, or `trl`, the SFTTrainer of TRL."""
    memory: str = "auto"
    """The memory mode, or `auto` for the fastest that fits; see workbench.recipes.memory_modes."""
    patience: int = 0
    """Dev evaluations (one each `save_steps`) without a better loss that end a run; 0: none do."""
    keep_best: bool = False
    """Whether the adapter is that of the best dev evaluation, and not of the last step."""
    class_weights: str = NO_WEIGHTS
    """`balanced`: the tweets of each label together weigh the same in the loss."""
    folds: int = 0
    """Adapters that are trained without a fold of the tweets each, which they then score."""
    final_fit: bool = True
    """With folds: whether an adapter on all tweets follows, which is that of the run."""
    shrink: float = 1.0
    """What is kept of the adapter of an earlier run that a run begins with; the rest is new."""
    report_to: str = NOWHERE
    """A program that shows the curves beside the log: wandb, tensorboard or trackio."""
    report_online: bool = False
    """Whether wandb sends them to its server at once."""


LATER_SETTINGS = {
    field.name: field.default
    for field in fields(Training)
    if field.name in ("folds", "final_fit", "shrink", "report_to", "report_online")
}
"""Settings of training that version 0.1.0 does not know, with what they are by themselves."""


@dataclass(frozen=True)
class Logistic:
    """The baseline: logistic regression with so many folds for out-of-fold predictions."""

    folds: int
    regularisation: float
    """The inverse strength C."""
    seed: int


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    name: str
    description: str
    kind: str
    loss: str | None = None
    quantization: Quantization | None = None
    lora: Lora | None = None
    training: Training | None = None
    logistic: Logistic | None = None

    def as_json(self) -> dict[str, Any]:
        """The recipe as it stands in run.json; sections that it does not have are left out.

        So are settings that came later and are not used, which earlier versions would refuse.
        """
        values = self._sections()
        if self.training is not None:
            values["training"] = {
                name: value
                for name, value in values["training"].items()
                if name not in LATER_SETTINGS or value != LATER_SETTINGS[name]
            }
        return values

    def settings(self) -> dict[str, Any]:
        """Each setting by the name that overrides it, such as `lora.r`."""
        found = {"loss": self.loss} if self.loss is not None else {}
        for section, values in self._sections().items():
            if isinstance(values, dict):
                found |= {f"{section}.{name}": value for name, value in values.items()}
        return found

    def _sections(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


SECTIONS: dict[str, type] = {
    "quantization": Quantization,
    "lora": Lora,
    "training": Training,
    "logistic": Logistic,
}


WHEN = "when"
"""What a preset says of itself and a run does not repeat: when one would take it."""


def descriptions() -> dict[str, str]:
    """The recipes and what each is for."""
    return {name: str(values["description"]) for name, values in _presets().items()}


def occasions() -> dict[str, str]:
    """When one would take each recipe."""
    return {name: str(values[WHEN]) for name, values in _presets().items()}


def load(name: str, overrides: Iterable[str] = ()) -> Recipe:
    """A preset with `section.name=value` overrides; raises UsageError for what is not known."""
    presets = _presets()
    if name not in presets:
        raise UsageError(f"{name!r} is not a recipe (known: {', '.join(presets)}).")
    values = {key: deepcopy(value) for key, value in presets[name].items() if key != WHEN}
    return _new_recipe({"name": name, **values}, overrides)


def with_overrides(recipe: Recipe, overrides: Iterable[str]) -> Recipe:
    """A recipe with `section.name=value` overrides; raises UsageError for what is not known."""
    return _new_recipe(recipe._sections(), overrides)


def from_json(values: Mapping[str, Any]) -> Recipe:
    """Read a recipe back; raises UsageError naming a setting that is missing, unknown or wrong."""
    plain = {name: value for name, value in values.items() if name not in SECTIONS}
    sections = {
        name: _section(name, kind, values[name])
        for name, kind in SECTIONS.items()
        if name in values
    }
    recipe = Recipe(**plain, **sections)
    _check(recipe)
    return recipe


@cache  # as the form asks for them at each key
def _presets() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("workbench.recipes").joinpath("recipes.toml").read_text("utf-8"))


def _new_recipe(values: dict[str, Any], overrides: Iterable[str]) -> Recipe:
    """A recipe for a new run; recipes of earlier runs may hold settings that have no effect.

    Whoever names the epochs alone means them, so that no number of steps wins over them.
    """
    named = set()
    for override in overrides:
        _override(values, override)
        named.add(override.partition("=")[0])
    if "training.epochs" in named and "training.max_steps" not in named:
        values["training"] = values["training"] | {"max_steps": 0}
    recipe = from_json(values)
    training = recipe.training
    if training and training.trainer == "trl" and training.memory not in ("auto", "nf4"):
        raise UsageError(
            f"training.memory={training.memory} has no effect with training.trainer=trl (the "
            "recipe seed), which keeps the base in 4-bit; leave it out, or name the recipe fast."
        )
    return recipe


def _override(values: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals:
        raise UsageError(f"{override!r} is not of the form section.name=value, such as lora.r=8.")
    known = {f"{s}.{n}": values[s] for s in SECTIONS if s in values for n in values[s]}
    known["loss"] = values
    if name not in known or (name == "loss" and "loss" not in values):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}."
        raise UsageError(f"{name!r} is not a setting of this recipe; {hint}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    known[name][name.rpartition(".")[2]] = value


def _section(name: str, kind: type, values: Mapping[str, Any]) -> Any:
    try:
        return build_record(kind, values)
    except MissingField as error:
        raise UsageError(f"The setting {name}.{error.name} is missing.") from None
    except UnknownField as error:
        raise UsageError(f"{name}.{error.name} is not a setting.") from None
    except WrongType as error:
        wanted = " or ".join("list" if t is tuple else t.__name__ for t in error.wanted)
        raise UsageError(
            f"{name}.{error.name} must be of type {wanted}, not {error.value!r}."
        ) from None


def _check(recipe: Recipe) -> None:
    rules = [(recipe.loss in (None, *LOSSES), f"loss is one of {', '.join(LOSSES)}")]
    if q := recipe.quantization:
        dtypes = ", ".join(COMPUTE_DTYPES)
        rules += [
            (q.bits in (4, 16), "quantization.bits is 4 or 16"),
            (q.type in ("nf4", "fp4"), "quantization.type is nf4 or fp4"),
            (q.compute_dtype in COMPUTE_DTYPES, f"quantization.compute_dtype is one of {dtypes}"),
        ]
    if lora := recipe.lora:
        rules += [
            (lora.r > 0 and lora.alpha > 0, "lora.r and lora.alpha are above 0"),
            (lora.bias in BIASES, f"lora.bias is one of {', '.join(BIASES)}"),
            (0 <= lora.dropout < 1, "lora.dropout is from 0 to below 1"),
        ]
    if t := recipe.training:
        sizes = (t.batch_size, t.accumulation, t.logging_steps, t.save_steps, t.epochs)
        rules += [
            (min(sizes) > 0, "batch, accumulation, logging, save and epoch numbers are above 0"),
            (t.max_steps >= 0, "training.max_steps is 0 or more"),
            (t.max_length >= 16, "training.max_length is 16 or more"),
            (t.learning_rate > 0, "training.learning_rate is above 0"),
            (t.patience >= 0, "training.patience is 0 or more"),
            (t.seed >= 0, "training.seed is 0 or more"),
            (max(sizes[:2]) <= MAX_BATCH, f"a batch number is at most {MAX_BATCH:,}"),
            (t.scheduler in SCHEDULERS, f"training.scheduler is one of {', '.join(SCHEDULERS)}"),
            (0 <= t.warmup < 1, "training.warmup is from 0 to below 1"),
            (0 <= t.dev_share < 1, "training.dev_share is from 0 to below 1"),
            (t.trainer in TRAINERS, f"training.trainer is one of {', '.join(TRAINERS)}"),
            (
                t.class_weights in CLASS_WEIGHTS,
                f"training.class_weights is one of {', '.join(CLASS_WEIGHTS)}",
            ),
            (t.report_to in TRACKERS, f"training.report_to is one of {', '.join(TRACKERS)}"),
            (
                t.report_to == "wandb" or not t.report_online,
                "training.report_online goes with training.report_to=wandb only",
            ),
            (0 <= t.shrink <= 1, "training.shrink is from 0 to 1"),
            (
                t.folds == 0 or 2 <= t.folds <= MAX_FOLDS,
                f"training.folds is 0, or 2 to {MAX_FOLDS}",
            ),
            (
                t.trainer == "packed" or t.folds == 0,
                "training.folds goes with training.trainer=packed only",
            ),
            (t.folds > 0 or t.final_fit, "training.final_fit=false goes with training.folds only"),
            (
                t.trainer == "packed" or t.class_weights == NO_WEIGHTS,
                "training.class_weights=balanced goes with training.trainer=packed only",
            ),
            (
                t.memory in MEMORY_SETTINGS,
                f"training.memory is one of {', '.join(MEMORY_SETTINGS)}",
            ),
            (
                t.trainer == "packed" or recipe.loss == "full-text",
                "training.trainer=trl goes with loss=full-text only",
            ),
        ]
    if b := recipe.logistic:
        rules += [
            (b.folds >= 2, "logistic.folds is 2 or more"),
            (b.regularisation > 0, "logistic.regularisation is above 0"),
        ]
    for holds, rule in rules:
        if not holds:
            raise UsageError(f"A setting of this recipe is out of range: {rule}.")

"""The run that another one goes on from: whether it fits, and what is taken over from it."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from storage.errors import UserError
from storage.runs import runs
from storage.runs.training_set import Example
from storage.store import Store
from workbench.recipes import recipes
from workbench.recipes.base_models import base_path, is_local
from workbench.recipes.recipes import Recipe
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.rundir.folder import Job
from workbench.runs.frozen_examples import test_by_now

WARM_STEPS = 4
"""A run that goes on from another one takes one in so many of its steps."""
ADAPTER_FILE = "adapter_model.safetensors"


@dataclass(frozen=True)
class Ancestor:
    """A run with an adapter to begin with."""

    number: int
    folder: Path
    job: Job
    trained_on: dict[int, str]
    """The ids and texts of the tweets that it, or one before it, was trained on."""

    def recipe(self, overrides: tuple[str, ...]) -> Recipe:
        """Its recipe for a run that goes on from it: fewer steps, and what is overridden.

        A run that went on from another one has its few steps already.
        """
        settings = self.job.recipe.training
        assert settings is not None  # noqa: S101 - a qlora recipe has it
        fewer = (
            []
            if self.job.parent is not None
            else [
                f"training.max_steps={math.ceil(settings.max_steps / WARM_STEPS)}",
                f"training.epochs={math.ceil(settings.epochs / WARM_STEPS)}",
            ]
        )
        no_folds = ["training.folds=0", "training.final_fit=true"]
        shorter = recipes.with_overrides(self.job.recipe, [*fewer, *no_folds])
        return recipes.with_overrides(shorter, overrides)

    def require_fitting(self, recipe: Recipe, base: str) -> None:
        """Raise UserError unless the adapter can be gone on from with a recipe on a base."""
        wanted = str(base_path(base).resolve()) if is_local(base) else base
        own, other = self.job.recipe.lora, recipe.lora
        if recipe.kind != "qlora" or own is None or other is None or recipe.training is None:
            raise UserError(f"Run {self.number} has an adapter, and {recipe.name} trains none.")
        if recipe.training.folds:
            raise UserError(
                f"The adapter of run {self.number} has seen the tweets of each fold, so that "
                "--folds would say nothing; leave out --from or --folds."
            )
        if wanted != self.job.base:
            raise UserError(
                f"The adapter of run {self.number} is one of {self.job.base}; leave out --base."
            )
        for name in ("r", "alpha", "bias", "targets"):
            before, now = getattr(own, name), getattr(other, name)
            if before != now:
                raise UserError(
                    f"The adapter of run {self.number} has lora.{name}={_shown(before)}, so a run "
                    f"that goes on from it cannot have {_shown(now)}."
                )

    def divide(
        self, train: list[Example], dev: list[Example]
    ) -> tuple[list[Example], list[Example]]:
        """Train and dev tweets: groups that it was trained on are none of dev."""
        texts = set(self.trained_on.values())
        seen = {example.group for example in dev if example.text in texts}
        return (
            [*train, *(example for example in dev if example.group in seen)],
            [example for example in dev if example.group not in seen],
        )

    def write(self, folder: Path) -> None:
        """Put its weights, and the tweets that it was trained on, into the folder of a run."""
        run_folder.require_no_links(self.folder / run_folder.ADAPTER)
        shutil.copy(self.folder / run_folder.ADAPTER / ADAPTER_FILE, folder / run_folder.START)
        tables.write_ancestors(folder, self.trained_on)


def find_ancestor(store: Store, number: int) -> Ancestor:
    """The run with this number as one to go on from.

    Raises UserError if it has no adapter, or was trained on what is a test tweet by now.
    """
    run = runs.get(store, number)
    folder = store.run_folder(number)
    if run.kind != "qlora" or not (folder / run_folder.ADAPTER / ADAPTER_FILE).is_file():
        raise UserError(
            f"Run {number} ({run.recipe}, {run.state}) has no adapter of its own to go on from; "
            "name a trained run."
        )
    trained_on = tables.trained_on(folder)
    require_no_test_tweets(store, folder, trained_on)
    return Ancestor(number, folder, run_folder.read_job(folder), trained_on)


def require_no_test_tweets(store: Store, folder: Path, trained_on: dict[int, str]) -> None:
    """Raise UserError if something that an adapter was trained on is a test tweet by now."""
    if barred := test_by_now(store, list(trained_on.items())):
        raise UserError(
            f"{len(barred):,} of the tweets that the adapter of run {folder.name} comes from are "
            "test tweets by now, or nearly equal to one; start from the base, without --from."
        )


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

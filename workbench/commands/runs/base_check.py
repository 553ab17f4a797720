"""`doctor --base`: what is known of a base before a run loads it, and after it is loaded."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from storage.config import Config
from storage.errors import UserError
from workbench.commands.runs.label_words import LabelWord, label_words, print_label_words
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.planning.base_facts import OK, REFUSED, BaseFact, base_facts
from workbench.recipes import recipes
from workbench.recipes.base_models import absolute_name, is_local, require_model
from workbench.recipes.recipes import Recipe


def check_base(name: str, config: Config | None, loads: bool, as_json: bool) -> None:
    """Print each fact about a base, and the tokens of the label words of a workspace.

    With `loads`, the base is loaded and tried as well. Exit status 1 if it is refused.
    """
    require_model(name)
    recipe = recipes.load(config.recipe if config else "fast")
    if recipe.training is None:
        recipe = recipes.load("fast")
    facts = base_facts(name, recipe)
    words: list[LabelWord] = []
    if not any(fact.verdict == REFUSED for fact in facts):
        if is_local(name):
            os.environ["HF_HUB_OFFLINE"] = "1"
        with spinner("Looking at the base…"):
            loaded, words = _look_closer(absolute_name(name), config, recipe, loads)
        facts += loaded
    if as_json:
        values = {"facts": [*map(asdict, facts)], "words": [*map(asdict, words)]}
        print_json({"base": name, **values})
    else:
        table(None, ("fact", "", "what"), [(f.name, f.verdict, f.text) for f in facts])
        if words:
            print_label_words(words)
    if any(fact.verdict == REFUSED for fact in facts):
        if not as_json:
            say(f"{name} is refused.")
        raise click.exceptions.Exit(1)


def _look_closer(
    name: str, config: Config | None, recipe: Recipe, loads: bool
) -> tuple[list[BaseFact], list[LabelWord]]:
    """What the libraries of models say of a base, as far as it goes until one refuses it."""
    assert recipe.training is not None and recipe.quantization is not None  # noqa: S101
    facts: list[BaseFact] = []
    words: list[LabelWord] = []
    doing = "label words"
    try:
        if config is not None and len(config.labels) > 1:
            words = label_words(name, config, recipe.training.max_length)
            longest = max(len(word.ids) for word in words)
            facts.append(BaseFact(doing, OK, f"all can be told apart, {longest} tokens at most"))
        if loads:
            from workbench.modeling.base.library_imports import import_libraries

            import_libraries()
            from workbench.modeling.base.trial import try_base

            doing = "loading"
            facts += [BaseFact(fact, OK, text) for fact, text in try_base(name, recipe).items()]
    except UserError as error:
        facts.append(BaseFact(doing, REFUSED, str(error)))
    return facts, words

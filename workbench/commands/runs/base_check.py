"""`doctor --base`: what is known of a base before a run loads it, and after it is loaded."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import click

from storage.config import CHAT, Config
from storage.errors import UserError
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner
from workbench.planning.base_facts import OK, REFUSED, BaseFact, base_facts
from workbench.recipes import recipes
from workbench.recipes.base_models import absolute_name, is_local, require_model
from workbench.recipes.recipes import Recipe

Words = list[dict[str, Any]]


def check_base(name: str, config: Config | None, loads: bool, as_json: bool) -> None:
    """Print each fact about a base, and the tokens of the label words of a workspace.

    With `loads`, the base is loaded and tried as well. Exit status 1 if it is refused.
    """
    require_model(name)
    recipe = recipes.load(config.recipe if config else "fast")
    if recipe.training is None:
        recipe = recipes.load("fast")
    facts = base_facts(name, recipe)
    words: Words = []
    if not any(fact.verdict == REFUSED for fact in facts):
        if is_local(name):
            os.environ["HF_HUB_OFFLINE"] = "1"
        with spinner("Looking at the base…"):
            loaded, words = _look_closer(absolute_name(name), config, recipe, loads)
        facts += loaded
    if as_json:
        print_json({"base": name, "facts": [asdict(fact) for fact in facts], "words": words})
    else:
        table(None, ("fact", "", "what"), [(f.name, f.verdict, f.text) for f in facts])
        if words:
            rows = [(w["label"], w["word"], " ".join(map(repr, w["tokens"]))) for w in words]
            table(None, ("label", "word", "tokens"), rows)
    if any(fact.verdict == REFUSED for fact in facts):
        if not as_json:
            say(f"{name} is refused.")
        raise click.exceptions.Exit(1)


def _look_closer(
    name: str, config: Config | None, recipe: Recipe, loads: bool
) -> tuple[list[BaseFact], Words]:
    """What the libraries of models say of a base, as far as it goes until one refuses it."""
    from workbench.modeling.base.library_imports import import_libraries

    import_libraries()
    from workbench.modeling.base.loading import load_tokenizer
    from workbench.modeling.base.trial import try_base
    from workbench.modeling.data.prompts import make_prompter

    assert recipe.training is not None and recipe.quantization is not None  # noqa: S101
    facts: list[BaseFact] = []
    words: Words = []
    doing = "label words"
    try:
        tokenizer = load_tokenizer(name)
        if config is not None and len(config.labels) > 1:
            texts = [config.word(label) for label in config.labels]
            most, chat = recipe.training.max_length, config.prompt == CHAT
            prompter = make_prompter(tokenizer, config.message, config.labels, texts, most, chat)
            words = [
                {
                    "label": label,
                    "word": word,
                    "ids": [*ids],
                    "tokens": [tokenizer.decode([number]) for number in ids],
                }
                for label, word, ids in zip(
                    config.labels, texts, prompter.label_token_ids, strict=True
                )
            ]
            longest = max(len(word["ids"]) for word in words)
            facts.append(BaseFact(doing, OK, f"all can be told apart, {longest} tokens at most"))
        if loads:
            doing = "loading"
            facts += [BaseFact(fact, OK, text) for fact, text in try_base(name, recipe).items()]
    except UserError as error:
        facts.append(BaseFact(doing, REFUSED, str(error)))
    return facts, words

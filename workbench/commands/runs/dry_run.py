"""`train --dry-run`: what a run would train on, and what it would need."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage.errors import UserError
from storage.plurals import tweet_count
from storage.query import tweets
from storage.runs import training_set
from storage.store import Store
from workbench.commands.runs.label_words import LabelWord, label_words, print_label_words
from workbench.console.printing import print_json, say
from workbench.console.progress import spinner
from workbench.planning.base_facts import notable_facts
from workbench.planning.class_balance import balance_warnings
from workbench.planning.devices import read_device
from workbench.planning.forecast import Forecast, TextStatistics, earlier_runs, forecast
from workbench.planning.memory_estimate import GIB
from workbench.planning.model_architecture import config_path
from workbench.recipes.base_models import has_tokenizer
from workbench.recipes.recipes import Recipe
from workbench.rundir.launch import Launch

if TYPE_CHECKING:
    from workbench.runs.ancestors import Ancestor

PARTS = {
    "base": "weights of the base",
    "embeddings": "embeddings and output layer",
    "adapter": "adapter, its gradient and optimiser",
    "activations": "activations",
    "output": "logits",
    "workspace": "workspace",
    "graphs": "CUDA graphs",
    "runtime": "CUDA or the libraries",
}


def print_forecast(
    store: Store,
    recipe: Recipe,
    base: str,
    filter_text: str,
    launch: Launch,
    as_json: bool,
    ancestor: Ancestor | None = None,
    trust_remote_code: bool = False,
) -> None:
    """Print the forecast of a run, and start and write nothing.

    Raises UserError if there is nothing to train on, or nothing to tell apart, or if the files of
    the base, or the tokens of the label words, say that a run would refuse it.
    """
    from workbench.runs.snapshotting import no_training_tweets, require_two_labels

    require_two_labels(store)
    settings = recipe.training
    share, seed = (settings.dev_share, settings.seed) if settings is not None else (0.0, 0)
    train, dev = training_set.split_for_training(store, share, seed)
    if not train:
        raise UserError(no_training_tweets(store))
    if ancestor is not None:
        train, dev = ancestor.divide(train, dev)
    counts = training_set.example_label_counts(store, train, dev)
    balance = balance_warnings(counts, store.config.labels)
    warnings = [warning.sentence for warning in balance]
    if recipe.lora is not None:
        warnings += [
            f"{fact.name} of the base: {fact.text}." for fact in notable_facts(base, recipe)
        ]
    scored = len(tweets.listing(store, filter_text))
    unknown, found = None, None
    if recipe.training is not None:
        _, mean, longest = training_set.text_lengths(store)
        texts = TextStatistics(len(train), mean, longest, scored)
        try:
            found = forecast(
                recipe,
                base,
                store.config.message,
                texts,
                read_device(),
                earlier_runs(store.runs_folder),
                launch,
            )
        except UserError as error:
            unknown = str(error)
    words = _label_words(store, recipe, base, trust_remote_code)
    values: dict[str, Any] = {
        "recipe": recipe.name,
        "base": base if recipe.training else None,
        "from": ancestor and ancestor.number,
        "train": len(train),
        "dev": len(dev),
        "predict": scored,
        "settings": recipe.as_json(),
        "unknown": unknown,
        "warnings": warnings,
        "words": [*map(asdict, words)],
        **(found.as_json() if found else {}),
    }
    if as_json:
        print_json(values)
        return
    say(
        f"{recipe.name}: {tweet_count(len(train))} to train on, {len(dev):,} for dev, {scored:,} "
        "to score; nothing is started."
    )
    if ancestor is not None:
        say(f"It would begin with the adapter of run {ancestor.number}.")
    for warning in warnings:
        say(f"! {warning}")
    for section, settings in recipe.as_json().items():
        if isinstance(settings, dict):
            values_of = ", ".join(f"{name} {_format(value)}" for name, value in settings.items())
            say(f"{section}: {values_of}")
    if words:
        print_label_words(words)
    if unknown:
        say(unknown)
    if found:
        _print_needs(found)


def _label_words(store: Store, recipe: Recipe, base: str, trusted: bool) -> list[LabelWord]:
    """The tokens of the label words; none for a recipe without a model, or a base not here yet."""
    if recipe.training is None:
        return []
    try:
        folder = config_path(base).parent
    except UserError:
        return []
    if not has_tokenizer(folder):
        return []
    os.environ["HF_HUB_OFFLINE"] = "1"  # it is here, and the libraries ask when they are imported
    with spinner("Looking at the tokenizer…"):
        return label_words(folder, store.config, recipe.training.max_length, trusted)


def _print_needs(found: Forecast) -> None:
    for sentence in found.sentences():
        say(sentence)
    parts = found.as_json()["memory"]["parts_gib"]
    for name, part in parts.items():
        if part * GIB >= 1:
            say(f"  {part:8.2f} GiB  {PARTS[name]}")
    say(
        f"Tokens are guessed from characters: {found.lengths.mean:.0f} a tweet, the largest pass "
        f"{found.memory.tokens:,}."
    )


def _format(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

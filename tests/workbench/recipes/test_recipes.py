"""Recipes: the presets, overriding one value, and what is refused."""

from __future__ import annotations

import pytest

from storage.errors import UsageError
from workbench.recipes import recipes


def test_the_seed_recipe_has_the_values_that_its_author_states():
    seed = recipes.load("seed")
    assert (seed.quantization.bits, seed.quantization.type) == (4, "nf4")
    assert (seed.lora.r, seed.lora.alpha, seed.lora.dropout) == (16, 32, 0.05)
    assert seed.lora.targets == ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
    training = seed.training
    assert (training.batch_size, training.accumulation, training.max_steps) == (4, 4, 200)
    assert (training.learning_rate, training.warmup, training.seed) == (2e-4, 0.03, 42)
    assert seed.loss == "full-text"


@pytest.mark.parametrize("name", recipes.descriptions())
def test_every_preset_is_sound_and_survives_json(name):
    recipe = recipes.load(name)
    assert recipe.description
    assert recipes.from_json(recipe.as_json()) == recipe


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("lora.r=8", 8),
        ("lora.dropout=0", 0.0),
        ("training.learning_rate=1e-4", 1e-4),
        ("training.scheduler=cosine", "cosine"),
        ("training.gradient_checkpointing=true", True),
        ('lora.targets=["q_proj", "v_proj"]', ("q_proj", "v_proj")),
        ("lora.targets=all-linear", "all-linear"),
        ("quantization.bits=16", 16),
        ("loss=full-text", "full-text"),
    ],
)
def test_one_value_is_overridden_and_nothing_else(override, value):
    name = override.partition("=")[0]
    plain, changed = recipes.load("fast").as_json(), recipes.load("fast", [override]).as_json()
    section, _, key = name.rpartition(".")
    target = changed[section] if section else changed
    assert target[key] == value
    assert type(target[key]) is type(value)
    target[key] = (plain[section] if section else plain)[key]
    assert changed == plain


def test_epochs_that_are_named_alone_win_over_the_steps_of_the_recipe():
    def steps(*overrides):
        training = recipes.load("fast", overrides).training
        return training.epochs, training.max_steps

    assert steps() == (5, 200)
    assert steps("training.epochs=2") == (2, 0)
    assert steps("training.epochs=2", "training.max_steps=30") == (2, 30)
    assert steps("training.seed=1") == (5, 200)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lora.r", "not of the form section.name=value"),
        ("lora.rank=8", "'lora.rank' is not a setting of this recipe"),
        ("training.batchsize=8", r"did you mean training\.batch_size\?"),
        ("colour=red", "known: "),
        ("lora.r=many", "lora.r must be of type int, not 'many'"),
        ("lora.r=1.5", "lora.r must be of type int"),
        ("lora.r=0", "lora.r and lora.alpha are above 0"),
        ("lora.bias=some", "lora.bias is one of none, all, lora_only"),
        ("lora.dropout=1", "lora.dropout is from 0 to below 1"),
        ("quantization.bits=8", "quantization.bits is 4 or 16"),
        ("quantization.type=int8", "quantization.type is nf4 or fp4"),
        ("quantization.compute_dtype=int8", "compute_dtype is one of"),
        ("loss=mse", "loss is one of"),
        ("training.batch_size=0", "are above 0"),
        ("training.max_length=3", "16 or more"),
        ("training.learning_rate=-1", "above 0"),
        ("training.learning_rate=nan", "above 0"),
        ("training.gradient_checkpointing=1", "must be of type bool"),
        ("logistic.folds=3", "is not a setting of this recipe"),
        ("training.scheduler=nonsense", "scheduler"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(override, message):
    with pytest.raises(UsageError, match=message):
        recipes.load("fast", [override])


def test_a_memory_setting_that_the_stock_trainer_would_pass_over_is_refused():
    seed = recipes.load("seed")
    for begin in (
        lambda wish: recipes.load("seed", [wish]),
        lambda w: recipes.with_overrides(seed, [w]),
    ):
        with pytest.raises(
            UsageError, match=r"memory=sharded has no effect with training\.trainer=trl"
        ):
            begin("training.memory=sharded")
    earlier = seed.as_json()
    earlier["training"]["memory"] = "8gb"  # of a run from before it was refused
    assert recipes.from_json(earlier).training.memory == "8gb"


def test_an_unknown_recipe_names_the_known():
    with pytest.raises(UsageError, match=r"'slow' is not a recipe \(known: seed, fast"):
        recipes.load("slow")


def test_an_override_of_one_load_does_not_reach_the_next():
    recipes.load("fast", ["lora.r=8"])
    assert recipes.load("fast").lora.r == 16

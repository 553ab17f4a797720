"""Exports: read back before they get their name, found by other machines, and gone if they fail."""

from __future__ import annotations

import gc
import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from storage.errors import UserError
from workbench.modeling.base.loading import load_base
from workbench.modeling.base.lora import add_adapter
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.export import export, read_back
from workbench.modeling.export.adapter_folder import (
    adapter_details,
    save_adapter,
    write_portable,
)
from workbench.modeling.export.export import export_model
from workbench.modeling.export.model_card import base_hint
from workbench.recipes import recipes

WORDS = ("Positive", "Negative")
TEXTS = ["up", "down it goes", "no way that this goes up again, they said", "buy more"]


@pytest.fixture(scope="module")
def adapter(tiny_base, tmp_path_factory):
    """The folder of an adapter that has learnt something, on a tiny Llama."""
    recipe = recipes.load("tiny", ["lora.r=6"])
    folder = tiny_base()
    base = load_base(str(folder), recipe.quantization)
    prompter = make_prompter(base.tokenizer, "{text}\nLabel:", WORDS, WORDS, 64)
    model = add_adapter(base.model, recipe.lora, 1)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in (p for p in model.parameters() if p.requires_grad):
            weight.normal_(std=0.2)
    saved = tmp_path_factory.mktemp("run") / "adapter"
    details = adapter_details(recipe, str(folder), prompter, WORDS)
    save_adapter(model, base.tokenizer, saved, details)
    return saved


def change_weights(folder):
    for path in folder.glob("*model*.safetensors"):
        weights = load_file(path)
        save_file({n: t + 0.3 for n, t in weights.items()}, path, {"format": "pt"})


def without_end(folder):
    for path in folder.glob("*model*.safetensors"):
        path.write_bytes(path.read_bytes()[:-64])


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("there", [False, True])
def test_an_export_names_no_place_of_this_machine(adapter, tiny_base, tmp_path, merge, there):
    to = tmp_path / "exported"
    if there:
        to.mkdir()
    meant = {"Positive": "expects a\ngain", "Else": "gone"}
    export_model(adapter, to, merge, texts=TEXTS, definitions=meant)
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]
    assert not [path for path in to.iterdir() if path.name.startswith(".")]
    hint = f"./{tiny_base().name}"
    for path in to.iterdir():
        content = path.read_bytes()
        assert str(tiny_base()).encode() not in content, path
        assert str(tmp_path).encode() not in content, path
    assert json.loads((to / "workbench.json").read_text())["base"] == hint
    card = (to / "README.md").read_text()
    assert f"Base model: `{hint}`" in card and "base_model:" not in card
    assert "\n- `Positive`: expects a gain\n\n" in card and "Else" not in card
    if not merge:
        config = json.loads((to / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == hint and f"BASE = '{hint}'" in card
        assert f"vllm serve {hint} --enable-lora --lora-modules labels=. --max-lora-rank 8" in card
        assert f"convert_lora_to_gguf.py . --base {hint}" in card
    else:
        assert "vllm serve . " in card and "convert_hf_to_gguf.py . " in card


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("damage", [change_weights, without_end])
@pytest.mark.parametrize("there", [False, True])
def test_an_export_that_is_not_what_was_trained_goes(
    adapter, tmp_path, monkeypatch, merge, damage, there
):
    to = tmp_path / "exported"
    if there:
        to.mkdir()

    def write(folder, details, merged):
        real(folder, details, merged)
        damage(folder)

    real = read_back.write_portable
    monkeypatch.setattr(read_back, "write_portable", write)
    with pytest.raises(UserError, match=r"answers otherwise .* was removed|damaged") as told:
        export_model(adapter, to, merge, texts=TEXTS)
    assert "\n" not in str(told.value)
    assert [*tmp_path.rglob("*")] == ([to] if there else [])


@pytest.mark.parametrize("there", [False, True])
def test_a_killed_export_looks_unfinished_and_the_next_one_takes_its_place(
    adapter, tmp_path, monkeypatch, there
):
    to = tmp_path / "exported"
    if there:
        to.mkdir()

    class Killed(BaseException):
        pass

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(read_back, "_require_same", die)
        patched.setattr(export.shutil, "rmtree", lambda *a, **k: None)  # no time to tidy up
        with pytest.raises(Killed):
            export_model(adapter, to, False, texts=TEXTS)
    assert [path.name for path in tmp_path.rglob("adapter_config.json")] == ["adapter_config.json"]
    assert not (to / "adapter_config.json").exists()
    assert all(path.name.endswith(".partial") for path in tmp_path.iterdir() if path != to)
    export_model(adapter, to, False, texts=TEXTS)
    assert (to / "adapter_config.json").is_file()
    assert not [*tmp_path.rglob("*.partial")]


def test_a_model_is_gone_before_another_is_read_back(adapter, tmp_path, monkeypatch):
    """Two of them at a time may be more than a GPU holds."""

    def count_models(*arguments):
        gc.collect()
        alive.append(sum(isinstance(thing, LlamaForCausalLM) for thing in gc.get_objects()))
        return load(*arguments)

    gc.collect()
    before = sum(isinstance(thing, LlamaForCausalLM) for thing in gc.get_objects())
    alive, load = [], read_back.load_base
    monkeypatch.setattr(read_back, "load_base", count_models)
    export_model(adapter, tmp_path / "merged", True, texts=TEXTS)
    assert alive == [before, before]


def test_a_folder_with_something_in_it_is_left_alone(adapter, tmp_path):
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(UserError, match="is not an empty folder"):
        export_model(adapter, tmp_path, False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("base", "hint"),
    [
        ("tiiuae/falcon-7b", "tiiuae/falcon-7b"),
        ("gpt2", "gpt2"),
        ("/data/models/falcon-7b", "./falcon-7b"),
        ("/data/models/falcon-7b/", "./falcon-7b"),
        ("~/falcon-7b", "./falcon-7b"),
        ("../falcon-7b", "./falcon-7b"),
    ],
)
def test_a_base_is_named_as_other_machines_find_it(base, hint):
    assert base_hint(base) == hint


def test_the_card_of_a_base_from_the_hub_names_it(adapter, tmp_path):
    details = json.loads((adapter / "workbench.json").read_text()) | {"base": "some/base"}
    write_portable(tmp_path, details, merged=False)
    card = (tmp_path / "README.md").read_text()
    assert re.search("^base_model: some/base$", card, re.M) and "BASE = 'some/base'" in card
    assert "Base model: `some/base`. Recipe" in card

"""Bases of every kind: handled from the first probability to the merged export, or refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest
import torch
from bases_by_code import change_config, save_base

from storage.errors import UserError
from workbench.modeling.base.loading import load_base
from workbench.modeling.base.lora import add_adapter
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.export.adapter_folder import adapter_details, save_adapter
from workbench.modeling.export.export import export_model
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.modeling.trainers import train
from workbench.recipes import recipes
from workbench.recipes.base_configs import held_quantization
from workbench.recipes.base_models import require_model

WORDS = ("Positive", "Negative")
TEXTS = ["up", "down it goes", "no way that this goes up again, they said", "buy more"]
IN_16_BITS = ("mixtral", "qwen2-moe")
HANDLED = {
    "gpt2": 8,
    "mixtral": 8,
    "qwen2-moe": 16,
    "mamba": 2,
    "mamba2": 2,
    "falcon-mamba": 2,
    "falcon-h1": 16,
    "jamba": 11,
    "gemma3": 14,
    "llava": 14,
    "qwen2-vl": 14,
    "nf4": 14,
    "fp4-double": 14,
}
"""Kinds, and how many of their layers carry an adapter."""


@pytest.fixture(scope="module")
def base_of(tmp_path_factory):
    """A function that gives the folder of a small base of a kind."""
    folders = {}

    def make(kind: str):
        if kind not in folders:
            folders[kind] = save_base(kind, tmp_path_factory.mktemp(kind))
        return folders[kind]

    return make


def recipe_for(kind: str) -> recipes.Recipe:
    """Three steps, in 16 bits for what cannot be in 4."""
    bits = ["quantization.bits=16"] if kind in IN_16_BITS else []
    return recipes.load("tiny", ["training.max_steps=3", "lora.dropout=0.0", *bits])


def code_of_card(folder, base=None) -> dict:
    """What the code of a model card defines."""
    [code] = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    code = re.sub("(?m)^BASE = .*", f"BASE = {str(base)!r}", code)
    exec(code.replace('FOLDER = "."', f"FOLDER = {str(folder)!r}"), names)
    return names


@pytest.mark.parametrize("kind", HANDLED)
def test_a_base_scores_right_trains_where_it_can_and_is_exported(base_of, kind, tmp_path):
    folder, recipe = base_of(kind), recipe_for(kind)
    base = load_base(str(folder), recipe.quantization)
    assert base.linear4bit == (0 if kind in IN_16_BITS else base.linear_total)
    prompter = make_prompter(base.tokenizer, "{text}\nLabel:", WORDS, WORDS, 64)
    with torch.no_grad():
        for text, row in zip(TEXTS, score_texts(base.model, prompter, TEXTS), strict=True):
            [prompt] = prompter.encode([text])
            logits = base.model(input_ids=torch.tensor([prompt]), use_cache=False).logits[0, -1]
            chosen = logits[[answer[0] for answer in prompter.label_token_ids]]
            assert row == pytest.approx(chosen.float().softmax(0).tolist(), abs=1e-5)
    trained = train(
        base,
        recipe,
        prompter,
        Examples(TEXTS * 4, [0, 1, 1, 0] * 4),
        Examples([], []),
        tmp_path / "steps",
        lambda *arguments, **values: None,
        lambda: False,
    )
    learnt = {n: p for n, p in trained.model.named_parameters() if "lora_B" in n}
    assert len(learnt) == HANDLED[kind]
    assert all(weight.abs().sum() > 0 for weight in learnt.values())  # all began at zero
    assert not any("vision" in name or "visual" in name for name in learnt)

    taught = score_texts(trained.model, prompter, TEXTS)
    used = replace(recipe, quantization=base.quantization)
    save_adapter(
        trained.model,
        base.tokenizer,
        tmp_path / "adapter",
        adapter_details(used, str(folder), prompter, WORDS),
    )
    export_model(tmp_path / "adapter", tmp_path / "merged", merge=True)
    chances = code_of_card(tmp_path / "merged")["probabilities"]
    for text, row in zip(TEXTS, taught, strict=True):
        assert chances(text) == pytest.approx(row, abs=1e-4)
    if kind in ("llava", "gpt2"):
        chances = code_of_card(tmp_path / "adapter", folder)["probabilities"]
        assert chances(TEXTS[2]) == pytest.approx(taught[2], abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("bert", "reads what comes after a word"),
        ("roberta", "reads what comes after a word"),
        ("mixtral", r"Only 20% of the weights .* --set quantization\.bits=16"),
        ("qwen2-moe", r"Only 33% of the weights .* --set quantization\.bits=16"),
        ("encoder-decoder", "is an encoder-decoder"),
        ("classifier", "has a head of its own"),
    ],
)
def test_a_base_that_cannot_be_used_is_one_sentence(base_of, kind, message):
    with pytest.raises(UserError, match=message) as caught:
        load_base(str(base_of(kind)), recipes.load("tiny").quantization)
    assert "\n" not in str(caught.value) and "--base" in str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_causality_is_found_out_in_each_dtype(base_of, dtype):
    quantization = recipes.load("tiny", [f"quantization.compute_dtype={dtype}"]).quantization
    assert load_base(str(base_of("llama")), quantization).linear4bit == 14
    with pytest.raises(UserError, match="reads what comes after a word"):
        load_base(str(base_of("bert")), quantization)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"quant_method": "gptq", "bits": 4}, r"quantised already \(gptq\)"),
        ({"quant_method": "awq", "bits": 4}, r"quantised already \(awq\)"),
        ({"quant_method": "fp8"}, r"quantised already \(fp8\)"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, r"quantised already \(8 bits\)"),
    ],
)
def test_weights_that_were_quantised_otherwise_are_refused_unread(
    base_of, tmp_path, method, message
):
    folder = shutil.copytree(base_of("llama"), tmp_path / "base")
    change_config(folder, quantization_config=method)
    with pytest.raises(UserError, match=message):
        require_model(str(folder))


def test_an_adapter_is_no_base(tmp_path):
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": "some/base"})
    )
    with pytest.raises(UserError, match=r"is an adapter and no base; give its base \(some/base\)"):
        require_model(str(tmp_path))


def test_what_a_run_says_of_its_base_is_what_the_base_is(base_of):
    wanted = recipes.load("seed").quantization
    for kind, expected in (("fp4-double", (4, "fp4", True)), ("nf4", (4, "nf4", False))):
        held = load_base(str(base_of(kind)), wanted).quantization
        assert (held.bits, held.type, held.double) == expected
    assert held_quantization({}, wanted) == wanted


def test_targets_that_no_layer_has_are_one_sentence(base_of):
    seed = recipes.load("seed")
    model = load_base(str(base_of("llama")), recipes.load("tiny").quantization).model
    with pytest.raises(UserError, match=r"names no layer of this base .* down_proj, gate_proj"):
        add_adapter(model, seed.lora, 1)
    mamba = load_base(str(base_of("mamba")), recipes.load("tiny").quantization).model
    forbidden = recipes.load("tiny", ['lora.targets=["out_proj"]']).lora
    with pytest.raises(UserError, match=r"lora\.targets=out_proj names no .* it has in_proj\."):
        add_adapter(mamba, forbidden, 1)

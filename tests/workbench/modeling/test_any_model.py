"""Any causal language model: 4-bit loading, scoring and training."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import UserError
from workbench.modeling.base import loading
from workbench.modeling.base.loading import load_base
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import make_prompter
from workbench.modeling.export.adapter_folder import adapter_details, save_adapter
from workbench.modeling.export.export import export_model
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.modeling.trainers import train
from workbench.recipes import recipes

TEMPLATE = "### Human: {text}\n### Assistant:"
RECIPE = recipes.load("tiny", ["training.max_steps=3", "training.logging_steps=1"])
ARCHITECTURES = (
    "falcon-7b",
    "falcon-new",
    "falcon-alibi",
    "llama",
    "mistral",
    "qwen2",
    "gpt-neox",
)
TEXTS = ["up", "$ZORB to the moon 🚀", "sold everything, " * 12, "no\nway", "meh"]


def plain_probabilities(model, tokenizer, text: str, words: list[str]) -> list[float]:
    """Each label word scored on its own, with a full forward pass and no padding."""
    prompt = tokenizer(TEMPLATE.replace("{text}", text))["input_ids"]
    scores = []
    for word in words:
        answer = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        logits = model(input_ids=torch.tensor([prompt + answer])).logits[0].float()
        steps = logits[len(prompt) - 1 : -1].log_softmax(-1)
        scores.append(sum(steps[place, token] for place, token in enumerate(answer)))
    return torch.stack(scores).softmax(0).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_loads_in_4_bit_scores_right_trains_and_is_exported(
    make_base, tmp_path, architecture
):
    folder = make_base(architecture)
    base = load_base(str(folder), RECIPE.quantization)
    assert base.linear4bit == base.linear_total > 0

    words = ["Positive", "Negative"]
    prompter = make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), words, 128)
    rows = score_texts(base.model, prompter, TEXTS)
    with torch.no_grad():
        for text, row in zip(TEXTS, rows, strict=True):
            expected = plain_probabilities(base.model, base.tokenizer, text, words)
            assert row == pytest.approx(expected, abs=2e-4)

    examples = Examples(TEXTS * 4, [0, 0, 1, 1, 0] * 4)
    nobody = Examples([], [])
    trained = train(
        base,
        RECIPE,
        prompter,
        examples,
        nobody,
        tmp_path / "checkpoints",
        lambda *a, **k: None,
        lambda: False,
    )
    assert trained.steps == 3
    lora = {n: p for n, p in trained.model.named_parameters() if p.requires_grad}
    assert lora and all(p.dtype == torch.float32 for p in lora.values())
    assert all(p.abs().sum() > 0 for n, p in lora.items() if "lora_B" in n)  # all began at zero

    taught = score_texts(trained.model, prompter, TEXTS)
    assert abs(taught[0][0] - rows[0][0]) > 1e-3  # so that an export without adapter is noticed
    details = adapter_details(RECIPE, str(folder), prompter, tuple(words), run="one")
    save_adapter(trained.model, base.tokenizer, tmp_path / "adapter", details)
    export_model(tmp_path / "adapter", tmp_path / "merged", merge=True)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    with torch.no_grad():
        for text, row in zip(TEXTS, taught, strict=True):
            expected = plain_probabilities(model, tokenizer, text, words)
            assert row == pytest.approx(expected, abs=2e-4)


def test_falcon_is_refused_when_its_layers_stay_in_16_bits(make_base, monkeypatch):
    from contextlib import nullcontext

    monkeypatch.setattr(loading, "_falcon_linear_as_linear", nullcontext)
    with pytest.raises(UserError, match=r"Only 0 of 8 linear layers .* became 4-bit"):
        load_base(str(make_base("falcon-7b")), RECIPE.quantization)


def test_16_bits_are_no_4_bit_layers(make_base):
    plain = recipes.load("tiny", ["quantization.bits=16"]).quantization
    base = load_base(str(make_base("llama")), plain)
    assert (base.linear4bit, base.linear_total) == (0, 14)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/folder", "no model folder"),
        ("./nowhere", "no model folder"),
        (".", "folder without a model"),
    ],
)
def test_a_base_that_is_no_model_is_one_sentence(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        load_base(name, RECIPE.quantization)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", None, r"no config\.json"),
        ("model.safetensors", None, r"no weights \(\*\.safetensors\)"),
        ("tokenizer.json", None, "no tokenizer"),
        ("config.json", b"{", "config.json is damaged"),
        ("model.safetensors", b"", r"model\.safetensors is damaged"),
        ("model.safetensors", b"cut off", r"model\.safetensors is damaged"),
        ("tokenizer.json", b"{}", "tokenizer .* cannot be loaded"),
        ("tokenizer.json", b"{", "cannot be loaded"),
    ],
)
def test_a_damaged_base_is_one_sentence(demo_base, tmp_path, file, content, message):
    folder = tmp_path / "base"
    shutil.copytree(demo_base, folder)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        load_base(str(folder), RECIPE.quantization)
    assert "\n" not in str(caught.value)


def test_weights_that_are_missing_are_not_made_up(demo_base, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(demo_base, folder)
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] += 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"lacks \d+ of the weights .* download the model whole"):
        load_base(str(folder), RECIPE.quantization)

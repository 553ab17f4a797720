"""What the files of a base say before it is loaded, read without the libraries of models."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from storage.errors import UserError
from workbench.planning.base_facts import OK, REFUSED, WARNING, base_facts, notable_facts
from workbench.recipes import recipes

CONFIG = {
    "model_type": "llama",
    "vocab_size": 6,
    "hidden_size": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 512,
}
WEIGHTS = {
    "model.embed_tokens.weight": [6, 4],
    **{f"model.layers.{n}.self_attn.q_proj.weight": [4, 4] for n in (0, 1)},
    **{f"model.layers.{n}.input_layernorm.weight": [4] for n in (0, 1)},
}
TOKENS = {"a": 0, "b": 1, "<s>": 2}


@pytest.fixture
def base(tmp_path):
    """A function that writes the files of a base; what they say, by the names of the facts."""

    def make(config=(), weights=WEIGHTS, tokens=TOKENS, named=(("eos_token", "<s>"),), **overrides):
        folder = tmp_path / "base"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(CONFIG | dict(config)))
        header, end = {}, 0
        for name, shape in weights.items():
            start, end = end, end + 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
        written = json.dumps(header).encode()
        content = len(written).to_bytes(8, "little") + written + bytes(end)
        (folder / "model.safetensors").write_bytes(content)
        added = [{"content": "<s>", "id": 2, "special": True}]
        tokenizer = {"model": {"vocab": tokens}, "added_tokens": added}
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / "tokenizer_config.json").write_text(json.dumps(dict(named)))
        recipe = recipes.load("fast", [f"{name}={value}" for name, value in overrides.items()])
        return {fact.name: (fact.verdict, fact.text) for fact in base_facts(str(folder), recipe)}

    return make


def test_all_is_well_with_a_whole_base(base):
    facts = base()
    assert {verdict for verdict, _ in facts.values()} == {OK}
    assert facts["weights"] == (OK, "64 numbers in BF16")
    assert facts["positions"][1] == "reads up to 512 tokens at a time"
    assert facts["targets"][1].startswith("the adapter is put on q_proj,")


NO_LAYER = {name: shape for name, shape in WEIGHTS.items() if ".1." not in name}


@pytest.mark.parametrize(
    ("fact", "verdict", "words", "files"),
    [
        ("vocabulary", REFUSED, "copy both", {"config": {"vocab_size": 7}}),
        ("layers", REFUSED, "weights of 1 layer, ", {"weights": NO_LAYER}),
        ("layers", WARNING, "uses 1 of them", {"config": {"num_hidden_layers": 1}}),
        ("positions", REFUSED, "max_length=100", {"config": {"max_position_embeddings": 100}}),
        (
            "positions",
            REFUSED,
            "max_length=100",
            {"config": {"text_config": CONFIG | {"max_position_embeddings": 100}}},
        ),
        ("window", WARNING, "look back 8 tokens", {"config": {"sliding_window": 8}}),
        ("tokenizer", REFUSED, r"1 token .*'zzz'", {"tokens": TOKENS | {"zzz": 6}}),
        ("special tokens", WARNING, "no end token", {"named": ()}),
        ("kind", WARNING, "trust-remote-code", {"config": {"auto_map": {"AutoConfig": "a.B"}}}),
        (
            "files",
            REFUSED,
            "already .gptq",
            {"config": {"quantization_config": {"quant_method": "gptq"}}},
        ),
        ("targets", REFUSED, "it has q_proj", {"lora.targets": '["W_pack"]'}),
    ],
)
def test_what_is_odd_is_said(base, fact, verdict, words, files):
    found = base(**files)
    assert found[fact][0] == verdict and re.search(words, found[fact][1])
    assert [name for name, (other, _) in found.items() if other != OK] == [fact]


@pytest.mark.parametrize(
    "config",
    [
        {"sliding_window": 8, "use_sliding_window": False},
        {"sliding_window": 8, "layer_types": ["full_attention"] * 2},
        {"sliding_window": 4096},
        {"max_position_embeddings": 64, "rope_scaling": {"type": "yarn", "factor": 8.0}},
    ],
)
def test_what_does_not_matter_is_fine(base, config):
    assert {verdict for verdict, _ in base(config).values()} == {OK}


def test_a_run_is_not_started_on_what_is_refused(base, tmp_path):
    recipe = recipes.load("fast")
    base({"vocab_size": 7})
    with pytest.raises(UserError, match="copy both from the same model"):
        notable_facts(str(tmp_path / "base"), recipe)
    base({"sliding_window": 8})
    assert [fact.name for fact in notable_facts(str(tmp_path / "base"), recipe)] == ["window"]
    assert notable_facts("someone/not-fetched-yet", recipe) == []


def test_no_library_of_models_is_imported():
    code = "import sys, workbench.planning.base_facts as b; print(sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "'torch'" not in modules and "'transformers'" not in modules

"""Bases with which something is wrong, through the worker: a sentence each says what to do."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import pytest
import transformers as hf
from bases_by_code import change_config, save_base
from tokenizers_by_code import make_tokenizer

from workbench.rundir.folder import DONE, FAILED, read_job, read_state
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = [pytest.mark.slow, pytest.mark.models]

CODE = {"AutoConfig": "configuration_my.MyConfig", "AutoModelForCausalLM": "modeling_my.My"}
ODD_ROPE = {"rope_type": "wonder", "factor": 2.0, "rope_theta": 10000.0}


def config(**values):
    return lambda folder: change_config(folder, **values)


def without(file, *names):
    """Takes values out of a JSON file of a base."""

    def change(folder):
        values = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({n: v for n, v in values.items() if n not in names}))

    return change


def tokenizer_class(folder):
    values = json.loads((folder / "tokenizer_config.json").read_text())
    values |= {"tokenizer_class": "MyOwnTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(values))


def tokenizer_code(folder):
    values = json.loads((folder / "tokenizer_config.json").read_text())
    values |= {"tokenizer_class": "My", "auto_map": {"AutoTokenizer": ["tokenization_my.My", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(values))


def more_tokens(folder, special=False):
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["zzz"], special_tokens=special)
    tokenizer.save_pretrained(folder)


def pad_beyond_the_embedding(folder):
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.save_pretrained(folder)


def in_shards(folder):
    model = hf.AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")


def shard_missing(folder):
    in_shards(folder)
    min(folder.glob("model-*.safetensors")).unlink()


def shard_cut(folder):
    in_shards(folder)
    path = max(folder.glob("model-*.safetensors"))
    path.write_bytes(path.read_bytes()[:-100])


def index_damaged(folder):
    in_shards(folder)
    (folder / "model.safetensors.index.json").write_text("{")


def weights_as_pickles(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def tokenizer_missing(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def unknown_characters(folder):
    make_tokenizer("unigram").save_pretrained(folder)


def damaged(file):
    return lambda folder: (folder / file).write_text("{")


REFUSED = {
    "positions that are learned": ("gpt2", config(), r"reads at most 96 tokens .*max_length=96"),
    "positions that turn": ("llama", config(max_position_embeddings=48), "max_length=48"),
    "more tokens than embeddings": ("llama", more_tokens, r"1 token .* 'zzz'\); copy the tok"),
    "a prompt without an embedding": (
        "llama",
        lambda folder: more_tokens(folder, special=True),
        r"Prompts have a token .* \('zzz'\); set another template",
    ),
    "no end where words need one": (
        "llama",
        without("tokenizer_config.json", "eos_token"),
        "'Buy' begins another .* choose other words",
    ),
    "words that are unknown": ("llama", unknown_characters, r"'日本' has characters .*<unk>"),
    "vocabulary of the config": ("llama", config(vocab_size=500), r"500 × 64 .* are 391 × 64"),
    "width of the config": ("llama", config(hidden_size=128), "copy both from the same"),
    "fewer layers in the config": ("llama", config(num_hidden_layers=1), "some of its layers"),
    "more layers in the config": ("llama", config(num_hidden_layers=3), "lacks 9 of the weights"),
    "heads that do not divide": ("llama", config(num_attention_heads=3), "config.json of .*heads"),
    "an activation that nobody knows": ("llama", config(hidden_act="wonder"), "wonder"),
    "rotary positions of an odd kind": ("llama", config(rope_parameters=ODD_ROPE), "wonder"),
    "a dtype that nobody knows": ("llama", config(dtype="float7"), "float7"),
    "a vocabulary that is no number": ("llama", config(vocab_size="many"), "expected int"),
    "a kind that nobody knows": ("llama", config(model_type="mine"), r"kind .*\(mine\); update"),
    "no kind": ("llama", without("config.json", "model_type"), "model_type"),
    "code of its own": (
        "llama",
        config(model_type="mine", auto_map=CODE),
        "brings code of its own.* --trust-remote-code",
    ),
    "a tokenizer with code": ("llama", tokenizer_code, "brings code of its own"),
    "a damaged tokenizer": ("llama", damaged("tokenizer.json"), "^The tokenizer of .* copy its"),
    "a damaged config of it": ("llama", damaged("tokenizer_config.json"), "^The tokenizer of"),
    "no tokenizer": ("llama", tokenizer_missing, "a model but no tokenizer"),
    "a damaged config": ("llama", damaged("config.json"), "config.json is damaged"),
    "a file that is missing": ("llama", shard_missing, "lacks 1 of its 4 weights files"),
    "a file that is cut short": ("llama", shard_cut, "damaged or cut short .* bytes instead of"),
    "a damaged index": ("llama", index_damaged, "index.json is damaged"),
    "pickles": ("llama", weights_as_pickles, "pickles .* never loaded"),
    "mxfp4": ("llama", config(quantization_config={"quant_method": "mxfp4"}), "mxfp4"),
    "quantised somehow": ("llama", config(quantization_config=[4]), "an unknown method"),
    "an encoder": ("bert", config(), "reads what comes after a word"),
}
"""By what is wrong: the base, what is changed, and what the sentence says."""
USED = {
    "no padding token": ("llama", without("tokenizer_config.json", "pad_token")),
    "neither padding nor end": (
        "llama",
        without("tokenizer_config.json", "pad_token", "eos_token"),
    ),
    "padding without an embedding": ("llama", pad_beyond_the_embedding),
    "control tokens without embeddings": ("llama", lambda f: more_tokens(f, special=True)),
    "a tokenizer of a class that nobody knows": ("llama", tokenizer_class),
    "code that nobody needs": ("llama", config(auto_map=CODE)),
    "no dtype": ("llama", without("config.json", "dtype", "torch_dtype")),
    "many files": ("llama", in_shards),
    "rotary positions that are stretched": (
        "llama",
        config(
            max_position_embeddings=24,
            rope_parameters=ODD_ROPE | {"rope_type": "dynamic", "factor": 4.0},
        ),
    ),
}
WORDS = {
    "no end where words need one": ("Buy", "Buy more"),
    "words that are unknown": ("up", "日本"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A function that gives the folder of a small base of a kind."""
    folders = {}

    def make(kind):
        if kind not in folders:
            folders[kind] = save_base(kind, tmp_path_factory.mktemp(kind))
        return folders[kind]

    return make


@pytest.fixture
def ended(saved, make_model_run, tmp_path, capsys):
    """A function that does a run on a changed base; its state, and what went to worker.log."""

    def do(case, kind, change, length=64):
        base = shutil.copytree(saved(kind), tmp_path / "base")
        change(base)
        run = make_model_run(f"training.max_length={length}", "training.max_steps=1", base=base)
        job = read_job(run)
        template = "zzz{text}\nLabel:" if "prompt" in case else job.template
        job = replace(job, words=WORDS.get(case, job.words), template=template)
        do_run(job, run, Reporter(run))
        return read_state(run), capsys.readouterr().err

    return do


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_with_a_base_is_one_sentence(case, ended):
    kind, change, message = REFUSED[case]
    state, log = ended(case, kind, change, 128 if "positions that" in case else 64)
    assert state.state == FAILED
    assert state.reason.endswith(".") and "\n" not in state.reason and len(state.reason) < 500
    assert state.step == 0 and "worker.log" not in state.reason
    assert re.search(message, state.reason), state.reason
    assert "Traceback" not in log


@pytest.mark.parametrize("case", USED)
def test_what_is_odd_about_a_base_and_does_no_harm_is_used(case, ended):
    state, _ = ended(case, *USED[case])
    assert (state.state, state.reason, state.step) == (DONE, None, 1)

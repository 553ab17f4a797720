"""Small models with random weights, one per architecture, on the tokenizer of the demo base."""

from __future__ import annotations

import csv
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from functools import partial
from pathlib import Path

import pytest

DEMO_BASE = Path(__file__).resolve().parents[3] / "sample_data" / "base"
TEMPLATE = "### Human: {text}\n### Assistant:"


@pytest.fixture(scope="session")
def demo_base() -> Path:
    return DEMO_BASE


@pytest.fixture(scope="session")
def make_base(tmp_path_factory):
    """A function that saves a small random model of an architecture and returns its folder."""
    import torch
    from transformers import (
        AutoTokenizer,
        FalconConfig,
        FalconForCausalLM,
        GPTNeoXConfig,
        GPTNeoXForCausalLM,
        LlamaConfig,
        LlamaForCausalLM,
        MistralConfig,
        MistralForCausalLM,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    falcon = {
        "vocab_size": 2048,
        "hidden_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "bias": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    llama = {
        "vocab_size": 2048,
        "hidden_size": 128,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    neox = {
        "vocab_size": 2048,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    makers = {
        "falcon-7b": lambda: FalconForCausalLM(
            FalconConfig(**falcon, multi_query=True, parallel_attn=True, alibi=False)
        ),
        "falcon-new": lambda: FalconForCausalLM(
            FalconConfig(**falcon, new_decoder_architecture=True, num_kv_heads=1, alibi=False)
        ),
        "falcon-alibi": lambda: FalconForCausalLM(
            FalconConfig(**falcon, multi_query=True, parallel_attn=False, alibi=True)
        ),
        "llama": lambda: LlamaForCausalLM(LlamaConfig(**llama)),
        "mistral": lambda: MistralForCausalLM(MistralConfig(**llama)),
        "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**llama)),
        "gpt-neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**neox)),
    }

    def make(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp(architecture)
        torch.manual_seed(1)
        makers[architecture]().save_pretrained(folder)
        AutoTokenizer.from_pretrained(DEMO_BASE).save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory):
    """A function that saves a Llama of 30,000 weights for a kind of tokenizer; its folder."""
    import torch
    from tokenizers_by_code import make_tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    folders: dict[str, Path] = {}

    def make(kind: str = "byte_level") -> Path:
        if kind not in folders:
            tokenizer = make_tokenizer(kind)
            torch.manual_seed(1)
            config = LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=64,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                initializer_range=0.1,
                bos_token_id=1,
                eos_token_id=2,
            )
            folder = tmp_path_factory.mktemp(kind)
            LlamaForCausalLM(config).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            folders[kind] = folder
        return folders[kind]

    return make


SAMPLE = DEMO_BASE.parent / "tweets.csv"
WORDS = ("Positive", "Negative")


@pytest.fixture(scope="session")
def sample():
    """A function that gives the first sample tweets as examples: positive 0, negative 1."""
    from workbench.modeling.data.examples import Examples

    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def take(count: int) -> Examples:
        texts = [row["text"] for row in rows[:count]]
        return Examples(texts, [int(row["label"] == "negative") for row in rows[:count]])

    return take


@pytest.fixture(scope="session")
def prepare(demo_base):
    """A function that gives (recipe, base, prompter) for overrides of a preset."""
    from workbench.modeling.base.loading import load_base
    from workbench.modeling.data.prompts import make_prompter
    from workbench.recipes import recipes

    def make(*overrides: str, recipe: str = "tiny", base: Path = demo_base):
        chosen = recipes.load(recipe, overrides)
        base = load_base(str(base), chosen.quantization)
        length = chosen.training.max_length
        return chosen, base, make_prompter(base.tokenizer, TEMPLATE, ("p", "n"), WORDS, length)

    return make


@pytest.fixture(scope="session")
def prepare_small(prepare, make_base):
    """A `prepare` whose base has learned nothing and takes an eighth of the time."""
    return partial(prepare, base=make_base("falcon-7b"))


@pytest.fixture
def events():
    """(report, seen): a report that keeps what it is told."""
    seen: list[tuple[str, dict]] = []
    return (lambda event, **values: seen.append((event, values))), seen

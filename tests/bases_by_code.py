"""Small bases with random weights, one of each kind that is loaded or refused in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers_by_code import make_tokenizer

IDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
VOCABULARY = len(make_tokenizer("byte_level"))
DEMO_BASE = Path(__file__).resolve().parent.parent / "sample_data" / "base"
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.1,
    **IDS,
}
ENCODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
VISION = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
STATES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "state_size": 8,
    "expand": 2,
    **IDS,
}


def _qwen2_vl() -> Any:
    text = TEXT | {"rope_scaling": {"type": "mrope", "mrope_section": [4, 6, 6]}}
    vision = {
        "depth": 1,
        "embed_dim": 64,
        "hidden_size": 64,
        "num_heads": 2,
        "mlp_ratio": 1,
        "patch_size": 14,
    }
    return hf.Qwen2VLForConditionalGeneration(
        hf.Qwen2VLConfig(text_config=text, vision_config=vision)
    )


MAKERS: dict[str, Callable[[], Any]] = {
    "llama": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**TEXT)),
    "gpt2": lambda: hf.GPT2LMHeadModel(
        hf.GPT2Config(
            vocab_size=VOCABULARY,
            n_embd=64,
            n_layer=2,
            n_head=2,
            n_positions=96,
            initializer_range=0.1,
            bos_token_id=1,
            eos_token_id=2,
        )
    ),
    "mixtral": lambda: hf.MixtralForCausalLM(hf.MixtralConfig(**TEXT, num_local_experts=4)),
    "qwen2-moe": lambda: hf.Qwen2MoeForCausalLM(
        hf.Qwen2MoeConfig(
            **TEXT,
            num_experts=4,
            moe_intermediate_size=64,
            shared_expert_intermediate_size=64,
            decoder_sparse_step=1,
        )
    ),
    "mamba": lambda: hf.MambaForCausalLM(hf.MambaConfig(**STATES)),
    "mamba2": lambda: hf.Mamba2ForCausalLM(
        hf.Mamba2Config(**STATES, num_heads=4, head_dim=32, n_groups=1, chunk_size=16)
    ),
    "falcon-mamba": lambda: hf.FalconMambaForCausalLM(hf.FalconMambaConfig(**STATES)),
    "falcon-h1": lambda: hf.FalconH1ForCausalLM(
        hf.FalconH1Config(
            **TEXT,
            head_dim=32,
            mamba_d_ssm=64,
            mamba_n_heads=4,
            mamba_d_head=16,
            mamba_n_groups=1,
            mamba_d_state=8,
            mamba_chunk_size=16,
        )
    ),
    "jamba": lambda: hf.JambaForCausalLM(
        hf.JambaConfig(
            **TEXT,
            num_experts=1,
            mamba_d_state=8,
            attn_layer_period=2,
            attn_layer_offset=1,
            use_mamba_kernels=False,
        )
    ),
    "gemma3": lambda: hf.Gemma3ForConditionalGeneration(
        hf.Gemma3Config(
            text_config=TEXT | {"head_dim": 32, "sliding_window": 16},
            vision_config=VISION,
            mm_tokens_per_image=4,
            image_token_index=5,
        )
    ),
    "llava": lambda: hf.LlavaForConditionalGeneration(
        hf.LlavaConfig(
            text_config=hf.LlamaConfig(**TEXT),
            vision_config=hf.CLIPVisionConfig(**VISION),
            image_token_index=5,
        )
    ),
    "qwen2-vl": _qwen2_vl,
    "bert": lambda: hf.BertLMHeadModel(hf.BertConfig(**ENCODER)),
    "roberta": lambda: hf.RobertaForMaskedLM(hf.RobertaConfig(**ENCODER)),
    "encoder-decoder": lambda: hf.T5ForConditionalGeneration(
        hf.T5Config(vocab_size=VOCABULARY, d_model=64, d_ff=64, num_layers=1, num_heads=2, d_kv=32)
    ),
    "classifier": lambda: hf.LlamaForSequenceClassification(hf.LlamaConfig(**TEXT)),
    "window": lambda: hf.MistralForCausalLM(hf.MistralConfig(**TEXT, sliding_window=48)),
    "gemma2": lambda: hf.Gemma2ForCausalLM(
        hf.Gemma2Config(**TEXT | {"head_dim": 32, "sliding_window": 48})
    ),
    "gemma3-text": lambda: hf.Gemma3ForCausalLM(
        hf.Gemma3TextConfig(
            **TEXT | {"head_dim": 32, "sliding_window": 48},
            layer_types=["sliding_attention", "full_attention"],
        )
    ),
}
"""Models by kind; some kinds below are made of one of these."""
SAVED_IN_4_BIT = {
    "nf4": {"bnb_4bit_quant_type": "nf4"},
    "fp4-double": {"bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": True},
}


def save_base(kind: str, folder: Path) -> Path:
    """Save a small base of a kind, with a tokenizer."""
    if kind in SAVED_IN_4_BIT:
        plain = save_base("llama", folder / "plain")
        settings = hf.BitsAndBytesConfig(load_in_4bit=True, **SAVED_IN_4_BIT[kind])
        model = hf.AutoModelForCausalLM.from_pretrained(plain, quantization_config=settings)
    else:
        torch.manual_seed(1)
        model = MAKERS[kind]()
    model.save_pretrained(folder)
    make_tokenizer("byte_level").save_pretrained(folder)
    return folder


def save_small_demo_base(folder: Path) -> Path:
    """Save a base like the demo's, with a tenth of its weights and nothing learned."""
    torch.manual_seed(1)
    config = hf.FalconConfig.from_pretrained(
        DEMO_BASE, hidden_size=64, ffn_hidden_size=256, num_attention_heads=2, num_kv_heads=2
    )
    hf.FalconForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    hf.AutoTokenizer.from_pretrained(DEMO_BASE).save_pretrained(folder)
    return folder


def change_config(folder: Path, **values: Any) -> None:
    """Change values of the config.json of a saved base."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))

"""The architecture of a base model, read from its config.json without loading anything."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import UserError, on_one_line
from workbench.recipes.base_models import base_path

CONFIG_NAMES = {
    "hidden_size": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "ffn": ("ffn_hidden_size", "intermediate_size", "n_inner", "ffn_dim"),
}
"""What each size is called in the config.json of different architectures."""
PLAIN_MLP = ("gpt2", "gpt_neo", "gptj", "opt", "bloom", "mpt", "phi", "starcoder2", "gpt_bigcode")
TIED_EMBEDDINGS = (
    "falcon",
    "gpt2",
    "gpt_neo",
    "opt",
    "bloom",
    "mpt",
    "gemma",
    "gemma2",
    "gemma3_text",
)
"""Architectures whose output layer is the embedding unless their config.json says otherwise."""
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


@dataclass(frozen=True)
class LinearLayer:
    """A linear layer of each decoder layer; layers with the same `input` read the same tensor."""

    name: str
    in_features: int
    out_features: int
    input: str
    """The name of the tensor that it reads."""


@dataclass(frozen=True)
class ModelArchitecture:
    """What decides how large a causal model is, and what it saves for the backward pass."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int
    tied_embeddings: bool
    linears: tuple[LinearLayer, ...]
    gated_mlp: bool
    """The MLP multiplies two projections, as Llama's does."""
    rms_norm: bool
    parallel_residual: bool
    """Attention and MLP read the same residual sum, so a layer saves it once."""
    fused_qkv: bool
    """One layer makes query, key and value; the value, a view of it, keeps all of it alive."""
    expanded_kv: bool
    """Keys and values are copied for each query head; a single head is expanded without a copy."""
    copied_heads: bool
    """The output of the attention heads is copied into order before the next layer reads it."""
    qk_norm: bool
    """Query and key have a norm of their own."""

    @property
    def linear_weights(self) -> int:
        """Weights of all linear layers except the output layer."""
        return self.layers * sum(
            linear.in_features * linear.out_features for linear in self.linears
        )


UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    ZeroDivisionError,
    AttributeError,
    RecursionError,
)
"""The errors of reading a config.json that is not what it should be."""


def read_architecture(base: str) -> ModelArchitecture:
    """The architecture of a base in a local folder, or of a hub model that is in the cache here.

    Raises UserError when there is no config.json yet, or when it says too little.
    """
    path = config_path(base)
    try:
        values = json.loads(path.read_text("utf-8"))
        return architecture_of(values)
    except UNREADABLE as error:
        raise UserError(
            f"What {base} needs cannot be estimated from its config.json ({on_one_line(error)})."
        ) from None


def config_path(base: str) -> Path:
    """The config.json of a base; raises UserError if it is not on this machine."""
    folder = base_path(base)
    if folder.is_dir():
        return folder / "config.json"
    cache = Path(
        os.environ.get("HF_HUB_CACHE")
        or Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub"
    )
    model = cache / f"models--{base.replace('/', '--')}"
    reference = model / "refs" / "main"
    if reference.is_file():
        path = model / "snapshots" / reference.read_text("utf-8").strip() / "config.json"
        if path.is_file():
            return path
    raise UserError(
        f"How much memory {base} needs is not known before it is on this machine; the first run "
        "fetches it."
    )


def architecture_of(config: Mapping[str, Any]) -> ModelArchitecture:
    """The architecture that a config.json describes; an unknown kind is taken to be like Llama.

    Raises KeyError or ValueError if the sizes cannot be read from it.
    """
    config = config.get("text_config") or config
    if any(config.get(name) for name in EXPERTS):
        raise ValueError("it has experts, of which the formula knows nothing")
    kind = str(config.get("model_type", ""))
    hidden, layers, heads = (int(_value(config, n)) for n in ("hidden_size", "layers", "heads"))
    head_dim = int(config.get("head_dim") or hidden // heads)
    ffn = int(_value(config, "ffn", 4 * hidden))
    falcon, neox = kind in ("falcon", "RefinedWebModel", "RefinedWeb"), kind == "gpt_neox"
    plain = falcon or neox or kind in PLAIN_MLP
    new = falcon and bool(config.get("new_decoder_architecture"))
    kv_heads = int(config.get("num_kv_heads" if falcon else "num_key_value_heads") or heads)
    if falcon and not new:
        kv_heads = 1 if config.get("multi_query", True) else heads
    fused = falcon or neox
    parallel = (falcon and (new or config.get("parallel_attn", True))) or (
        neox and config.get("use_parallel_residual", True)
    )
    one_norm = falcon and parallel and not (new and config.get("num_ln_in_parallel_attn") != 1)
    return ModelArchitecture(
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        ffn=ffn,
        vocabulary=int(config["vocab_size"]),
        tied_embeddings=bool(config.get("tie_word_embeddings", kind in TIED_EMBEDDINGS)),
        linears=tuple(
            _linears(
                hidden,
                heads * head_dim,
                kv_heads * head_dim,
                ffn,
                fused,
                not plain,
                "attention in" if one_norm else "mlp in",
            )
        ),
        gated_mlp=not plain,
        rms_norm=not plain,
        parallel_residual=bool(parallel),
        fused_qkv=fused and not new,
        expanded_kv=new or (not fused and 1 < kv_heads < heads),
        copied_heads=neox,
        qk_norm=kind in ("qwen3", "gemma3_text", "olmo2"),
    )


def gets_adapter(linear: LinearLayer, targets: str | tuple[str, ...]) -> bool:
    """Whether PEFT puts an adapter beside a layer; a text other than all-linear is a pattern."""
    if targets == "all-linear":
        return True
    if isinstance(targets, str):
        return re.search(targets.rstrip("$") + "$", linear.name) is not None
    return any(target.rpartition(".")[2] == linear.name for target in targets)


def _linears(
    hidden: int, query: int, kv: int, ffn: int, fused: bool, gated: bool, mlp_in: str
) -> Iterator[LinearLayer]:
    if fused:
        yield LinearLayer("query_key_value", hidden, query + 2 * kv, "attention in")
        yield LinearLayer("dense", query, hidden, "attention out")
    else:
        yield LinearLayer("q_proj", hidden, query, "attention in")
        yield LinearLayer("k_proj", hidden, kv, "attention in")
        yield LinearLayer("v_proj", hidden, kv, "attention in")
        yield LinearLayer("o_proj", query, hidden, "attention out")
    if gated:
        yield LinearLayer("gate_proj", hidden, ffn, mlp_in)
        yield LinearLayer("up_proj", hidden, ffn, mlp_in)
        yield LinearLayer("down_proj", ffn, hidden, "activated")
    else:
        yield LinearLayer("dense_h_to_4h", hidden, ffn, mlp_in)
        yield LinearLayer("dense_4h_to_h", ffn, hidden, "activated")


def _value(config: Mapping[str, Any], name: str, otherwise: int | None = None) -> Any:
    for known in CONFIG_NAMES[name]:
        if config.get(known):
            return config[known]
    if otherwise is None:
        raise KeyError(name)
    return otherwise

"""Loading a base model in 4-bit, and checking that all of its linear layers are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from storage.errors import UserError
from workbench.modeling.base.checks import (
    NOT_IN_4_BIT,
    count_linear_layers,
    require_4_bit,
    require_all_layers,
    require_causal,
    require_declared_sizes,
)
from workbench.modeling.base.compute_dtype import with_compute_dtype
from workbench.modeling.base.loading_errors import as_user_errors
from workbench.modeling.base.model import Base, Model
from workbench.modeling.data.tokenizing import Tokenizer, use_known_tokens
from workbench.recipes.base_configs import held_quantization, is_quantised, require_supported
from workbench.recipes.base_models import require_model
from workbench.recipes.recipes import Quantization

CAUSAL_LM, IMAGE_TEXT_TO_TEXT = "AutoModelForCausalLM", "AutoModelForImageTextToText"


def disable_progress_bars() -> None:
    """Keep the progress bars of transformers off the terminal, which shows its own."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def default_device() -> str:
    """Where models run: the GPU of this process, or the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def load_base(
    name: str, quantization: Quantization, trust_remote_code: bool = False, sharded: bool = False
) -> Base:
    """Load a model from the hub or a local folder, quantised as the recipe says.

    A base that was saved in 4-bit stays as it is. With `sharded`, each process of the run keeps
    its shard of the layers only. Raises UserError when there is no model, when it cannot be
    fetched or used here, or when a layer that the recipe wants in 4-bit is not.
    """
    disable_progress_bars()
    require_model(name)
    with as_user_errors(name, "the config.json of "):
        config = _load_config(name, trust_remote_code)
    tokenizer = load_tokenizer(name, trust_remote_code)
    values = config.to_dict()
    require_supported(values, name)
    if sharded and is_quantised(values):
        raise UserError(
            f"{name} is in 4-bit already, and training.memory=sharded shares out what it has made "
            "4-bit itself; give the base that it was made from with --base."
        )
    quantization = with_compute_dtype(held_quantization(values, quantization))
    model = _load_model(name, config, quantization, trust_remote_code, sharded)
    model.config.use_cache = False
    require_declared_sizes(model, name)
    use_known_tokens(tokenizer, model.get_input_embeddings().num_embeddings, name)
    if sharded:
        from workbench.modeling.base.sharding import shard_model

        shard_model(model, quantization, torch.device(default_device()))
    with as_user_errors(name):  # a model that works otherwise than those of its library do
        in_4bit, total = count_linear_layers(model)
        if quantization.bits == 4:
            require_4_bit(model, name)
            _compute_in(model, getattr(torch, quantization.compute_dtype))
        require_causal(model, name)
    return Base(model, tokenizer, in_4bit, total, quantization)


def _load_config(name: str, trust_remote_code: bool) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(
        name, local_files_only=Path(name).is_dir(), trust_remote_code=trust_remote_code
    )


def _load_model(
    name: str, config: Any, quantization: Quantization, trust_remote_code: bool, sharded: bool
) -> Model:
    from transformers import BitsAndBytesConfig

    dtype: torch.dtype = getattr(torch, quantization.compute_dtype)
    options: dict[str, Any] = {}
    if quantization.bits == 4 and not sharded and not is_quantised(config.to_dict()):
        kept = NOT_IN_4_BIT.get(config.model_type)
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization.type,
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=quantization.double,
            llm_int8_skip_modules=kept and [*kept, "lm_head"],
        )
    with as_user_errors(name), _falcon_linear_as_linear():
        model, loaded = _model_class(config, name, trust_remote_code).from_pretrained(
            name,
            output_loading_info=True,
            device_map={"": 0 if default_device() == "cuda" and not sharded else "cpu"},
            dtype=dtype,
            local_files_only=Path(name).is_dir(),
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            **options,
        )
    if missing := sorted(loaded["missing_keys"]):  # transformers made up random ones
        raise UserError(
            f"{name} lacks {len(missing):,} of the weights that its config.json asks for (such as "
            f"{missing[0]}); download the model whole, or give another base with --base."
        )
    require_all_layers(model, loaded["unexpected_keys"], name)
    return model


def _model_class(config: Any, name: str, trust_remote_code: bool) -> Any:
    import transformers
    from transformers.models.auto import modeling_auto

    class_name = auto_class(config)
    known = trust_remote_code or type(config) in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING
    if class_name == CAUSAL_LM and not known:
        raise UserError(
            f"{name} is of the kind {config.model_type}, of which transformers has no causal "
            "language model; give another base with --base."
        )
    return getattr(transformers, class_name)


def auto_class(config: Any) -> str:
    """The auto class of transformers for a config; models of images and text have their own."""
    from transformers.models.auto import modeling_auto

    if type(config) in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING:
        return CAUSAL_LM
    reads_images = type(config) in modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    return IMAGE_TEXT_TO_TEXT if reads_images else CAUSAL_LM


def load_tokenizer(name: str, trust_remote_code: bool = False) -> Tokenizer:
    """Load the tokenizer of a base; it pads on the right.

    Raises UserError when there is none, when it is damaged, or when it is not a fast one.
    """
    from transformers import AutoTokenizer

    require_model(name)
    with as_user_errors(name, "the tokenizer of ", "copy its files from the model again"):
        tokenizer = AutoTokenizer.from_pretrained(
            name, local_files_only=Path(name).is_dir(), trust_remote_code=trust_remote_code
        )
    if not tokenizer.is_fast:
        raise UserError(f"{name} has no fast tokenizer (tokenizer.json), which is needed here.")
    tokenizer.padding_side = "right"
    return tokenizer


@contextmanager
def _falcon_linear_as_linear() -> Iterator[None]:
    """Let transformers quantise the layers of Falcon while the block runs.

    transformers replaces only layers whose class is exactly nn.Linear (5.5 and later); Falcon's
    own subclass, which computes the same, would silently stay in 16 bits.
    """
    from transformers.models.falcon import modeling_falcon

    own = modeling_falcon.FalconLinear
    modeling_falcon.FalconLinear = nn.Linear
    try:
        yield
    finally:
        modeling_falcon.FalconLinear = own


def _compute_in(model: Model, dtype: torch.dtype) -> None:
    """Let 4-bit layers compute in a dtype, also where they were saved with another.

    On a CPU bitsandbytes would repack the weights in place, after which they cannot be trained.
    """
    import bitsandbytes as bnb

    for layer in model.modules():
        if isinstance(layer, bnb.nn.Linear4bit):
            layer.compute_dtype = dtype
            layer.compute_type_is_set = True
            layer.support_avx512bf16_for_cpu = False

"""Loading a base model in 4-bit, and checking that all of its linear layers are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from storage.errors import UserError, on_one_line
from workbench.bases import require_model
from workbench.modeling.base.compute_dtype import with_compute_dtype
from workbench.modeling.base.model import Base, Model
from workbench.modeling.data.tokenizing import Tokenizer
from workbench.recipes import Quantization


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

    With `sharded`, each process of the run keeps its shard of the layers only. Raises UserError
    when there is no model, when it cannot be fetched, or when a layer that the recipe wants in
    4-bit is not.
    """
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    disable_progress_bars()
    quantization = with_compute_dtype(quantization)
    dtype: torch.dtype = getattr(torch, quantization.compute_dtype)
    config = None
    if quantization.bits == 4 and not sharded:
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization.type,
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=quantization.double,
        )
    tokenizer = load_tokenizer(name, trust_remote_code)
    with _hub_errors_as_user_errors(name), _falcon_linear_as_linear():
        model, loaded = AutoModelForCausalLM.from_pretrained(
            name,
            output_loading_info=True,
            quantization_config=config,
            device_map={"": 0 if default_device() == "cuda" and not sharded else "cpu"},
            dtype=dtype,
            local_files_only=Path(name).is_dir(),
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
        )
    if missing := sorted(loaded["missing_keys"]):  # transformers made up random ones
        raise UserError(
            f"{name} lacks {len(missing):,} of the weights that its config.json asks for (such as "
            f"{missing[0]}); download the model whole, or give another base with --base."
        )
    model.config.use_cache = False
    if sharded:
        from workbench.modeling.base.sharding import shard_model

        shard_model(model, quantization, torch.device(default_device()))
    in_4bit, total = count_linear_layers(model)
    if quantization.bits == 4 and in_4bit != total:
        raise UserError(
            f"Only {in_4bit} of {total} linear layers of {name} became 4-bit with these versions "
            "of transformers and bitsandbytes; the recipe wants all of them."
        )
    _disable_cpu_repacking(model)
    return Base(model, tokenizer, in_4bit, total, quantization)


def load_tokenizer(name: str, trust_remote_code: bool = False) -> Tokenizer:
    """Load the tokenizer of a base; it pads on the right, with its end token if it has no other.

    Raises UserError when there is none, when it is damaged, or when it is not a fast one.
    """
    from transformers import AutoTokenizer

    require_model(name)
    try:
        with _hub_errors_as_user_errors(name):
            tokenizer = AutoTokenizer.from_pretrained(
                name, local_files_only=Path(name).is_dir(), trust_remote_code=trust_remote_code
            )
    except UserError:
        raise
    except Exception as error:  # a damaged tokenizer raises what it happens to trip over
        raise UserError(
            f"The tokenizer of {name} cannot be loaded ({type(error).__name__}: "
            f"{on_one_line(error)}); copy its files from the model again."
        ) from error
    if not tokenizer.is_fast:
        raise UserError(f"{name} has no fast tokenizer (tokenizer.json), which is needed here.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def count_linear_layers(model: Model) -> tuple[int, int]:
    """How many linear layers are in 4-bit, and how many there are.

    The output head and the layers of adapters do not count.
    """
    import bitsandbytes as bnb
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    layers = [
        module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head and "lora_" not in name
    ]
    return sum(isinstance(layer, bnb.nn.Linear4bit) for layer in layers), len(layers)


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


def _disable_cpu_repacking(model: Model) -> None:
    """Keep bitsandbytes from repacking CPU weights in place, after which they cannot be trained."""
    import bitsandbytes as bnb

    for layer in model.modules():
        if isinstance(layer, bnb.nn.Linear4bit):
            layer.support_avx512bf16_for_cpu = False


@contextmanager
def _hub_errors_as_user_errors(name: str) -> Iterator[None]:
    """Turn what the libraries raise while they load a model into UserError, one sentence each."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
    from safetensors import SafetensorError

    try:
        yield
    except GatedRepoError:
        raise UserError(
            f"{name} is gated: accept its terms on the hub and log in with `hf auth login`."
        ) from None
    except RepositoryNotFoundError:
        raise UserError(f"The hub has no model {name}; check the name or log in.") from None
    except (HfHubHTTPError, ConnectionError, OSError) as error:
        raise UserError(
            f"{name} cannot be loaded ({on_one_line(error)}); check the name, the network, or "
            "give a local folder with --base."
        ) from None
    except SafetensorError as error:
        raise UserError(
            f"{name} cannot be loaded: a weights file (*.safetensors) is damaged "
            f"({on_one_line(error)}); copy it again."
        ) from None
    except ValueError as error:
        raise UserError(
            f"{name} cannot be loaded ({on_one_line(error)}); give another base with --base."
        ) from None

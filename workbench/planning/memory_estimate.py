"""How much memory a training run takes: a sum of tensors that can be named, no torch needed.

    base          4-bit weights: half a byte each and a scale (float32, or 8 bits with double
                  quantisation) per 64; dequantised or not quantised: a number of the compute
                  dtype each (Dettmers et al. 2023, arXiv:2305.14314). Sharded over processes:
                  a part of it and two whole layers, the one that computes and the next
    embeddings    vocabulary x hidden, twice unless the output layer is tied to them
    adapter       r (in + out) weights for each layer (Hu et al. 2021, arXiv:2106.09685): float32
                  master, gradient and two moments of Adam, and in 16 bits a computing copy and
                  the gradient that a pass gives
    activations   what the forward pass saves for the backward pass; `saved_per_token` lists the
                  tensors
    output        logits at the positions that have a target, where the loss is over whole texts
    workspace     a dequantised weight, the gradients inside one layer, the mask, and on a GPU the
                  workspaces of cuBLAS
    graphs        with CUDA graphs, a second set of activations: the pool that the graphs replay
                  in, beside the one in which shapes were tried (seen as reserved, not as peak)
    runtime       the CUDA context, or on a CPU the libraries

The list of saved tensors was read off with `saved_tensors_hooks` for layers as they are written
(tests/modeling/test_estimate.py does it again) and for compiled ones. Compiled layers and GPUs keep
a dropout's mask as one byte per number, a CPU in the dtype of the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.planning.model_architecture import (
    LinearLayer,
    ModelArchitecture,
    gets_adapter,
    read_architecture,
)
from workbench.recipes.memory_modes import NAMED_MODES, SHARDED, MemoryMode
from workbench.recipes.recipes import AUTO, Lora, Quantization, Recipe, Training

GIB = 2**30
DTYPE_BYTES = {"bfloat16": 2, "float16": 2, "float32": 4}
AUTO_DTYPE_BYTES = {"cuda": 2, "cpu": 4}
"""Bytes of a number in the dtype that `auto` chooses; on a CPU the larger of the two it may be."""
ROW_MULTIPLE = {"cuda": 16, "cpu": 8}
"""Packed rows are filled up to a multiple of so many tokens, so that few shapes come about; on a
GPU not more, since it multiplies 800 rows in 0.91 of the time of 832 and of 896."""
STEP_JITTER = 32
"""Tokens by which the fullest step is above the mean one; see `BALANCE_JITTER` of the sampler."""
CUBLAS_WORKSPACE = 32 * 2**20
"""A workspace of cuBLAS per stream: one, and with graphs two more to try and to capture a shape."""
CUDA_CONTEXT = 0.5 * GIB
LIBRARY_BYTES = 0.66 * GIB
"""Resident in a worker on a CPU beside its tensors; 0.53 GiB of it after the imports."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes of memory by what they are for."""

    base: float
    embeddings: float
    adapter: float
    activations: float
    output: float
    workspace: float
    graphs: float
    runtime: float
    tokens: int
    """Tokens of the largest pass."""

    @property
    def peak(self) -> float:
        """The bytes that `torch.cuda.max_memory_allocated` will report."""
        return (
            self.base
            + self.embeddings
            + self.adapter
            + self.activations
            + self.output
            + self.workspace
        )

    @property
    def needed(self) -> float:
        """The bytes that have to be free before the run starts."""
        return self.peak + self.graphs + self.runtime


@dataclass(frozen=True)
class TokenLengths:
    """Tokens of the training examples, each with its prompt."""

    mean: float
    longest: int


def estimate_memory(
    architecture: ModelArchitecture,
    recipe: Recipe,
    lengths: TokenLengths,
    memory: MemoryMode,
    device: str = "cuda",
    processes: int = 1,
) -> MemoryEstimate:
    """The memory of each process of a run in a memory mode; `device` is cuda or cpu."""
    training = _sections(recipe)[2]
    uses_trl = training.trainer == "trl"
    rows = training.batch_size
    tokens = (
        rows * min(lengths.longest, training.max_length)
        if uses_trl
        else pass_tokens(training, lengths, memory.tokens, device, processes)
    )
    return memory_of_pass(architecture, recipe, tokens, memory, device, processes)


def training_bytes(base: str, recipe: Recipe, tokens: int, device: str = "cuda") -> int:
    """The peak of `torch.cuda.max_memory_allocated` for passes of so many tokens.

    `recipe.training.memory` names the setting. Raises UserError if the base is not known.
    """
    memory = NAMED_MODES[_sections(recipe)[2].memory]
    return round(memory_of_pass(read_architecture(base), recipe, tokens, memory, device).peak)


def pass_tokens(
    training: Training, lengths: TokenLengths, most: int, device: str, processes: int = 1
) -> int:
    """Tokens of the largest packed pass when the rows of a step are dealt out evenly."""
    multiple = ROW_MULTIPLE[device]
    rows = math.ceil(training.batch_size * training.accumulation / processes)
    step = rows * lengths.mean + STEP_JITTER
    passes = max(1, math.ceil(step / most))
    tokens = max(step / passes, min(lengths.longest, training.max_length))
    return math.ceil(tokens / multiple) * multiple


def memory_of_pass(
    architecture: ModelArchitecture,
    recipe: Recipe,
    tokens: int,
    memory: MemoryMode,
    device: str,
    processes: int = 1,
) -> MemoryEstimate:
    """The memory of a process whose largest pass has so many tokens."""
    quantization, lora, training = _sections(recipe)
    uses_trl, cuda = training.trainer == "trl", device == "cuda"
    size = _number_bytes(quantization, device)
    checkpointing = memory.checkpointing or training.gradient_checkpointing
    compiled = cuda and not uses_trl
    layer = tokens * sum(
        count
        for _, count in saved_per_token(
            architecture, lora, size, compiled, mask=1 if cuda else size
        )
    )
    inputs = tokens * architecture.hidden * size * architecture.layers
    activations = inputs + layer if checkpointing else architecture.layers * layer
    whole = recipe.loss == "full-text"
    held_in_4_bits = quantization.bits == 4 and not (memory.dequantised and not uses_trl)
    sharded = memory.name == SHARDED.name and processes > 1
    share = min(1.0, 1 / processes + 2 / architecture.layers) if sharded else 1.0
    graphs = compiled and not checkpointing
    copies = 1 if uses_trl else 2  # TRL's gradients are in float32 only
    return MemoryEstimate(
        base=share
        * architecture.linear_weights
        * _weight_bytes(quantization, held_in_4_bits, sharded, size),
        embeddings=architecture.vocabulary
        * architecture.hidden
        * size
        * (1 if architecture.tied_embeddings else 2),
        adapter=adapter_weights(architecture, lora) * (16 + (0 if size == 4 else copies * size)),
        activations=activations,
        output=tokens * architecture.vocabulary * _logit_bytes(size, uses_trl) if whole else 0,
        workspace=_workspace(architecture, tokens, size, held_in_4_bits)
        + (_padded_attention(architecture, training, tokens, size) if uses_trl else 0)
        + (CUBLAS_WORKSPACE * (3 if graphs else 1) if cuda else 0),
        graphs=activations if graphs else 0,
        runtime=CUDA_CONTEXT if cuda else LIBRARY_BYTES,
        tokens=tokens,
    )


def adapter_weights(architecture: ModelArchitecture, lora: Lora) -> int:
    """How many weights an adapter has."""
    each = (
        lora.r * (linear.in_features + linear.out_features)
        for linear in _adapted_layers(architecture, lora)
    )
    return architecture.layers * sum(each)


def saved_per_token(
    architecture: ModelArchitecture, lora: Lora, size: int, compiled: bool, mask: int
) -> Iterator[tuple[str, float]]:
    """The name and the bytes of each tensor that a layer saves of a token for the backward pass.

    `size` is the bytes of a number, `mask` those of a number in the mask of a dropout. A frozen
    linear layer saves nothing but its weight, a norm its input, LoRA its input and the r numbers
    between.
    """
    hidden, query = architecture.hidden, architecture.heads * architecture.head_dim
    sums = 1 if architecture.parallel_residual else 2
    # as written, an RMS norm computes on a float32 copy of its input and keeps that
    normed = 4 if architecture.rms_norm and not compiled else size
    yield "inputs of the norms", sums * hidden * normed
    yield "statistics of the norms", 2 * 4
    keys = query if architecture.expanded_kv else architecture.kv_heads * architecture.head_dim
    yield "query", query * size
    yield "key", keys * size
    fused = (
        query + 2 * architecture.kv_heads * architecture.head_dim
        if architecture.fused_qkv
        else keys
    )
    yield "value", fused * size
    yield "output of the attention", query * size
    yield "normalisers of the attention", architecture.heads * 4
    if architecture.qk_norm:
        yield (
            "inputs of the norms of query and key",
            normed * (query + architecture.kv_heads * architecture.head_dim),
        )
    yield "input of the activation function", architecture.ffn * size
    if architecture.gated_mlp:
        yield "other factor of the gated MLP", architecture.ffn * size
        if not compiled:
            yield "output of the activation function", architecture.ffn * size
    yield "between the two LoRA factors", lora.r * len(_adapted_layers(architecture, lora)) * size
    shared: set[str] = set()
    for linear in _adapted_layers(architecture, lora):
        if lora.dropout:
            yield f"dropped-out input of {linear.name}", linear.in_features * (size + mask)
        elif linear.input not in shared and (
            linear.input != "attention out" or architecture.copied_heads
        ):
            shared.add(linear.input)
            yield f"input of {linear.name}", linear.in_features * size


def _adapted_layers(architecture: ModelArchitecture, lora: Lora) -> list[LinearLayer]:
    return [linear for linear in architecture.linears if gets_adapter(linear, lora.targets)]


def _number_bytes(quantization: Quantization, device: str) -> int:
    """Bytes of a number that the model computes with."""
    if quantization.compute_dtype == AUTO:
        return AUTO_DTYPE_BYTES[device]
    return DTYPE_BYTES[quantization.compute_dtype]


def _weight_bytes(quantization: Quantization, in_4_bits: bool, sharded: bool, size: int) -> float:
    if not in_4_bits:
        return size
    double = quantization.double and not sharded  # the scales of shards are float32
    return 0.5 + (1 / 64 + 4 / (64 * 256) if double else 4 / 64)


def _logit_bytes(size: int, uses_trl: bool) -> int:
    """Logits, their float32 logarithms of probabilities and the gradient of those.

    TRL's trainer also keeps the float32 logits that it returns.
    """
    return size + 8 + (4 if uses_trl else 0)


def _workspace(architecture: ModelArchitecture, tokens: int, size: int, in_4_bits: bool) -> float:
    largest = max(linear.in_features * linear.out_features for linear in architecture.linears)
    gradients = (2 * architecture.ffn + 4 * architecture.hidden) * size
    mask = tokens * tokens * size
    return (largest * size if in_4_bits else 0) + tokens * gradients + mask


def _padded_attention(
    architecture: ModelArchitecture, training: Training, tokens: int, size: int
) -> float:
    """Probabilities and scores of one layer, where PyTorch has no fused kernel (multi-query)."""
    if architecture.kv_heads == architecture.heads or architecture.expanded_kv:
        return 0
    longest = tokens / training.batch_size
    return tokens * longest * architecture.heads * (2 * size + 4)


def _sections(recipe: Recipe) -> tuple[Quantization, Lora, Training]:
    assert recipe.quantization and recipe.lora and recipe.training  # noqa: S101 - a qlora recipe
    return recipe.quantization, recipe.lora, recipe.training

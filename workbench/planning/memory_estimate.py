"""How much memory a training run takes: a sum of tensors that can be named, no torch needed.

    base          4-bit weights: half a byte each and a scale (float32, or 8 bits with double
                  quantisation) per 64; dequantised or not quantised: a number of the compute
                  dtype each (Dettmers et al. 2023, arXiv:2305.14314). Shared out over processes:
                  a part of it and two layers, the one that computes and the next
    embeddings    vocabulary x hidden, twice unless the output layer is tied to them
    adapter       r (in + out) weights for each layer (Hu et al. 2021, arXiv:2106.09685): float32
                  master, gradient and two moments of Adam, and in 16 bits a computing copy and
                  the gradient that a pass gives
    activations   what one pass keeps for its way back; `kept_per_token` lists the tensors
    output        logits of the places that have a target, where the loss is over whole texts
    workspace     a dequantised weight, the gradients within one layer, the mask, and on a GPU the
                  workspaces of cuBLAS
    graphs        with CUDA graphs, a second set of activations: the pool that the graphs replay
                  in, beside the one in which shapes were tried (seen as reserved, not as peak)
    runtime       the CUDA context, or on a CPU the libraries

The list of kept tensors was read off with `saved_tensors_hooks` for layers as they are written
(tests/modeling/test_estimate.py does it again) and for compiled ones. Compiled layers and GPUs keep
a dropout's mask as one byte per number, a CPU in the dtype of the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.planning.model_architecture import Linear, Shape, read_shape, targeted
from workbench.recipes.memory_modes import NAMED_MODES, SHARDED, MemoryMode
from workbench.recipes.recipes import AUTO, Lora, Quantization, Recipe, Training

GIB = 2**30
SIZES = {"bfloat16": 2, "float16": 2, "float32": 4}
AUTO_SIZES = {"cuda": 2, "cpu": 4}
"""On a CPU the larger of both that it may be."""
MULTIPLE = {"cuda": 64, "cpu": 8}
"""Packed rows are filled up to a multiple of so many tokens, so that few shapes come about."""
UNEVEN = 32
"""Tokens by which the fullest step is above the mean one; see `BALANCE_JITTER` of the sampler."""
CUBLAS = 32 * 2**20
"""A workspace of cuBLAS per stream: one, and with graphs two more to try and to capture a shape."""
CONTEXT = 0.5 * GIB
LIBRARIES = 0.66 * GIB
"""Resident in a worker on a CPU beside its tensors; 0.53 GiB of it after the imports."""


@dataclass(frozen=True)
class Memory:
    """Bytes by what they are for."""

    base: float
    embeddings: float
    adapter: float
    activations: float
    output: float
    workspace: float
    graphs: float
    runtime: float
    tokens: int
    """Of the largest pass."""

    @property
    def peak(self) -> float:
        """What PyTorch will count at most: `torch.cuda.max_memory_allocated`."""
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
        """What has to be free before the run starts."""
        return self.peak + self.graphs + self.runtime


@dataclass(frozen=True)
class Lengths:
    """Tokens of the training rows, with the prompt."""

    mean: float
    longest: int


def estimate(
    shape: Shape,
    recipe: Recipe,
    lengths: Lengths,
    memory: MemoryMode,
    device: str = "cuda",
    processes: int = 1,
) -> Memory:
    """The memory of each process of a run with one of the settings; `device` is cuda or cpu."""
    training = _parts(recipe)[2]
    stock = training.trainer == "trl"
    rows = training.batch_size
    tokens = (
        rows * min(lengths.longest, training.max_length)
        if stock
        else pass_tokens(training, lengths, memory.tokens, device, processes)
    )
    return of_pass(shape, recipe, tokens, memory, device, processes)


def training_bytes(base: str, recipe: Recipe, tokens: int, device: str = "cuda") -> int:
    """The peak of `torch.cuda.max_memory_allocated` for passes of so many tokens.

    `recipe.training.memory` names the setting. Raises UserError if the base is not known.
    """
    memory = NAMED_MODES[_parts(recipe)[2].memory]
    return round(of_pass(read_shape(base), recipe, tokens, memory, device).peak)


def pass_tokens(
    training: Training, lengths: Lengths, most: int, device: str, processes: int = 1
) -> int:
    """Tokens of the largest packed pass when the rows of a step are dealt out evenly."""
    multiple = MULTIPLE[device]
    rows = math.ceil(training.batch_size * training.accumulation / processes)
    step = rows * lengths.mean + UNEVEN
    passes = max(1, math.ceil(step / most))
    tokens = max(step / passes, min(lengths.longest, training.max_length))
    return math.ceil(tokens / multiple) * multiple


def of_pass(
    shape: Shape, recipe: Recipe, tokens: int, memory: MemoryMode, device: str, processes: int = 1
) -> Memory:
    """The memory of a process whose largest pass has so many tokens."""
    quantization, lora, training = _parts(recipe)
    stock, cuda = training.trainer == "trl", device == "cuda"
    size = _size(quantization, device)
    checkpointing = memory.checkpointing or training.gradient_checkpointing
    compiled = cuda and not stock
    layer = tokens * sum(
        count for _, count in kept_per_token(shape, lora, size, compiled, mask=1 if cuda else size)
    )
    inputs = tokens * shape.hidden * size * shape.layers
    activations = inputs + layer if checkpointing else shape.layers * layer
    whole = recipe.loss == "full-text"
    held_in_4_bits = quantization.bits == 4 and not (memory.dequantised and not stock)
    shared = memory.name == SHARDED.name and processes > 1
    held = min(1.0, 1 / processes + 2 / shape.layers) if shared else 1.0
    graphs = compiled and not checkpointing
    copies = 1 if stock else 2  # the stock trainer's gradients are in float32 only
    return Memory(
        base=held
        * shape.linear_weights
        * _weight_bytes(quantization, held_in_4_bits, shared, size),
        embeddings=shape.vocabulary * shape.hidden * size * (1 if shape.tied else 2),
        adapter=adapter_weights(shape, lora) * (16 + (0 if size == 4 else copies * size)),
        activations=activations,
        output=tokens * shape.vocabulary * _logit_bytes(size, stock) if whole else 0,
        workspace=_workspace(shape, tokens, size, held_in_4_bits)
        + (_padded_attention(shape, training, tokens, size) if stock else 0)
        + (CUBLAS * (3 if graphs else 1) if cuda else 0),
        graphs=activations if graphs else 0,
        runtime=CONTEXT if cuda else LIBRARIES,
        tokens=tokens,
    )


def adapter_weights(shape: Shape, lora: Lora) -> int:
    """How many weights an adapter has."""
    each = (lora.r * (linear.width + linear.out) for linear in _adapted(shape, lora))
    return shape.layers * sum(each)


def kept_per_token(
    shape: Shape, lora: Lora, size: int, compiled: bool, mask: int
) -> Iterator[tuple[str, float]]:
    """(what, bytes) for each tensor that a layer keeps of a token until the way back.

    `size` is that of a number, `mask` that of one in the mask of a dropout. A frozen product
    keeps nothing but its weight; a norm its input; LoRA its input and the r numbers between.
    """
    hidden, query = shape.hidden, shape.heads * shape.head_dim
    sums = 1 if shape.parallel else 2
    # as written, an RMS norm computes on a float32 copy of its input and keeps that
    normed = 4 if shape.rms and not compiled else size
    yield "inputs of the norms", sums * hidden * normed
    yield "statistics of the norms", 2 * 4
    keys = query if shape.expanded else shape.kv_heads * shape.head_dim
    yield "query", query * size
    yield "key", keys * size
    fused = query + 2 * shape.kv_heads * shape.head_dim if shape.fused else keys
    yield "value", fused * size
    yield "mixed values", query * size
    yield "normalisers of the attention", shape.heads * 4
    if shape.normed_heads:
        yield (
            "inputs of the norms of query and key",
            normed * (query + shape.kv_heads * shape.head_dim),
        )
    yield "input of the activation function", shape.ffn * size
    if shape.gated:
        yield "what it is multiplied with", shape.ffn * size
        if not compiled:
            yield "output of the activation function", shape.ffn * size
    yield "between the two LoRA factors", lora.r * len(_adapted(shape, lora)) * size
    shared: set[str] = set()
    for linear in _adapted(shape, lora):
        if lora.dropout:
            yield f"dropped-out input of {linear.name}", linear.width * (size + mask)
        elif linear.reads not in shared and (linear.reads != "mixed" or shape.reordered):
            shared.add(linear.reads)
            yield f"input of {linear.name}", linear.width * size


def _adapted(shape: Shape, lora: Lora) -> list[Linear]:
    return [linear for linear in shape.linears if targeted(linear, lora.targets)]


def _size(quantization: Quantization, device: str) -> int:
    """Bytes of a number that the model computes with."""
    if quantization.compute_dtype == AUTO:
        return AUTO_SIZES[device]
    return SIZES[quantization.compute_dtype]


def _weight_bytes(quantization: Quantization, in_4_bits: bool, shared: bool, size: int) -> float:
    if not in_4_bits:
        return size
    double = quantization.double and not shared  # whose scales are shared out as float32
    return 0.5 + (1 / 64 + 4 / (64 * 256) if double else 4 / 64)


def _logit_bytes(size: int, stock: bool) -> int:
    """Logits, their float32 logarithms of probabilities and the gradient of those.

    The stock trainer also keeps the logits as float32 that it hands out.
    """
    return size + 8 + (4 if stock else 0)


def _workspace(shape: Shape, tokens: int, size: int, in_4_bits: bool) -> float:
    largest = max(linear.width * linear.out for linear in shape.linears)
    gradients = (2 * shape.ffn + 4 * shape.hidden) * size
    mask = tokens * tokens * size
    return (largest * size if in_4_bits else 0) + tokens * gradients + mask


def _padded_attention(shape: Shape, training: Training, tokens: int, size: int) -> float:
    """Probabilities and scores of one layer, where PyTorch has no fused kernel (multi-query)."""
    if shape.kv_heads == shape.heads or shape.expanded:
        return 0
    longest = tokens / training.batch_size
    return tokens * longest * shape.heads * (2 * size + 4)


def _parts(recipe: Recipe) -> tuple[Quantization, Lora, Training]:
    assert recipe.quantization and recipe.lora and recipe.training  # noqa: S101 - a qlora recipe
    return recipe.quantization, recipe.lora, recipe.training

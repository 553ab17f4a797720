"""Forward passes of a batch, with the output layer only where it is needed."""

from __future__ import annotations

import torch
from torch.nn import functional

from workbench.modeling.base.model import Model
from workbench.modeling.data.batches import Batch, block_diagonal_mask


def model_inputs(model: Model, batch: Batch) -> dict[str, torch.Tensor]:
    """The keyword arguments of a model's forward pass.

    A packed batch has a mask of four dimensions; a padded one has none, since causal attention
    never looks to the right.
    """
    if batch.document_ids is None:
        return {"input_ids": batch.input_ids}
    assert batch.position_ids is not None  # noqa: S101 - `pack` sets both
    return {
        "input_ids": batch.input_ids,
        "position_ids": batch.position_ids,
        "attention_mask": block_diagonal_mask(batch.document_ids, model.dtype),
    }


def last_hidden_states(model: Model, batch: Batch) -> torch.Tensor:
    """What goes into the output layer, (tokens, hidden), in the order of the flattened input."""
    core = getattr(model, model.base_model_prefix)
    return core(**model_inputs(model, batch), use_cache=False)[0].flatten(0, 1)


def lm_head_logits(
    model: Model, hidden: torch.Tensor, token_ids: torch.Tensor | None
) -> torch.Tensor:
    """The output layer of a model on hidden states, (…, hidden) to (…, vocabulary).

    With `token_ids` only the logits of these tokens are computed, (…, tokens). Right for models
    with a linear output layer only; see `capabilities.has_linear_lm_head`.
    """
    head = model.get_output_embeddings()
    if token_ids is None:
        return head(hidden)
    bias = None if head.bias is None else head.bias[token_ids]
    return functional.linear(hidden, head.weight[token_ids], bias)

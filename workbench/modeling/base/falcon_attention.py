"""The attention of Falcon-7B in a form that PyTorch has fast kernels for."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.models.falcon.modeling_falcon import FalconAttention, apply_rotary_pos_emb

from workbench.modeling.base.model import Model


class FusedMultiQueryAttention(nn.Module):
    """The attention of Falcon-7B: many query heads, one key and one value head (rotary).

    transformers hands the single key and value head to `scaled_dot_product_attention` as they are,
    for which PyTorch has only its slow kernel; expanded views of them go through a fused one. The
    linear layers keep their names, so an adapter fits this module and the original.
    """

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.query_key_value = attention.query_key_value
        self.dense = attention.dense
        self.heads = attention.num_heads
        self.head_dim = attention.head_dim

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        **unused: Any,
    ) -> tuple[torch.Tensor, None]:
        """Attend from (batch, tokens, hidden) to the same shape; the weights are not returned."""
        fused = self.query_key_value(hidden_states)
        split = fused.unflatten(-1, (self.heads + 2, self.head_dim)).transpose(1, 2)
        query, key, value = split.split([self.heads, 1, 1], dim=1)
        query, key = apply_rotary_pos_emb(query, key, *position_embeddings)
        attended = functional.scaled_dot_product_attention(
            query,
            key.expand_as(query),
            value.expand_as(query),
            attn_mask=attention_mask,
            is_causal=attention_mask is None,
        )
        return self.dense(attended.transpose(1, 2).flatten(2)), None


def fuse_attention(model: Model) -> None:
    """Replace the attention of a Falcon-7B by the fused one; other models are left unchanged."""
    for parent in list(model.modules()):
        for name, part in list(parent.named_children()):
            if (
                type(part) is FalconAttention
                and part.config.multi_query
                and not part.config.new_decoder_architecture
                and not part.config.alibi
                and part.config._attn_implementation == "sdpa"
            ):
                setattr(parent, name, FusedMultiQueryAttention(part))

"""Falcon's attention in the form for which PyTorch has fast kernels."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.models.falcon.modeling_falcon import FalconAttention, apply_rotary_pos_emb

from workbench.modeling.base.loading import Model


class MultiQuery(nn.Module):
    """The attention of Falcon-7B: many query heads, one key and one value head (rotary).

    transformers hands the single heads to `scaled_dot_product_attention` as they are, for which
    PyTorch has only its slow kernel; expanded views of them go through a fused one. The layers
    keep their names, so adapters fit either form.
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
        **others: Any,
    ) -> tuple[torch.Tensor, None]:
        """The mixed values, (batch, tokens, hidden)."""
        fused = self.query_key_value(hidden_states)
        split = fused.unflatten(-1, (self.heads + 2, self.head_dim)).transpose(1, 2)
        query, key, value = split.split([self.heads, 1, 1], dim=1)
        query, key = apply_rotary_pos_emb(query, key, *position_embeddings)
        mixed = functional.scaled_dot_product_attention(
            query, key.expand_as(query), value.expand_as(query),
            attn_mask=attention_mask, is_causal=attention_mask is None,
        )  # fmt: skip
        return self.dense(mixed.transpose(1, 2).flatten(2)), None


def fuse_attention(model: Model) -> None:
    """Put that form into a Falcon that can use it; other models are left as they are."""
    for parent in list(model.modules()):
        for name, part in list(parent.named_children()):
            if (
                type(part) is FalconAttention
                and part.config.multi_query
                and not part.config.new_decoder_architecture
                and not part.config.alibi
                and part.config._attn_implementation == "sdpa"
            ):
                setattr(parent, name, MultiQuery(part))

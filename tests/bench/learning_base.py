"""A small Falcon that has read tweets, and nothing of what anybody labelled."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import ByteLevelBPETokenizer
from torch.nn import functional
from transformers import FalconConfig, FalconForCausalLM, PreTrainedTokenizerFast

from workbench.modeling.base.falcon_attention import fuse_attention

END = "<|endoftext|>"
WORDS = ("Positive", "Negative", "Neutral")
UNUSED = -100
"""The target of places that have none."""


@dataclass(frozen=True)
class Shape:
    """How large the model is, and how it learns."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    passes: int
    """How often it reads the corpus."""
    rows: int
    """Rows of a step."""
    width: int
    """Tokens of a row."""
    seconds: float
    """The learning rate falls to 0 after so many, or after all passes if that is earlier."""
    rate: float = 1.5e-3
    dropout: float = 0.1


class Tweets:
    """Tokens of tweets, each with an end, dealt into rows that hold whole tweets."""

    def __init__(self, rows: list[list[int]], width: int, end: int) -> None:
        whole = [[*row[: width - 1], end] for row in rows]
        self.lengths = np.array([len(row) for row in whole])
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.tokens = np.concatenate([np.array(row) for row in whole])
        self.width, self.end = width, end

    def deal(self, order: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tokens, places within their tweet and numbers of the tweets, each (rows, width)."""
        targets = np.empty(len(order), np.int64)
        row = column = 0
        for at, length in enumerate(self.lengths[order].tolist()):
            if column + length > self.width:
                row, column = row + 1, 0
            targets[at] = row * self.width + column
            column += length
        lengths = self.lengths[order]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        to = np.repeat(targets, lengths) + within
        size = (row + 1) * self.width
        ids, places, tweets = np.full(size, self.end), np.zeros(size, int), np.full(size, -1)
        ids[to] = self.tokens[np.repeat(self.starts[order], lengths) + within]
        places[to] = within
        tweets[to] = np.repeat(np.arange(len(order)), lengths)
        rows = (torch.from_numpy(a.reshape(-1, self.width)) for a in (ids, places, tweets))
        return next(rows), next(rows), next(rows)


def make_tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE in which each label word with its leading space is one token."""
    dialogue = [f"### Human: x\n### Assistant: {word}" for word in WORDS]
    tokenizer = ByteLevelBPETokenizer()
    counted = [*texts, *dialogue * max(200, len(texts) // 20)]
    tokenizer.train_from_iterator(counted, size, special_tokens=[END], show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer._tokenizer,
        eos_token=END,
        bos_token=END,
        pad_token=END,
        model_max_length=1024,
    )


def pretrain(texts: list[str], held_out: list[str], shape: Shape, folder: Path) -> dict[str, Any]:
    """Train on the texts, save in bfloat16, and say how well it foresees the held-out ones."""
    began = time.monotonic()
    torch.manual_seed(0)
    torch.set_num_threads(1)  # on a busy CPU, several wait for one another
    tokenizer = make_tokenizer(texts, shape.vocabulary)
    end = tokenizer.eos_token_id
    tweets, other = (
        Tweets(tokenizer(part)["input_ids"], shape.width, end) for part in (texts, held_out)
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = FalconForCausalLM(_config(shape, len(tokenizer), end)).to(device)
    fuse_attention(model)
    prepared = time.monotonic() - began
    figures = _learn(model, tweets, other, shape)
    nats, places = foreseen(model, other, shape.rows)
    seen = _bytes(held_out, tokenizer, shape.width)
    model.config.hidden_dropout = model.config.attention_dropout = 0.0
    model.config.dtype = torch.bfloat16
    # built anew: the fused layers of the one above are no part of what is saved
    plain = FalconForCausalLM(model.config)
    plain.load_state_dict(model.state_dict())
    plain.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return figures | {
        "parameters": plain.num_parameters(),
        "vocabulary": len(tokenizer),
        "tweets": len(texts),
        "tokens": len(tweets.tokens),
        "held_out_tweets": len(held_out),
        "held_out_perplexity": math.exp(nats / places),
        "held_out_bits_per_byte": nats / math.log(2) / seen,
        "word_counts": {w: sum(f" {w}" in text for text in texts) for w in WORDS},
        "prepare_s": prepared,
        "seconds": time.monotonic() - began,
    }


@torch.no_grad()
def foreseen(model: Any, tweets: Tweets, rows: int) -> tuple[float, int]:
    """How surprising tweets are: nats over all, and how many tokens were foreseen."""
    model.eval()
    total, places = 0.0, 0
    for batch in _batches(*tweets.deal(np.arange(len(tweets.lengths))), rows, drop=False):
        loss, count = _loss(model, *batch)
        total, places = total + float(loss) * count, places + count
    model.train()
    return total, places


def _learn(model: Any, tweets: Tweets, other: Tweets, shape: Shape) -> dict[str, Any]:
    decaying = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": decaying, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=shape.rate, betas=(0.9, 0.95), fused=True)
    rng = np.random.default_rng(0)
    per_pass = max(1, int(tweets.lengths.sum() * 1.05) // (shape.rows * shape.width))
    warm = min(100, per_pass)
    began, step, curve = time.monotonic(), 0, []
    progress = 0.0
    for number in range(shape.passes):
        dealt = tweets.deal(rng.permutation(len(tweets.lengths)))
        for at, batch in enumerate(_batches(*dealt, shape.rows, drop=True)):
            spent = (time.monotonic() - began) / shape.seconds
            progress = max((number + at / per_pass) / shape.passes, spent)
            if progress >= 1:
                break
            for group in optimiser.param_groups:
                group["lr"] = shape.rate * min((step + 1) / warm, 1 - progress)
            loss, _ = _loss(model, *batch)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
        nats, places = foreseen(model, other, shape.rows)
        spent = time.monotonic() - began
        curve.append({"pass": number + 1, "step": step, "held_out": nats / places, "s": spent})
        print(f"pass {number + 1}: {nats / places:.3f} nats held out, {spent:.0f} s", flush=True)
        if progress >= 1:
            break
    return {"steps": step, "curve": curve}


def _loss(
    model: Any, ids: torch.Tensor, places: torch.Tensor, tweets: torch.Tensor
) -> tuple[torch.Tensor, int]:
    """The mean surprise of the tokens that follow another of their tweet, and their number."""
    where = model.device
    follows = (tweets[:, 1:] == tweets[:, :-1]) & (tweets[:, 1:] >= 0)
    targets = torch.where(follows, ids[:, 1:], UNUSED).to(where, non_blocking=True)
    count = int(follows.sum())
    ids, places, tweets = (t.to(where, non_blocking=True) for t in (ids, places, tweets))
    same = tweets[:, :, None] == tweets[:, None, :]
    mask = (same & torch.ones_like(same[0]).tril())[:, None]
    with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda"):
        logits = model(
            input_ids=ids, position_ids=places, attention_mask=mask, use_cache=False
        ).logits[:, :-1]
    flat = logits.flatten(0, 1).float()
    return functional.cross_entropy(flat, targets.flatten(), ignore_index=UNUSED), count


def _batches(
    ids: torch.Tensor, places: torch.Tensor, tweets: torch.Tensor, rows: int, drop: bool
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    last = len(ids) // rows * rows if drop and len(ids) >= rows else len(ids)
    for at in range(0, last, rows):
        yield ids[at : at + rows], places[at : at + rows], tweets[at : at + rows]


def _bytes(texts: list[str], tokenizer: Any, width: int) -> int:
    """The bytes of the texts as far as they fit, without their first tokens."""
    total = 0
    for row in tokenizer(texts)["input_ids"]:
        total += len(tokenizer.decode(row[1 : width - 1]).encode())
    return total


def _config(shape: Shape, vocabulary: int, end: int) -> FalconConfig:
    return FalconConfig(
        vocab_size=vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        multi_query=True,
        parallel_attn=True,
        new_decoder_architecture=False,
        bias=False,
        alibi=False,
        hidden_dropout=shape.dropout,
        attention_dropout=shape.dropout,
        max_position_embeddings=1024,
        bos_token_id=end,
        eos_token_id=end,
    )

"""Rows of tokens with their targets, and batches of them: packed into one row, or padded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from workbench.modeling.data.prompts import Prompter

UNUSED = -1
"""The document of the tokens that fill up a packed row."""


@dataclass(frozen=True)
class Row:
    """The tokens of a tweet, and what the model is to say after which of them.

    A target is a token, or the number of a label where one position decides (`Prompter.single`).
    """

    tokens: list[int]
    positions: list[int]
    targets: list[int]
    number: int = 0
    """Its place among the examples."""


@dataclass(frozen=True)
class Batch:
    """Tensors of a forward pass.

    `input_ids` is (1, tokens) if packed, else (rows, longest). `where` are places in the flattened
    input, and `weights` the share of each target in the loss; places that only fill up weigh 0.
    """

    input_ids: torch.Tensor
    where: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    position_ids: torch.Tensor | None = None
    documents: torch.Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Batches of one shape can run through the same kernels."""
        return (*self.input_ids.shape, len(self.where))

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return self.each(lambda tensor: tensor.to(device, non_blocking=True))

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        """The same with each of its tensors changed."""
        tensors: dict[str, Any] = {
            field.name: None if value is None else change(value)
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }
        return Batch(**tensors)


def answer_rows(prompter: Prompter, texts: Sequence[str], labels: Sequence[int]) -> list[Row]:
    """Rows for the loss of the label words."""
    rows = []
    for number, (prompt, label) in enumerate(zip(prompter.prompts(texts), labels, strict=True)):
        last = len(prompt) - 1
        if prompter.single:
            rows.append(Row(prompt, [last], [label], number))
        else:
            answer = [*prompter.answers[label]]
            places = list(range(last, last + len(answer)))
            rows.append(Row([*prompt, *answer[:-1]], places, answer, number))
    return rows


def text_rows(prompter: Prompter, texts: Sequence[str], labels: Sequence[int]) -> list[Row]:
    """Rows for the loss over whole texts: each token from the ones before it, and the end."""
    rows = []
    prompts = prompter.prompts(texts, room_for=1)
    for number, (prompt, label) in enumerate(zip(prompts, labels, strict=True)):
        tokens = [*prompt, *prompter.answers[label], prompter.tokenizer.eos_token_id]
        rows.append(Row(tokens[:-1], list(range(len(tokens) - 1)), tokens[1:], number))
    return rows


def divide(rows: Sequence[Row], tokens: int) -> list[list[Row]]:
    """Split the rows of a step into parts of about the same size, at most so many tokens each."""
    total = sum(len(row.tokens) for row in rows)
    parts: list[list[Row]] = [[] for _ in range(min(len(rows), -(-total // tokens)))]
    filled = [0] * len(parts)
    for row in sorted(rows, key=lambda row: -len(row.tokens)):
        lightest = min(range(len(parts)), key=filled.__getitem__)
        parts[lightest].append(row)
        filled[lightest] += len(row.tokens)
    return parts


def packed(rows: Sequence[Row], weight: float, pad: int, multiple: int, places: int = 0) -> Batch:
    """One row of tokens in which each tweet is a document of its own.

    Filled up to a multiple of so many tokens and to at least so many targets, so that few shapes
    come about.
    """
    tokens: list[int] = []
    positions: list[int] = []
    documents: list[int] = []
    where: list[int] = []
    targets: list[int] = []
    for number, row in enumerate(rows):
        where += [len(tokens) + position for position in row.positions]
        targets += row.targets
        tokens += row.tokens
        positions += range(len(row.tokens))
        documents += [number] * len(row.tokens)
    filler = -len(tokens) % multiple
    spare = max(0, places - len(where))
    weights = [weight] * len(where) + [0.0] * spare
    return Batch(
        torch.tensor([tokens + [pad] * filler]),
        torch.tensor(where + [0] * spare),
        torch.tensor(targets + [0] * spare),
        torch.tensor(weights),
        torch.tensor([positions + list(range(filler))]),
        torch.tensor([documents + [UNUSED] * filler]),
    )


def padded(rows: Sequence[Row], weight: float, pad: int, multiple: int) -> Batch:
    """Rows padded on the right: with causal attention nothing sees the padding."""
    ids = pad_right([row.tokens for row in rows], pad, multiple)
    width = ids.shape[1]
    where = [place * width + at for place, row in enumerate(rows) for at in row.positions]
    targets = [target for row in rows for target in row.targets]
    return Batch(ids, torch.tensor(where), torch.tensor(targets), torch.full((len(where),), weight))


def pad_right(rows: Sequence[Sequence[int]], pad: int, multiple: int = 8) -> torch.Tensor:
    """Rows of tokens as one (rows, longest) tensor, filled up to a multiple of so many tokens."""
    longest = -(-max(map(len, rows)) // multiple) * multiple
    return torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])


def block_diagonal(documents: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The mask of a packed row, (1, 1, tokens, tokens): 0 where a token may look, else -inf.

    A token sees itself and what is before it in its own document.
    """
    same = documents[0, :, None] == documents[0, None, :]
    visible = same & torch.ones_like(same).tril()
    mask = torch.zeros(visible.shape, dtype=dtype, device=documents.device)
    return mask.masked_fill(~visible, -torch.inf)[None, None]

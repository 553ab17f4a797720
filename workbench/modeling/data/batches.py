"""Tweets as tokens with their targets, and batches of them: packed into one row, or padded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from storage.errors import UserError
from workbench.modeling.data.label_tree import NO_END
from workbench.modeling.data.prompts import Prompter

PADDING_DOCUMENT = -1
"""The document id of the tokens that fill up a packed row."""
SHARED_DOCUMENT = -2
"""The document id of the tokens at the beginning of a packed row that each of its tweets sees."""


@dataclass(frozen=True)
class TokenizedExample:
    """The tokens of a tweet, and what the model is to predict after which of them."""

    tokens: list[int]
    target_positions: list[int]
    """Positions among the tokens, one per target."""
    targets: list[int]
    """Tokens of the vocabulary, or columns of the label tree."""
    index: int = 0
    """Which of the training examples this is."""
    weight: float = 1.0
    """What its loss is multiplied with, beside the share that all examples have."""
    options: list[list[bool]] | None = None
    """For each target, which columns of the label tree can follow; None if all can."""


@dataclass(frozen=True)
class Batch:
    """The tensors of a forward pass, of N tokens and T targets."""

    input_ids: torch.Tensor
    """(1, N) if packed, else (examples, longest)."""
    target_positions: torch.Tensor
    """(T,): positions in the flattened `input_ids`."""
    targets: torch.Tensor
    """(T,)."""
    weights: torch.Tensor
    """(T,): the share of each target in the loss; targets that only fill up weigh 0."""
    position_ids: torch.Tensor | None = None
    """(1, N), if packed: each token's position in its document."""
    document_ids: torch.Tensor | None = None
    """(1, N), if packed: which tweet of the row each token is of."""
    options: torch.Tensor | None = None
    """(T, columns of the label tree), where not all of them can follow at each target."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns, targets): batches of one shape can run through the same kernels."""
        return (*self.input_ids.shape, len(self.target_positions))

    def to(self, device: torch.device) -> Batch:
        """A copy of the batch on a device."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        """A batch with each tensor changed by a function."""
        tensors: dict[str, Any] = {
            field.name: None if value is None else change(value)
            for field in fields(self)
            for value in [getattr(self, field.name)]
        }
        return Batch(**tensors)


def label_word_examples(
    prompter: Prompter, texts: Sequence[str], labels: Sequence[int]
) -> list[TokenizedExample]:
    """Examples for the loss over the label words, which follow the prompts.

    The targets are the choices that lead to the label, so the sum of their losses is the negative
    log-probability that scoring gives it.
    """
    tree = prompter.label_tree
    columns = range(len(tree.columns))
    examples = []
    for index, (prompt, label) in enumerate(zip(prompter.encode(texts), labels, strict=True)):
        decisions = tree.decisions[label]
        choices = [tree.choices[decision.choice] for decision in decisions]
        one = len(tree.choices) == 1
        examples.append(
            TokenizedExample(
                tokens=[*prompt, *tree.path(label)],
                target_positions=[len(prompt) - 1 + len(choice.path) for choice in choices],
                targets=[tree.column(decision) for decision in decisions],
                index=index,
                options=None
                if one
                else [[c in choice.columns for c in columns] for choice in choices],
            )
        )
    return examples


def full_text_examples(
    prompter: Prompter, texts: Sequence[str], labels: Sequence[int]
) -> list[TokenizedExample]:
    """Examples for the loss over prompts, label words and end token: each token but the first.

    Raises UserError if the tokenizer has no end token.
    """
    if prompter.end_token_id == NO_END:
        raise UserError(
            "loss=full-text ends each text with an end token, and the tokenizer of this base has "
            "none; take a recipe with another loss, such as fast."
        )
    examples = []
    prompts = prompter.encode(texts, reserve=1)
    for index, (prompt, label) in enumerate(zip(prompts, labels, strict=True)):
        tokens = [*prompt, *prompter.label_token_ids[label], prompter.end_token_id]
        positions = list(range(len(tokens) - 1))
        examples.append(TokenizedExample(tokens[:-1], positions, tokens[1:], index))
    return examples


def split_by_tokens(
    examples: Sequence[TokenizedExample], max_tokens: int
) -> list[list[TokenizedExample]]:
    """Split the examples of a step into passes of about the same number of tokens.

    They are as few as `max_tokens` a pass allow on average; a pass may have some tokens more.
    """
    total = sum(len(example.tokens) for example in examples)
    passes: list[list[TokenizedExample]] = [
        [] for _ in range(min(len(examples), -(-total // max_tokens)))
    ]
    filled = [0] * len(passes)
    for example in sorted(examples, key=lambda example: -len(example.tokens)):
        lightest = min(range(len(passes)), key=filled.__getitem__)
        passes[lightest].append(example)
        filled[lightest] += len(example.tokens)
    return passes


def pack(
    examples: Sequence[TokenizedExample],
    weight: float,
    pad_id: int,
    multiple: int,
    min_targets: int = 0,
    prefix: Sequence[int] = (),
) -> Batch:
    """Pack examples into one row of tokens, in which each is a document of its own.

    The row is filled up to a multiple of so many tokens, and the targets to at least
    `min_targets`, so that few shapes occur. Each target has the given weight in the loss. All
    examples go on from the tokens of `prefix`, which are there once; see `share_prefix`.
    """
    tokens = [*prefix]
    positions = [*range(len(prefix))]
    documents = [SHARED_DOCUMENT] * len(prefix)
    target_positions: list[int] = []
    targets: list[int] = []
    for number, example in enumerate(examples):
        target_positions += [len(tokens) + position for position in example.target_positions]
        targets += example.targets
        tokens += example.tokens
        positions += range(len(prefix), len(prefix) + len(example.tokens))
        documents += [number] * len(example.tokens)
    filler = -len(tokens) % multiple
    spare = max(0, min_targets - len(targets))
    return Batch(
        input_ids=torch.tensor([tokens + [pad_id] * filler]),
        target_positions=torch.tensor(target_positions + [0] * spare),
        targets=torch.tensor(targets + [0] * spare),
        weights=torch.tensor(_weights(examples, weight) + [0.0] * spare),
        position_ids=torch.tensor([positions + list(range(filler))]),
        document_ids=torch.tensor([documents + [PADDING_DOCUMENT] * filler]),
        options=_options(examples, spare),
    )


def share_prefix(
    examples: Sequence[TokenizedExample],
) -> tuple[list[int], list[TokenizedExample]]:
    """The tokens that all examples begin with, and the examples without them.

    The beginning ends before the first token that is predicted from, and leaves each example one.
    """
    rows = [example.tokens for example in examples]
    first, last = min(rows), max(rows)  # by order: what these two begin with, all do
    length = min(min(example.target_positions) for example in examples)
    while first[:length] != last[:length]:
        length -= 1
    own = [
        replace(
            example,
            tokens=example.tokens[length:],
            target_positions=[position - length for position in example.target_positions],
        )
        for example in examples
    ]
    return first[:length], own


def pad(examples: Sequence[TokenizedExample], weight: float, pad_id: int, multiple: int) -> Batch:
    """Pad examples on the right, one a row: with causal attention nothing sees the padding.

    Rows are filled up to a multiple of so many tokens; each target has the given weight.
    """
    input_ids = pad_right([example.tokens for example in examples], pad_id, multiple)
    width = input_ids.shape[1]
    target_positions = [
        row * width + position
        for row, example in enumerate(examples)
        for position in example.target_positions
    ]
    targets = [target for example in examples for target in example.targets]
    return Batch(
        input_ids=input_ids,
        target_positions=torch.tensor(target_positions),
        targets=torch.tensor(targets),
        weights=torch.tensor(_weights(examples, weight)),
        options=_options(examples),
    )


def _weights(examples: Sequence[TokenizedExample], weight: float) -> list[float]:
    return [weight * example.weight for example in examples for _ in example.targets]


def _options(examples: Sequence[TokenizedExample], spare: int = 0) -> torch.Tensor | None:
    """The options of all targets, (targets + spare, columns); those that fill up have all."""
    rows = [row for example in examples for row in example.options or ()]
    if not rows:
        return None
    return torch.tensor([*rows, *[[True] * len(rows[0])] * spare])


def pad_right(rows: Sequence[Sequence[int]], pad_id: int, multiple: int = 8) -> torch.Tensor:
    """Rows of tokens as one (rows, longest) tensor, filled up to a multiple of so many tokens."""
    longest = -(-max(map(len, rows)) // multiple) * multiple
    return torch.tensor([[*row, *[pad_id] * (longest - len(row))] for row in rows])


def block_diagonal_mask(document_ids: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The attention mask of a packed row, (1, 1, tokens, tokens): 0 where a token may look.

    A token sees itself and what is before it in its own document, and what the documents share;
    elsewhere the mask is -inf.
    """
    same = document_ids[0, :, None] == document_ids[0, None, :]
    visible = (same | (document_ids[0] == SHARED_DOCUMENT)).tril()
    mask = torch.zeros(visible.shape, dtype=dtype, device=document_ids.device)
    return mask.masked_fill(~visible, -torch.inf)[None, None]

"""How a model may be used: found out by trying it on two tweets, not by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from workbench.modeling.base.loading import Model
from workbench.modeling.data.batches import Batch, Row, block_diagonal, packed
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.training.out_of_memory import ran_out

TEXTS = ("up", "no way that this goes up again, they said", "down and out")
LEAK = 1e-4
"""How far a tweet may move the logits of another, in their standard deviations."""
NOISE_16, NOISE_32 = 0.1, 1e-3
"""How far packing may move logits by rounding, likewise: in 16 and in 32 bits."""


@dataclass(frozen=True)
class Ways:
    """What was found out about a model."""

    packed: bool
    """Tweets can share a row, under a mask, without any of them noticing."""
    plain_head: bool
    """The logits are the output layer's and nothing more, so it can run on few places."""
    reason: str = ""

    def told(self) -> str:
        """One line for the log of the run."""
        if self.packed:
            return "the tweets of a step are packed into one row, each seeing itself only"
        return f"tweets of similar length are padded into batches, since {self.reason}"


def find_out(model: Model, prompter: Prompter) -> Ways:
    """Try a base model without adapter on two tweets."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _find_out(model, prompter)
    finally:
        model.train(was_training)


def backbone(model: Model, batch: Batch) -> torch.Tensor:
    """The last hidden states of a batch, (places, hidden), in the order of the flattened input."""
    core = getattr(model, model.base_model_prefix)
    return core(**inputs(model, batch), use_cache=False)[0].flatten(0, 1)


def inputs(model: Model, batch: Batch) -> dict[str, torch.Tensor]:
    """What a model takes: a mask of four dimensions for a packed row, none for padded rows."""
    if batch.documents is None:
        return {"input_ids": batch.input_ids}
    assert batch.position_ids is not None  # noqa: S101 - both come from `packed`
    mask = block_diagonal(batch.documents, model.dtype)
    return {
        "input_ids": batch.input_ids, "position_ids": batch.position_ids, "attention_mask": mask
    }  # fmt: skip


@torch.no_grad()
def has_plain_head(model: Model, prompter: Prompter) -> bool:
    """Whether the logits of a model are its output layer's and nothing more."""
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    if not isinstance(head, nn.Linear) or getattr(config, "final_logit_softcapping", None):
        return False
    [prompt] = prompter.prompts(TEXTS[:1])
    logits = _last_logits(model, Row(prompt, [len(prompt) - 1], [0]))
    ids = torch.tensor([prompt], device=model.device)
    hidden = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False)[0]
    noise = NOISE_32 if model.dtype == torch.float32 else NOISE_16 / 4
    distance = (head(hidden[0, -1:])[0].float() - logits).abs().mean()
    return bool(distance <= noise * logits.std())


def _find_out(model: Model, prompter: Prompter) -> Ways:
    pad = prompter.tokenizer.pad_token_id
    first, second, third = (Row(p, [len(p) - 1], [0]) for p in prompter.prompts(TEXTS))
    alone = torch.stack([_last_logits(model, row) for row in (first, second)])
    scale = alone.std()
    plain_head = has_plain_head(model, prompter)
    noise = NOISE_32 if model.dtype == torch.float32 else NOISE_16
    try:
        together = _packed_logits(model, [first, second], pad)
        other = _packed_logits(model, [_like(third, len(first.tokens)), second], pad)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        if ran_out(error):
            raise
        problem = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        return Ways(False, plain_head, f"the model takes no mask of its own ({problem})")
    if not bool((together[1] - other[1]).abs().max() <= LEAK * scale):
        return Ways(False, plain_head, "packed tweets of this model see one another")
    if not bool((together - alone).abs().mean() <= noise * scale):
        return Ways(False, plain_head, "this model answers otherwise when tweets are packed")
    return Ways(True, plain_head)


def _last_logits(model: Model, row: Row) -> torch.Tensor:
    ids = torch.tensor([row.tokens], device=model.device)
    return model(input_ids=ids, use_cache=False).logits[0, -1].float()


def _packed_logits(model: Model, rows: Sequence[Row], pad: int) -> torch.Tensor:
    batch = packed(rows, 1.0, pad, 8).to(model.device)
    logits = model(**inputs(model, batch), use_cache=False).logits
    return logits[0, batch.where].float()


def _like(row: Row, length: int) -> Row:
    """Another tweet of the same length, so that nothing but its tokens differs."""
    tokens = (row.tokens * length)[:length]
    return Row(tokens, [length - 1], [0])

"""What a model can do, found out by trying it on two tweets and not by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakSet

import torch
from torch import nn

from workbench.modeling.base.forward import model_inputs
from workbench.modeling.base.model import Model
from workbench.modeling.base.out_of_memory import is_out_of_memory
from workbench.modeling.data.batches import Batch, TokenizedExample, pack, share_prefix
from workbench.modeling.data.prompts import Prompter
from workbench.recipes.base_configs import attention_window

PROBE_TEXTS = ("up", "no way that this goes up again, they said", "down and out")
LEAK_TOLERANCE = 1e-4
"""How far a tweet may move the logits of another, in standard deviations of the logits."""
PACKING_TOLERANCE_16_BIT, PACKING_TOLERANCE_32_BIT = 0.1, 1e-3
"""How far packing may move logits by rounding, in standard deviations of the logits."""
_linear_heads: WeakSet[Model] = WeakSet()
"""The models that were tried and whose logits are a linear layer of their last hidden states."""


@dataclass(frozen=True)
class ModelCapabilities:
    """How a model can be trained and scored."""

    packing: bool
    """Tweets can share a row under a block-diagonal mask, and none of them sees another."""
    linear_lm_head: bool
    """The logits are a linear layer of the last hidden states, so a few of them can be computed."""
    reason: str = ""
    """Why tweets cannot be packed."""
    shared_prefix: bool = False
    """Packed tweets can share the tokens that all prompts begin with."""

    def describe(self) -> str:
        """One line for the log of the run."""
        if self.packing:
            return "the tweets of a step are packed into one row, each seeing itself only"
        return f"tweets of similar length are padded into batches, since {self.reason}"


def probe_capabilities(model: Model, prompter: Prompter, longest: int = 0) -> ModelCapabilities:
    """Try a base model without adapter on two tweets, packed and one by one.

    The second one has `longest` tokens, those of the longest tweet to come, since some models look
    back so far and no further, which packed tweets would not know. An error that says that memory
    ran out is raised, since it says nothing about the model.
    """
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            return _probe(model, prompter, longest)
    finally:
        model.train(was_training)


def has_linear_lm_head(model: Model, prompter: Prompter) -> bool:
    """Whether the logits of a model are a linear layer of its last hidden states, and no more."""
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    if not isinstance(head, nn.Linear) or getattr(config, "final_logit_softcapping", None):
        return False
    if model in _linear_heads:
        return True
    found = _probe_head(model, head, prompter)
    if found:
        _linear_heads.add(model)
    return found


@torch.no_grad()
def _probe_head(model: Model, head: nn.Linear, prompter: Prompter) -> bool:
    [prompt] = prompter.encode(PROBE_TEXTS[:1])
    logits = _last_logits(model, prompt)
    ids = torch.tensor([prompt], device=model.device)
    hidden = getattr(model, model.base_model_prefix)(input_ids=ids, use_cache=False)[0]
    is_32_bit = model.dtype == torch.float32
    tolerance = PACKING_TOLERANCE_32_BIT if is_32_bit else PACKING_TOLERANCE_16_BIT / 4
    distance = (head(hidden[0, -1:])[0].float() - logits).abs().mean()
    return bool(distance <= tolerance * logits.std())


def _probe(model: Model, prompter: Prompter, longest: int) -> ModelCapabilities:
    pad_id = prompter.tokenizer.pad_token_id
    first, second, third = prompter.encode(PROBE_TEXTS)
    second = (second * (longest // len(second) + 1))[: max(longest, len(second))]
    alone = torch.stack([_last_logits(model, prompt) for prompt in (first, second)])
    scale = alone.std()
    linear_lm_head = has_linear_lm_head(model, prompter)
    window = attention_window(model.config.to_dict())
    if window is not None and window < len(second):
        reason = (
            f"some layers look back {window:,} tokens only, and tweets have up to {len(second):,}"
        )
        return ModelCapabilities(False, linear_lm_head, reason)
    is_32_bit = model.dtype == torch.float32
    tolerance = PACKING_TOLERANCE_32_BIT if is_32_bit else PACKING_TOLERANCE_16_BIT
    # another first tweet of the same length, so that nothing but its tokens differs
    other = (third * len(first))[: len(first)]
    try:
        together = _packed_logits(model, [first, second], pad_id)
        beside_other = _packed_logits(model, [other, second], pad_id)
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        problem = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        reason = f"the model takes no mask of its own ({problem})"
        return ModelCapabilities(False, linear_lm_head, reason)
    if not bool((together[2:] - beside_other[2:]).abs().max() <= LEAK_TOLERANCE * scale):
        return ModelCapabilities(
            False, linear_lm_head, "packed tweets of this model see one another"
        )
    if not bool((together[1::2] - alone).abs().mean() <= tolerance * scale):
        return ModelCapabilities(
            False, linear_lm_head, "this model answers otherwise when tweets are packed"
        )
    shared = _shared_prefix_logits(model, [first, second], pad_id)
    close = bool((shared - alone).abs().mean() <= tolerance * scale)
    return ModelCapabilities(True, linear_lm_head, shared_prefix=close)


def _last_logits(model: Model, prompt: list[int]) -> torch.Tensor:
    ids = torch.tensor([prompt], device=model.device)
    return model(input_ids=ids, use_cache=False).logits[0, -1].float()


def _packed_logits(model: Model, prompts: Sequence[list[int]], pad_id: int) -> torch.Tensor:
    """The logits of prompts that share a row, (2 x prompts, vocabulary).

    Those after the first and the last token of each; what leaks in from the prompt before is
    strongest at the first.
    """
    examples = [TokenizedExample(prompt, [0, len(prompt) - 1], [0, 0]) for prompt in prompts]
    return _target_logits(model, pack(examples, 1.0, pad_id, 8))


def _shared_prefix_logits(model: Model, prompts: Sequence[list[int]], pad_id: int) -> torch.Tensor:
    """The logits after prompts that share a row and their beginning, (prompts, vocabulary)."""
    prefix, examples = share_prefix(
        [TokenizedExample(prompt, [len(prompt) - 1], [0]) for prompt in prompts]
    )
    return _target_logits(model, pack(examples, 1.0, pad_id, 8, prefix=prefix))


def _target_logits(model: Model, batch: Batch) -> torch.Tensor:
    batch = batch.to(model.device)
    logits = model(**model_inputs(model, batch), use_cache=False).logits
    return logits[0, batch.target_positions].float()

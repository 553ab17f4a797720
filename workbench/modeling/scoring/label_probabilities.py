"""Probabilities over the labels: forward passes over prompts, no sampling, no generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from peft import PeftModel
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from workbench.modeling.base.capabilities import PROBE_TEXTS, has_linear_lm_head
from workbench.modeling.base.compiling import (
    compile_layers,
    eager_layers,
    first_line,
    uncompile_layers,
)
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.forward import last_hidden_states, lm_head_logits
from workbench.modeling.base.lora import fast_lora_layers
from workbench.modeling.base.model import Model
from workbench.modeling.base.sharding import is_sharded, passes_to_add
from workbench.modeling.data.batches import Batch, pad_right
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.scoring.batching import divide_by_length
from workbench.modeling.scoring.embeddings import TweetPooling
from workbench.modeling.scoring.merged_weights import merged_weights
from workbench.planning.kernel_cache import FIRST_COMPILATION, kernels_kept

BATCH_TOKENS = {
    "auto": 16_384,
    "16-bit": 16_384,
    "nf4": 8_192,
    "24gb": 8_192,
    "8gb": 4_096,
    "sharded": 4_096,
}
"""Tokens of a batch on a GPU by memory mode: enough to fill it, few enough to fit."""
BATCH_TOKENS_ON_CPU = 2_048
LEAST_TOKENS, LEAST_TOKENS_ON_CPU = 1_024, 64
"""A batch of fewer takes as long: on a GPU for its kernels to be called, on a CPU for weights."""
MIN_TEXTS_TO_COMPILE = 4_096
"""With fewer texts, compiling takes longer than it saves."""
ATTENTION_BACKENDS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""All but cuDNN, which spends a tenth of a second on every new shape of a batch."""
COMPILED_TOLERANCE = 0.05
"""How far a probability of compiled layers may be from that of eager ones."""


class _Passed(NamedTuple):
    """What comes out of the forward pass of a batch, on the device."""

    probabilities: torch.Tensor
    """(prompts, labels) in float32."""
    pooled: torch.Tensor | None
    """(prompts, hidden) in float16."""


class LabelScorer:
    """A model that is ready to score prompts; see `label_scorer`."""

    def __init__(
        self, model: Model, prompter: Prompter, memory: str, pooling: TweetPooling | None = None
    ) -> None:
        self.model = model
        self.pooling = pooling
        self.pooled: torch.Tensor | None = None
        """(prompts, hidden) of the last call, on the device, if there is a pooling."""
        self.prompter = prompter
        self.device = model.device
        self.linear_lm_head = has_linear_lm_head(model, prompter)
        self.compiled = False
        tree = prompter.label_tree
        self.label_tokens = torch.tensor(tree.columns, device=self.device)
        self.options = [torch.tensor(c.columns, device=self.device) for c in tree.choices]
        on_gpu = self.device.type == "cuda"
        self.batch_tokens = BATCH_TOKENS[memory] if on_gpu else BATCH_TOKENS_ON_CPU
        self.least_tokens = LEAST_TOKENS if on_gpu else LEAST_TOKENS_ON_CPU

    def __call__(
        self, prompts: Sequence[list[int]], progress: Callable[[int], None] | None = None
    ) -> list[list[float]]:
        """The probability of each label for each prompt, in the order of the prompts.

        `progress` is called with how many prompts are done. Batches hold texts of similar length,
        padded on the right: with causal attention nothing sees the padding, so no mask is needed.
        """
        results: list[list[float]] = [[] for _ in prompts]
        done = 0
        lengths = [*map(len, prompts)]
        batches = divide_by_length(lengths, self.batch_tokens, self.least_tokens)
        # asked before the first pass, in which each process may wait for the others already
        to_add = passes_to_add(self.model, len(batches))
        pooled: list[torch.Tensor] = []
        for batch, passed in self._one_batch_ahead(prompts, batches):
            for number, row in zip(batch, passed.probabilities.tolist(), strict=True):
                results[number] = row
            if passed.pooled is not None:
                pooled.append(passed.pooled)
            done += len(batch)
            if progress is not None:
                progress(done)
        for _ in range(to_add):
            self._forward(self.prompter.encode([""]))
        self.pooled = None
        if pooled:
            order = [number for batch in batches for number in batch]
            places = torch.tensor(order, device=pooled[0].device).argsort()
            self.pooled = torch.cat(pooled)[places]
        return results

    def _one_batch_ahead(
        self, prompts: Sequence[list[int]], batches: Sequence[list[int]]
    ) -> Iterator[tuple[list[int], _Passed]]:
        """Each batch and what came out of it, while the device does the next one."""
        before: tuple[list[int], _Passed] | None = None
        for batch in batches:
            passed = self._forward([prompts[number] for number in batch])
            if before is not None:
                yield before
            before = (batch, passed)
        if before is not None:
            yield before

    def _forward(self, prompts: list[list[int]]) -> _Passed:
        """The probability of each label for each prompt, and the tweets' embeddings if asked for.

        There is one forward pass for each branch of the label tree; see `label_tree`.
        """
        if self.compiled and len(prompts) == 1:  # compiled code is for two rows and more
            passed = self._forward(prompts * 2)
            pooled = passed.pooled
            return _Passed(passed.probabilities[:1], None if pooled is None else pooled[:1])
        tree = self.prompter.label_tree
        chosen: dict[int, torch.Tensor] = {}
        pooled = None
        for path, numbers in tree.branches.items():
            depths = [len(tree.choices[number].path) for number in numbers]
            positions = [[len(prompt) - 1 + depth for depth in depths] for prompt in prompts]
            rows = [[*prompt, *path] for prompt in prompts]
            logits, hidden = self._logits_at(rows, positions, self.label_tokens)
            logits = logits.float()
            if self.pooling is not None and pooled is None and hidden is not None:
                pooled = self.pooling(hidden, prompts)
            for place, number in enumerate(numbers):
                options = logits[:, place].index_select(-1, self.options[number])
                chosen[number] = options.softmax(-1)
        labels = []
        for decisions in tree.decisions:
            chances = [chosen[decision.choice][:, decision.option] for decision in decisions]
            labels.append(torch.stack(chances).prod(0))
        return _Passed(torch.stack(labels, dim=1), pooled)

    def _logits_at(
        self,
        rows: list[list[int]],
        positions: list[list[int]],
        token_ids: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits at positions of each row, (rows, positions, token ids), and the hidden states.

        Those are what goes into the output layer, (rows, width, hidden); None if they are not seen.
        """
        ids = pad_right(rows, self.prompter.tokenizer.pad_token_id, multiple=1)
        width = ids.shape[1]
        flat = torch.tensor([[n * width + at for at in row] for n, row in enumerate(positions)])
        ids, flat = ids.to(self.device), flat.to(self.device)
        if not self.linear_lm_head:
            with _inputs_of(self.model.get_output_embeddings()) as seen:
                logits = self.model(input_ids=ids, use_cache=False).logits.flatten(0, 1)[flat]
            return logits[..., token_ids], seen[0] if seen else None
        batch = Batch(ids, flat, targets=flat, weights=flat)  # there is no loss to compute
        hidden = last_hidden_states(self.model, batch)
        logits = lm_head_logits(self.model, hidden[flat], token_ids)
        return logits, hidden.unflatten(0, ids.shape)


@contextmanager
def label_scorer(
    model: Model,
    prompter: Prompter,
    expected: int,
    memory: str = "auto",
    note: Callable[[str], None] = lambda text: None,
    embed: bool = False,
) -> Iterator[LabelScorer]:
    """A scorer for about `expected` texts, to be called with any number of prompts at a time.

    While the block runs, the weights are dequantised and the adapter is merged into them, where
    the memory mode and the device leave room for a copy, and the layers are compiled where that is
    worth it. With `embed`, each call leaves the pooled hidden states of its tweets in `pooled`.
    """
    was_training = model.training
    model.eval()
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(sdpa_kernel(ATTENTION_BACKENDS))
            stack.enter_context(eager_layers(model))
            fuse_attention(model)
            merged = memory in ("auto", "16-bit") and stack.enter_context(merged_weights(model))
            if isinstance(model, PeftModel) and not merged:
                stack.enter_context(fast_lora_layers(model))
            core = model.get_base_model() if isinstance(model, PeftModel) else model
            pooling = TweetPooling(prompter) if embed else None
            scorer = LabelScorer(core, prompter, memory, pooling)
            compiles = core.device.type == "cuda" and not is_sharded(core)
            if compiles and expected >= MIN_TEXTS_TO_COMPILE:
                _compile(scorer, note)
            yield scorer
    finally:
        model.train(was_training)


def score_texts(
    model: Model,
    prompter: Prompter,
    texts: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
    memory: str = "auto",
) -> list[list[float]]:
    """The probability of each label for each text, in the order of the texts.

    It is the probability that the model writes the label's word after the prompt if it may write
    label words only; see `workbench.modeling.data.label_tree`. `progress` is called with how many
    texts are done and how many there are.
    """
    with label_scorer(model, prompter, len(texts), memory) as score:
        prompts = prompter.encode(texts)
        if progress is None:
            return score(prompts)
        return score(prompts, lambda done: progress(done, len(texts)))


@contextmanager
def _inputs_of(layer: nn.Module | None) -> Iterator[list[torch.Tensor]]:
    """What goes into a layer while the block runs; nothing where there is no such layer."""
    seen: list[torch.Tensor] = []
    if layer is None:
        yield seen
        return
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    yield seen
    hook.remove()


def _compile(scorer: LabelScorer, note: Callable[[str], None]) -> None:
    """Compile the layers, unless the probabilities then differ from those of eager layers."""
    [first, second] = scorer.prompter.encode(PROBE_TEXTS[:2])
    probes = [[second] * 3, [first, second, second, first, first], [first]]
    expected = [scorer(probe) for probe in probes]
    if not kernels_kept():
        note(FIRST_COMPILATION)
    try:
        compile_layers(scorer.model)
        scorer.compiled = True
        for probe, rows in zip(probes, expected, strict=True):
            distance = (torch.tensor(scorer(probe)) - torch.tensor(rows)).abs().max()
            if not distance <= COMPILED_TOLERANCE:
                raise RuntimeError(f"probabilities are off by {distance:.3g}")
    except Exception as error:  # whatever a compiler may raise; layers work without it
        note(f"layers are not compiled for scoring: {first_line(error)}")
        uncompile_layers(scorer.model)
        scorer.compiled = False

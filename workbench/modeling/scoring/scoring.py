"""Probabilities over the labels: one forward pass, no sampling, no generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from peft import PeftModel
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from workbench.modeling.base.capabilities import backbone, has_plain_head
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.loading import Model
from workbench.modeling.base.sharding import is_sharded, missing
from workbench.modeling.data.batches import Batch, pad_right
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.packed.compiling import (
    as_written,
    compile_layers,
    first_line,
    uncompile_layers,
)
from workbench.modeling.scoring.merged_weights import merged
from workbench.modeling.training.lora import lean

Progress = Callable[[int, int], None]
"""Called with how many texts are done and how many there are."""
Done = Callable[[int], None]
"""Called with how many texts are done."""

TOKENS = {
    "auto": 16_384, "16-bit": 16_384, "nf4": 8_192, "24gb": 8_192, "8gb": 4_096, "sharded": 4_096,
}  # fmt: skip
"""Tokens of a batch on a GPU by memory setting: enough to fill it, few enough to fit."""
TOKENS_ON_CPU = 2_048
WORTH_COMPILING = 4_096
"""Texts; with fewer, compiling takes longer than it saves."""
KERNELS = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""Attention without cuDNN, which plans a tenth of a second for every new shape of a batch."""
COMPILED_NOISE = 0.05
"""How far a probability of compiled layers may be from that of layers as written."""


class Scorer:
    """A model that is ready to score."""

    def __init__(self, model: Model, prompter: Prompter, memory: str) -> None:
        self.model = model
        self.prompter = prompter
        self.device = model.device
        self.plain_head = has_plain_head(model, prompter)
        self.compiled = False
        self.answers = [torch.tensor(answer, device=self.device) for answer in prompter.answers]
        self.budget = TOKENS[memory] if self.device.type == "cuda" else TOKENS_ON_CPU

    def __call__(
        self, prompts: Sequence[list[int]], progress: Done | None = None
    ) -> list[list[float]]:
        """The probability of each label for each prompt, in the order given.

        Batches hold texts of similar length, padded on the right: with causal attention nothing
        sees the padding, so no mask is needed.
        """
        order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
        results: list[list[float]] = [[] for _ in prompts]
        waiting: tuple[list[int], torch.Tensor] | None = None
        done = 0
        batches = [*_batches(order, prompts, self.budget)]
        # asked before the first pass, in which each process may wait for the others already
        beyond = missing(self.model, len(batches))
        for batch in [*batches, None]:
            scores = None if batch is None else self._scores([prompts[n] for n in batch])
            if waiting is not None:  # fetched while the device is busy with the next batch
                for number, row in zip(waiting[0], waiting[1].tolist(), strict=True):
                    results[number] = row
                done += len(waiting[0])
                if progress is not None:
                    progress(done)
            if batch is not None and scores is not None:
                waiting = (batch, scores.softmax(-1))
        for _ in range(beyond):
            self._scores(self.prompter.prompts([""]))
        return results

    def _scores(self, prompts: list[list[int]]) -> torch.Tensor:
        """The score of each label for each prompt, (prompts, labels) in float32."""
        if self.compiled and len(prompts) == 1:  # compiled code is for two rows and more
            return self._scores(prompts * 2)[:1]
        if self.prompter.single:
            labels = torch.cat(self.answers)
            last = [[len(prompt) - 1] for prompt in prompts]
            return self._at(prompts, last, labels)[:, 0].float()
        columns = []
        for answer, tokens in zip(self.prompter.answers, self.answers, strict=True):
            places = [[len(p) - 1 + step for step in range(len(answer))] for p in prompts]
            logits = self._at([[*p, *answer] for p in prompts], places, None)
            chosen = (
                logits.float()
                .log_softmax(-1)
                .gather(-1, tokens.expand(len(prompts), -1)[..., None])
            )
            columns.append(chosen.sum((-2, -1)))
        return torch.stack(columns, dim=1)

    def _at(
        self, rows: list[list[int]], places: list[list[int]], columns: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits at places of each row, (rows, places, vocabulary or columns)."""
        ids = pad_right(rows, self.prompter.tokenizer.pad_token_id, multiple=1)
        width = ids.shape[1]
        where = torch.tensor([[n * width + at for at in row] for n, row in enumerate(places)])
        ids, where = ids.to(self.device), where.to(self.device)
        if not self.plain_head:
            logits = self.model(input_ids=ids, use_cache=False).logits.flatten(0, 1)[where]
            return logits if columns is None else logits[..., columns]
        hidden = backbone(self.model, Batch(ids, where, where, where))[where]
        head = self.model.get_output_embeddings()
        if columns is None:
            return head(hidden)
        bias = None if head.bias is None else head.bias[columns]
        return functional.linear(hidden, head.weight[columns], bias)


@contextmanager
def scorer(
    model: Model, prompter: Prompter, expected: int, memory: str = "auto",
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[Scorer]:  # fmt: skip
    """A model made ready to score about so many texts, in calls of any number of them.

    Meanwhile its weights are plain and merged where the memory setting and the device leave room
    for a copy of them, and its layers are compiled where that is worth it.
    """
    was_training = model.training
    model.eval()
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(sdpa_kernel(KERNELS))
            stack.enter_context(as_written(model))
            fuse_attention(model)
            copied = memory in ("auto", "16-bit") and stack.enter_context(merged(model))
            if isinstance(model, PeftModel) and not copied:
                stack.enter_context(lean(model))
            core = model.get_base_model() if isinstance(model, PeftModel) else model
            ready = Scorer(core, prompter, memory)
            compiles = core.device.type == "cuda" and not is_sharded(core)
            if compiles and expected >= WORTH_COMPILING:
                _compile(ready, note)
            yield ready
    finally:
        model.train(was_training)


def score(
    model: Model,
    prompter: Prompter,
    texts: Sequence[str],
    progress: Progress | None = None,
    memory: str = "auto",
) -> list[list[float]]:
    """The probability of each label for each text, in the order given.

    A label's score is the log-probability of its word after the prompt (summed over its tokens);
    the probabilities are the softmax of the scores.
    """
    with scorer(model, prompter, len(texts), memory) as rows:
        prompts = prompter.prompts(texts)
        if progress is None:
            return rows(prompts)
        return rows(prompts, lambda done: progress(done, len(texts)))


def _compile(ready: Scorer, note: Callable[[str], None]) -> None:
    """Compile the layers, if they then still answer the same."""
    [first, second] = ready.prompter.prompts(["up", "no way that this goes up again, they said"])
    probes = [[second] * 3, [first, second, second, first, first], [first]]
    expected = [ready(probe) for probe in probes]
    try:
        compile_layers(ready.model)
        ready.compiled = True
        for probe, rows in zip(probes, expected, strict=True):
            distance = (torch.tensor(ready(probe)) - torch.tensor(rows)).abs().max()
            if not distance <= COMPILED_NOISE:
                raise RuntimeError(f"probabilities are off by {distance:.3g}")
    except Exception as error:  # whatever a compiler may raise; layers work without it
        note(f"layers are not compiled for scoring: {first_line(error)}")
        uncompile_layers(ready.model)
        ready.compiled = False


def _batches(
    order: Sequence[int], prompts: Sequence[Sequence[int]], budget: int
) -> Iterator[list[int]]:
    batch: list[int] = []
    for number in order:
        if batch and (len(batch) + 1) * len(prompts[number]) > budget:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch

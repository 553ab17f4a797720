"""The training schedule: which examples each step takes, and in which batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.data import sampler
from workbench.modeling.data.batches import (
    Batch,
    TokenizedExample,
    pack,
    pad,
    share_prefix,
    split_by_tokens,
)
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.training.process_group import ProcessGroup
from workbench.planning.fit_steps import fit_steps
from workbench.recipes.memory_modes import MemoryMode
from workbench.recipes.recipes import Training

LOOK_AHEAD = 512
"""Steps whose shapes are prepared before the first."""


class TrainingSchedule:
    """Deals the examples of a run out to steps, passes and processes.

    A step is one update of the weights, a pass one forward and backward; a step has more than one
    pass where its examples do not fit into one.
    """

    def __init__(
        self,
        settings: Training,
        memory_mode: MemoryMode,
        capabilities: ModelCapabilities,
        examples: list[TokenizedExample],
        full_text: bool,
        prompter: Prompter,
        processes: ProcessGroup,
        sharded: bool,
    ) -> None:
        self.settings = settings
        self.memory_mode = memory_mode
        self.capabilities = capabilities
        self.prefix, self.examples = (
            share_prefix(examples)
            if capabilities.shared_prefix and not full_text
            else ([], examples)
        )
        self.full_text = full_text
        self.prompter = prompter
        self.processes = processes
        self.sharded = sharded
        self.lengths = [len(example.tokens) for example in self.examples]
        self.examples_per_step = settings.batch_size * settings.accumulation
        self.steps_per_epoch = sampler.steps_per_epoch(len(examples), self.examples_per_step)
        self.total_steps = fit_steps(settings, len(examples))
        self._epoch_steps = lru_cache(maxsize=2)(self._arrange_epoch)

    @property
    def records_dynamics(self) -> bool:
        """Whether the losses of an example sum to the negative log-probability of its label."""
        return not self.full_text

    def step_examples(self, step: int) -> list[TokenizedExample]:
        """The examples of a step (counted from 0), of all processes."""
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
        return [self.examples[index] for index in self._epoch_steps(epoch)[step_in_epoch]]

    def split_into_passes(
        self, examples: Sequence[TokenizedExample]
    ) -> list[Sequence[TokenizedExample]]:
        """The examples of each pass."""
        if self.capabilities.packing or not examples:
            tokens = max(1, self.memory_mode.tokens - len(self.prefix))
            return [*split_by_tokens(examples, tokens)]
        longest = max(len(example.tokens) for example in examples)
        size = max(1, min(self.settings.batch_size, self.memory_mode.tokens // longest))
        return [examples[first : first + size] for first in range(0, len(examples), size)]

    def make_batch(
        self,
        examples: Sequence[TokenizedExample],
        step_examples: int,
        step_targets: int,
        multiple: int,
    ) -> Batch:
        """The batch of a pass, weighted so that the losses of a step add up to their mean.

        `step_examples` and `step_targets` are how many of them the whole step has.
        """
        pad_id = self.prompter.tokenizer.pad_token_id
        weight = 1 / (step_targets if self.full_text else step_examples)
        if not self.capabilities.packing:
            return pad(examples, weight, pad_id, multiple)
        if self.full_text:
            tokens = sum(len(example.tokens) for example in examples)
            min_targets = -(-tokens // multiple) * multiple
        else:
            most_choices = max(map(len, self.prompter.label_tree.decisions))
            min_targets = self.examples_per_step * most_choices
        return pack(examples, weight, pad_id, multiple, min_targets, self.prefix)

    def step_passes(
        self, step: int, multiple: int
    ) -> Iterator[tuple[Sequence[TokenizedExample], Batch]]:
        """The passes of this process in a step (counted from 0): their examples and their batch."""
        whole_step = self.step_examples(step)
        targets = sum(len(example.targets) for example in whole_step)
        passes = self.split_into_passes(self.processes.shard(whole_step))
        for examples in passes:
            yield examples, self.make_batch(examples, len(whole_step), targets, multiple)
        if not self.sharded:
            return
        # a layer is gathered from all processes, so each has to do as many passes as the others
        shards = self.processes.shards(whole_step)
        most = max(len(self.split_into_passes(shard)) for shard in shards)
        for _ in range(most - len(passes)):
            filler = self.make_batch(whole_step[:1], len(whole_step), targets, multiple)
            yield [], replace(filler, weights=torch.zeros_like(filler.weights))

    def batches_by_shape(self, first: int, multiple: int) -> list[Batch]:
        """A batch of each shape among the next steps from `first` on, the largest first."""
        by_shape: dict[tuple[int, ...], Batch] = {}
        sizes: set[tuple[int, ...]] = set()
        for step in range(first, min(self.total_steps, first + LOOK_AHEAD)):
            whole_step = self.step_examples(step)
            targets = sum(len(example.targets) for example in whole_step)
            for examples in self.split_into_passes(self.processes.shard(whole_step)):
                size = self._size(examples, multiple)
                if size not in sizes:  # a batch takes longer to make than to know its shape
                    sizes.add(size)
                    batch = self.make_batch(examples, len(whole_step), targets, multiple)
                    by_shape.setdefault(batch.shape, batch)
        return sorted(by_shape.values(), key=lambda batch: -batch.input_ids.numel())

    def _size(self, examples: Sequence[TokenizedExample], multiple: int) -> tuple[int, ...]:
        """What the shape of the batch of a pass depends on."""
        lengths = [len(example.tokens) for example in examples]
        targets = sum(len(example.targets) for example in examples)
        if self.capabilities.packing:
            tokens = len(self.prefix) + sum(lengths)
            return 1, -(-tokens // multiple), targets if self.full_text else 0
        return len(examples), -(-max(lengths) // multiple), targets

    def _arrange_epoch(self, epoch: int) -> list[list[int]]:
        """The indices of the examples of each step of an epoch."""
        arrange = sampler.balance_tokens if self.capabilities.packing else sampler.group_by_length
        return arrange(self.lengths, self.examples_per_step, self.settings.seed, epoch)

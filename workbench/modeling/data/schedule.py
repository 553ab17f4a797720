"""What each step of a run does: which rows, in which batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from workbench.modeling.base.capabilities import Ways
from workbench.modeling.data import batches, sampler
from workbench.modeling.data.batches import Batch, Row
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.training.process_group import Place
from workbench.plans import Plan
from workbench.recipes import Training

LOOKED_AHEAD = 512
"""Steps whose shapes are prepared before the first."""


class Work:
    """The rows of a run, dealt out to steps, passes and processes."""

    def __init__(
        self, settings: Training, chosen: Plan, ways: Ways, rows: list[Row], full_text: bool,
        prompter: Prompter, place: Place, sharded: bool,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.place = place
        self.sharded = sharded
        self.plan = chosen
        self.ways = ways
        self.rows = rows
        self.full_text = full_text
        self.prompter = prompter
        self.lengths = [len(row.tokens) for row in rows]
        self.per_step = settings.batch_size * settings.accumulation
        self.per_epoch = sampler.steps_in_epoch(len(rows), self.per_step)
        self.total = settings.max_steps or settings.epochs * self.per_epoch
        self.epoch = lru_cache(maxsize=2)(self._epoch)

    @property
    def records(self) -> bool:
        """Whether a loss is the log-probability of a tweet's label among the labels."""
        return self.prompter.single and not self.full_text

    def chosen(self, step: int) -> list[Row]:
        """The rows of a step (counted from 0), of all processes."""
        epoch, place = divmod(step, self.per_epoch)
        return [self.rows[number] for number in self.epoch(epoch)[place]]

    def parts(self, rows: Sequence[Row]) -> list[Sequence[Row]]:
        """Rows divided into passes."""
        if self.ways.packed or not rows:
            return [*batches.divide(rows, self.plan.tokens)]
        longest = max(len(row.tokens) for row in rows)
        size = max(1, min(self.settings.batch_size, self.plan.tokens // longest))
        return [rows[first : first + size] for first in range(0, len(rows), size)]

    def batch(self, part: Sequence[Row], step_rows: int, step_targets: int, multiple: int) -> Batch:
        """The tensors of a pass, weighted so that those of a step add up to its mean loss."""
        pad = self.prompter.tokenizer.pad_token_id
        weight = 1 / (step_targets if self.full_text else step_rows)
        if not self.ways.packed:
            return batches.padded(part, weight, pad, multiple)
        tokens = sum(len(row.tokens) for row in part)
        places = -(-tokens // multiple) * multiple
        if not self.full_text:
            places = self.per_step * max(len(answer) for answer in self.prompter.answers)
        return batches.packed(part, weight, pad, multiple, places)

    def step(self, step: int, multiple: int) -> Iterator[tuple[Sequence[Row], Batch]]:
        """The passes of this process in a step."""
        rows = self.chosen(step)
        targets = sum(len(row.targets) for row in rows)
        parts = self.parts(self.place.share(rows))
        for part in parts:
            yield part, self.batch(part, len(rows), targets, multiple)
        if not self.sharded:
            return
        # a layer is put together by all processes, so each has to do as many passes as the others
        most = max(len(self.parts(share)) for share in self.place.shares(rows))
        for _ in range(most - len(parts)):
            empty = self.batch(rows[:1], len(rows), targets, multiple)
            yield [], replace(empty, weights=torch.zeros_like(empty.weights))

    def shapes(self, first: int, multiple: int) -> list[Batch]:
        """A batch of each shape among the next steps, the largest first."""
        found: dict[tuple[int, ...], Batch] = {}
        for step in range(first, min(self.total, first + LOOKED_AHEAD)):
            for _, batch in self.step(step, multiple):
                found.setdefault(batch.shape, batch)
        return sorted(found.values(), key=lambda batch: -batch.input_ids.numel())

    def _epoch(self, epoch: int) -> list[list[int]]:
        arrange = sampler.level if self.ways.packed else sampler.grouped
        return arrange(self.lengths, self.per_step, self.settings.seed, epoch)

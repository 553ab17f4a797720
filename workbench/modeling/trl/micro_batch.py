"""The micro-batch of TRL's trainer: the largest that fits into memory, or a smaller one later on.

Micro-batch x accumulation is what the recipe says, whatever fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from trl import SFTTrainer

from storage.plurals import counted, tweet_count
from workbench.modeling.base.out_of_memory import (
    fits_in_memory,
    is_out_of_memory,
    out_of_memory_error,
    release_memory,
)
from workbench.modeling.training.pass_limit import read_pass_limit, write_pass_limit
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.recipes.recipes import Training

MakeTrainer = Callable[[int], SFTTrainer]
"""A trainer with a new adapter on the bare base, for micro-batches of so many tweets."""


def with_micro_batch(settings: Training, micro: int) -> Training:
    """The settings with a smaller batch and as much more accumulation."""
    passes = settings.accumulation * (settings.batch_size // micro)
    return replace(settings, batch_size=micro, accumulation=passes)


def train_with_oom_recovery(
    make: MakeTrainer,
    resume: Callable[[SFTTrainer], TrainingResult],
    settings: Training,
    folder: Path,
    report: ReportEvent,
) -> TrainingResult:
    """Train with the largest micro-batch that fits; `resume` trains from the newest checkpoint.

    When memory runs out later, it resumes once from the last checkpoint with a smaller micro-batch;
    if memory then runs out again, that error is raised.
    """
    trainer = _largest_that_fits(make, settings, read_pass_limit(folder), report)
    try:
        return resume(trainer)
    except (RuntimeError, MemoryError) as error:
        micro = trainer.args.per_device_train_batch_size
        if micro == 1 or not is_out_of_memory(error):
            raise
    # not in the handler, whose error holds the tensors of the pass that failed
    reached = trainer.state.global_step
    _unload_adapter(trainer)
    del trainer
    write_pass_limit(folder, micro - 1)
    report(
        "note",
        text=f"memory ran out after step {reached}; going on from the last checkpoint, or from the "
        "start, with a smaller micro-batch",
    )
    return resume(_largest_that_fits(make, settings, micro - 1, report))


def _largest_that_fits(
    make: MakeTrainer, settings: Training, most: int | None, report: ReportEvent
) -> SFTTrainer:
    """A trainer with the largest micro-batch whose longest batch fits into memory."""
    report("phase", phase="trying the longest batch")
    for micro in micro_batch_sizes(settings.batch_size, most):
        trainer = make(micro)
        if fits_in_memory(partial(_probe_longest_batch, trainer, micro)):
            divided = with_micro_batch(settings, micro)
            report(
                "note",
                text=f"the longest batch fits: {tweet_count(micro)} a pass, "
                f"{micro * divided.accumulation} a step in "
                f"{counted(divided.accumulation, 'pass', 'passes')}",
            )
            return trainer
        device_type = trainer.model.device.type
        _unload_adapter(trainer)
        trainer = None  # before the next one takes its place
        release_memory()
        report("note", text=f"the longest batch of {tweet_count(micro)} does not fit")
    raise out_of_memory_error(device_type, "the longest tweet")


def _probe_longest_batch(trainer: SFTTrainer, micro: int) -> None:
    """Run the longest tweets forward and backward, without learning from it.

    The trainer converts the logits to float32, so this does too.
    """
    model, args = trainer.model, trainer.args
    rows = sorted(trainer.train_dataset, key=lambda row: -len(row["input_ids"]))[:micro]
    batch = {name: t.to(model.device) for name, t in trainer.data_collator(rows).items()}
    if args.gradient_checkpointing:  # as the trainer does when it begins
        model.gradient_checkpointing_enable(dict(args.gradient_checkpointing_kwargs))
    was_training, device_type = model.training, model.device.type
    dtype: Any = torch.float16 if args.fp16 else torch.bfloat16
    model.train()
    try:
        with torch.autocast(device_type, dtype=dtype, enabled=args.bf16 or args.fp16):
            output = model(**batch, use_cache=False)
            logits = output.logits.float()
        output.loss.backward()
        del logits
    finally:
        model.zero_grad(set_to_none=True)
        model.train(was_training)


def _unload_adapter(trainer: Any) -> None:
    """Take the adapter off the base."""
    trainer.model.zero_grad(set_to_none=True)
    trainer.model.unload()


def micro_batch_sizes(batch_size: int, most: int | None = None) -> Iterator[int]:
    """The sizes of which an accumulation makes a whole batch, from the largest (`most`) on."""
    largest = min(batch_size, most or batch_size)
    return (size for size in range(largest, 0, -1) if batch_size % size == 0)

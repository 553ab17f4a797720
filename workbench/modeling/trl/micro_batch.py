"""The micro-batch of the stock trainer: the largest that fits, and a smaller one if it must be.

Micro-batch x accumulation is what the recipe says, whatever fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from trl import SFTTrainer

from workbench.modeling.data.examples import Report, Trained
from workbench.modeling.training import out_of_memory
from workbench.recipes import Training

Make = Callable[[int], SFTTrainer]
"""A trainer with a new adapter on the bare base, for micro-batches of so many tweets."""


def divided(settings: Training, micro: int) -> Training:
    """The same course with a smaller batch and as much more accumulation."""
    passes = settings.accumulation * (settings.batch_size // micro)
    return replace(settings, batch_size=micro, accumulation=passes)


def with_second_chance(
    make: Make, go_on: Callable[[SFTTrainer], Trained], settings: Training, folder: Path,
    report: Report,
) -> Trained:  # fmt: skip
    """Train with the largest micro-batch that fits.

    When the memory runs out later, it goes on from the last checkpoint with a smaller one, once.
    """
    trainer = _fitting(make, settings, out_of_memory.limit(folder), report)
    try:
        return go_on(trainer)
    except (RuntimeError, MemoryError) as error:
        micro = trainer.args.per_device_train_batch_size
        if micro == 1 or not out_of_memory.ran_out(error):
            raise
    # not in the handler, whose error holds the tensors of the pass that failed
    reached = trainer.state.global_step
    _take_off(trainer)
    del trainer
    out_of_memory.set_limit(folder, micro - 1)
    report(
        "note",
        text=f"memory ran out after step {reached}; going on from the last checkpoint, or from the "
        "start, with a smaller micro-batch",
    )
    return go_on(_fitting(make, settings, micro - 1, report))


def _fitting(make: Make, settings: Training, most: int | None, report: Report) -> SFTTrainer:
    """A trainer with the largest micro-batch of which the longest one fits."""
    for micro in out_of_memory.micro_batches(settings.batch_size, most):
        trainer = make(micro)
        if out_of_memory.fits(partial(_try, trainer, micro)):
            course = divided(settings, micro)
            report(
                "note",
                text=f"the longest batch fits: {micro} tweets a pass, "
                f"{micro * course.accumulation} a step in {course.accumulation} passes",
            )
            return trainer
        kind = trainer.model.device.type
        _take_off(trainer)
        trainer = None  # before the next one takes its place
        out_of_memory.tidy()
        report("note", text=f"the longest batch of {micro} tweets does not fit")
    raise out_of_memory.shortage(kind, "the longest tweet")


def _try(trainer: SFTTrainer, micro: int) -> None:
    """Go forward and back with the longest tweets, and learn nothing from it.

    The trainer hands logits on in float32, so they are here, too.
    """
    model, args = trainer.model, trainer.args
    rows = sorted(trainer.train_dataset, key=lambda row: -len(row["input_ids"]))[:micro]
    batch = {name: t.to(model.device) for name, t in trainer.data_collator(rows).items()}
    if args.gradient_checkpointing:  # as the trainer does when it begins
        model.gradient_checkpointing_enable(dict(args.gradient_checkpointing_kwargs))
    training, kind = model.training, model.device.type
    dtype: Any = torch.float16 if args.fp16 else torch.bfloat16
    model.train()
    try:
        with torch.autocast(kind, dtype=dtype, enabled=args.bf16 or args.fp16):
            given = model(**batch, use_cache=False)
            logits = given.logits.float()
        given.loss.backward()
        del logits
    finally:
        model.zero_grad(set_to_none=True)
        model.train(training)


def _take_off(trainer: Any) -> None:
    """Leave the base without an adapter again."""
    trainer.model.zero_grad(set_to_none=True)
    trainer.model.unload()

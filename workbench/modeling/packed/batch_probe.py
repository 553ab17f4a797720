"""Trying the longest batch of a run before training, and dividing it until it fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from storage.plurals import counted, tweet_count
from workbench.modeling.base.out_of_memory import fits_in_memory, out_of_memory_error
from workbench.modeling.data.batches import Batch
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.schedule import TrainingSchedule


def probe_longest_batch(
    schedule: TrainingSchedule,
    forward_backward: ForwardBackward,
    step: int,
    multiple: int,
    note: Callable[[str], None],
) -> None:
    """Run the longest batch from `step` on forward and backward, without learning from it.

    When it does not fit into memory, the passes get smaller; a step keeps its examples. On a GPU
    the layers are compiled and the CUDA graphs captured for all shapes to come. Raises
    torch.OutOfMemoryError or MemoryError when not even the longest example fits.
    """
    while batches := schedule.batches_by_shape(step, multiple):
        if _fits(schedule, forward_backward, batches):
            own = schedule.processes.shard(schedule.step_examples(step))
            count = len(schedule.split_into_passes(own))
            note(
                f"the longest batch fits: {batches[0].input_ids.numel():,} tokens; "
                f"{tweet_count(schedule.examples_per_step)} a step in "
                f"{counted(count, 'pass', 'passes')}"
            )
            return
        forward_backward.release_graphs()
        tokens = smaller_pass(schedule, step, multiple)
        if tokens is None:
            raise out_of_memory_error(forward_backward.model.device.type, "the longest row")
        schedule.memory_mode = replace(schedule.memory_mode, tokens=tokens)
        note(f"the longest batch does not fit; up to {tokens:,} tokens a pass instead")


def smaller_pass(schedule: TrainingSchedule, step: int, multiple: int) -> int | None:
    """The most tokens of passes half as large; None if the longest example would not fit."""
    sizes = (batch.input_ids.numel() for batch in schedule.batches_by_shape(step, multiple))
    most = min(schedule.memory_mode.tokens, max(sizes, default=0))
    longest = max(schedule.lengths)
    return max(most // 2, longest) if longest < most else None


def _fits(
    schedule: TrainingSchedule, forward_backward: ForwardBackward, batches: Sequence[Batch]
) -> bool:
    use_graphs = schedule.capabilities.packing and not schedule.memory_mode.checkpointing
    if forward_backward.model.device.type == "cuda":
        return fits_in_memory(lambda: forward_backward.warm_up(batches, use_graphs))
    if batches[0].shape in forward_backward.tried:  # by an earlier run that left its adapter
        return True
    fits = fits_in_memory(lambda: forward_backward(batches[0]))
    forward_backward.tried |= {batches[0].shape} if fits else set()
    return fits

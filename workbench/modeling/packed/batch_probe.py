"""Trying the longest batch of a run before anything is learnt, and dividing it until it fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from workbench.modeling.data.batches import Batch
from workbench.modeling.data.schedule import Work
from workbench.modeling.packed.step_runner import Passes
from workbench.modeling.training import out_of_memory


def prepare(
    work: Work, passes: Passes, step: int, multiple: int, note: Callable[[str], None]
) -> None:
    """Go forward and back with the longest batch of the steps to come, without learning from it.

    With too little memory the batch is divided; a step is as many tweets as the recipe says all
    the same. On a GPU all shapes to come are compiled and captured. Raises what says
    that memory ran out when not even the longest row fits.
    """
    while shapes := work.shapes(step, multiple):
        if _fit(work, passes, shapes):
            count = len(work.parts(work.place.share(work.chosen(step))))
            note(
                f"the longest batch fits: {shapes[0].input_ids.numel():,} tokens; "
                f"{work.per_step} tweets a step in {count} pass{'es' if count > 1 else ''}"
            )
            return
        passes.forget()
        tokens = smaller(work, step, multiple)
        if tokens is None:
            raise out_of_memory.shortage(passes.model.device.type, "the longest row")
        work.plan = replace(work.plan, tokens=tokens)
        note(f"the longest batch does not fit; up to {tokens:,} tokens a pass instead")


def smaller(work: Work, step: int, multiple: int) -> int | None:
    """Tokens of passes half as large; None if the longest row would not go into one."""
    largest = max(
        (batch.input_ids.numel() for batch in work.shapes(step, multiple)), default=0
    )  # fmt: skip
    most, longest = min(work.plan.tokens, largest), max(work.lengths)
    return max(most // 2, longest) if longest < most else None


def _fit(work: Work, passes: Passes, shapes: Sequence[Batch]) -> bool:
    capturing = work.ways.packed and not work.plan.checkpointing
    if passes.model.device.type == "cuda":
        return out_of_memory.fits(lambda: passes.prepare(shapes, capturing))
    return out_of_memory.fits(lambda: passes(shapes[0]))

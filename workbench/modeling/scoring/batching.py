"""Dividing prompts into batches of similar length, so that little of a pass is padding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise


def divide_by_length(
    lengths: Sequence[int], most_tokens: int, least_tokens: int
) -> list[list[int]]:
    """The numbers of prompts in batches, from the shortest prompts to the longest.

    A batch is padded to its longest prompt and has up to `most_tokens`, or one prompt. Of all
    divisions it is the one that takes the fewest tokens, padding included, where a batch with less
    than `least_tokens` takes as long as if it had so many, and each batch an eighth of them more.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batches = []
    for first, last in pairwise(_cuts(Counter(lengths), most_tokens, least_tokens)):
        rows = max(1, most_tokens // lengths[order[last - 1]])
        batches += [order[at : min(at + rows, last)] for at in range(first, last, rows)]
    return batches


def _cuts(counts: Counter[int], most_tokens: int, least_tokens: int) -> list[int]:
    """Where to divide prompts that are sorted by length, the beginning and the end included.

    Prompts of one length are not divided here; dynamic programming over the lengths.
    """
    widths = sorted(counts)
    ends = [0, *accumulate(counts[width] for width in widths)]
    costs, befores = [0.0], [0]
    for last, width in enumerate(widths, start=1):
        rows = max(1, most_tokens // width)

        def cost(first: int, end: int = ends[last], width: int = width, rows: int = rows) -> float:
            full, rest = divmod(end - ends[first], rows)
            sizes = [(full, rows * width), (bool(rest), rest * width)]
            return costs[first] + sum(
                count * (max(size, least_tokens) + least_tokens / 8) for count, size in sizes
            )

        before = min(range(last), key=cost)
        costs.append(cost(before))
        befores.append(before)
    cuts = [len(widths)]
    while cuts[-1]:
        cuts.append(befores[cuts[-1]])
    return [ends[cut] for cut in reversed(cuts)]

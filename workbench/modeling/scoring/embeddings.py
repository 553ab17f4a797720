"""Embeddings of tweets: the mean of the last hidden states at their tokens, in fewer dimensions.

They come from the forward pass that scores a tweet, so they are those of the base with the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from workbench.modeling.data.prompts import Prompter

EMBEDDING_SIZE = 256
"""Most dimensions of an embedding."""
SAMPLE = 384
"""Tweets that the axes are computed from."""
HALF_MAX = 65_504.0


class TweetPooling:
    """Takes the mean of hidden states over the tokens of each tweet, without its prompt's."""

    def __init__(self, prompter: Prompter) -> None:
        self.before, self.after = _template_tokens(prompter)

    def __call__(self, hidden: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """(rows, width, hidden) to (rows, hidden) in float16; a row begins with its prompt."""
        weights = torch.zeros(hidden.shape[:2])
        for row, prompt in enumerate(prompts):
            first, last = self.before, len(prompt) - self.after
            if first >= last:  # no token is the text's own
                first, last = 0, len(prompt)
            weights[row, first:last] = 1 / (last - first)
        weights = weights.to(hidden.device, non_blocking=True).to(hidden.dtype)
        mean = torch.bmm(weights[:, None], hidden)[:, 0]
        return mean.clamp(-HALF_MAX, HALF_MAX).half()


def _template_tokens(prompter: Prompter) -> tuple[int, int]:
    """How many tokens at the beginning and at the end of all prompts are the template's."""
    one, other = prompter.encode(["up, they said", "7 % down?"])
    before, after = (_shared(a, b) for a, b in ((one, other), (one[::-1], other[::-1])))
    return before, after


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = list(zip(one, other, strict=False))
    return next((place for place, (a, b) in enumerate(pairs) if a != b), len(pairs))


@dataclass(frozen=True)
class Projection:
    """The axes that embeddings are given on, held on the CPU."""

    mean: torch.Tensor
    """(hidden,): what is taken off first."""
    axes: torch.Tensor
    """(hidden, dimensions), orthogonal and of length 1."""

    def __call__(self, pooled: torch.Tensor) -> torch.Tensor:
        """(tweets, hidden) to (tweets, dimensions) in float16."""
        low = (pooled.float() - self.mean.to(pooled.device)) @ self.axes.to(pooled.device)
        return low.clamp(-HALF_MAX, HALF_MAX).half()


def principal_axes(pooled: torch.Tensor) -> Projection:
    """The principal axes of some pooled tweets, (tweets, hidden), by the largest variance first.

    From the eigenvectors of the products of tweets with each other, which are fewer than the
    hidden states have dimensions. Axes without variance are left out.
    """
    some = pooled[:: max(1, len(pooled) // SAMPLE)][:SAMPLE].float()
    mean = some.mean(0)
    centred = some - mean
    by_tweets = len(centred) < centred.shape[1]
    products = centred @ centred.T if by_tweets else centred.T @ centred
    # on the CPU, since a GPU first takes longer to get ready for it than it lasts
    variances, vectors = torch.linalg.eigh(products.cpu())
    variances, vectors = variances.flip(0)[:EMBEDDING_SIZE], vectors.flip(1)[:, :EMBEDDING_SIZE]
    kept = variances > 1e-5 * variances[0].clamp(min=1e-12)
    kept[0] = True
    axes = vectors[:, kept].to(centred)
    if by_tweets:
        axes = torch.nn.functional.normalize(centred.T @ axes, dim=0)
    return Projection(mean.cpu(), axes.cpu())

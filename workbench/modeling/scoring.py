"""Probabilities over the labels: one forward pass, no sampling, no generation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from workbench.modeling.loading import Model
from workbench.modeling.prompts import Prompter

Progress = Callable[[int, int], None]
"""Called with how many texts are done and how many there are."""

PAD_TO = 8


def score(
    model: Model,
    prompter: Prompter,
    texts: Sequence[str],
    progress: Progress | None = None,
) -> list[list[float]]:
    """The probability of each label for each text, in the order given.

    A label's score is the log-probability of its word after the prompt (summed over its tokens);
    the probabilities are the softmax of the scores. Batches hold texts of similar length, padded
    on the right: with causal attention nothing sees the padding, so no mask is needed.
    """
    prompts = prompter.prompts(texts)
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    results: list[list[float]] = [[] for _ in prompts]
    was_training = model.training
    model.eval()
    done = 0
    try:
        with torch.inference_mode():
            for batch in _batches(order, prompts, _budget(model)):
                rows = _score_batch(model, prompter, [prompts[number] for number in batch])
                for number, row in zip(batch, rows.softmax(-1).tolist(), strict=True):
                    results[number] = row
                done += len(batch)
                if progress is not None:
                    progress(done, len(prompts))
    finally:
        model.train(was_training)
    return results


def label_logits(
    model: Model, prompter: Prompter, input_ids: torch.Tensor, last: torch.Tensor
) -> torch.Tensor:
    """Scores of single-token labels, (batch, labels) in float32, differentiable.

    `input_ids` is (batch, tokens), padded on the right; `last` holds the position of each
    prompt's last token. The output head runs only on the positions that some row needs.
    """
    positions, place = last.unique(return_inverse=True)
    logits = model(input_ids=input_ids, use_cache=False, logits_to_keep=positions).logits
    rows = torch.arange(len(last), device=logits.device)
    answers = torch.tensor([answer[0] for answer in prompter.answers], device=logits.device)
    return logits[rows, place][:, answers].float()


def padded(rows: Sequence[Sequence[int]], pad: int, where: torch.device) -> torch.Tensor:
    """Rows of tokens as one (rows, longest) tensor, padded on the right to a multiple of 8."""
    longest = -(-max(map(len, rows)) // PAD_TO) * PAD_TO
    filled = torch.full((len(rows), longest), pad)
    for number, row in enumerate(rows):
        filled[number, : len(row)] = torch.tensor(row)
    return filled.to(where, non_blocking=True)


def _score_batch(model: Model, prompter: Prompter, prompts: list[list[int]]) -> torch.Tensor:
    if prompter.single:
        last = torch.tensor([len(prompt) - 1 for prompt in prompts], device=model.device)
        ids = padded(prompts, prompter.tokenizer.pad_token_id, model.device)
        return label_logits(model, prompter, ids, last)
    columns = [
        _answer_log_probability(model, prompter, prompts, answer) for answer in prompter.answers
    ]
    return torch.stack(columns, dim=1)


def _answer_log_probability(
    model: Model, prompter: Prompter, prompts: list[list[int]], answer: tuple[int, ...]
) -> torch.Tensor:
    """Log p(answer | prompt) for each prompt, summed over the tokens of the answer."""
    ids = padded([[*p, *answer] for p in prompts], prompter.tokenizer.pad_token_id, model.device)
    first = torch.tensor([len(prompt) - 1 for prompt in prompts], device=model.device)
    wanted = first[:, None] + torch.arange(len(answer), device=model.device)
    positions, place = wanted.unique(return_inverse=True)
    logits = model(input_ids=ids, use_cache=False, logits_to_keep=positions).logits
    rows = torch.arange(len(prompts), device=logits.device)[:, None]
    log_probabilities = logits[rows, place].float().log_softmax(-1)
    target = torch.tensor(answer, device=logits.device).expand(len(prompts), -1)
    return log_probabilities.gather(-1, target[..., None]).squeeze(-1).sum(-1)


def _budget(model: Model) -> int:
    """Tokens of a batch: enough to fill the device, few enough for its memory."""
    return 8_192 if model.device.type == "cuda" else 2_048


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

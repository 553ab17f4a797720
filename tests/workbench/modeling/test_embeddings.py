"""Embeddings: of the tweet's own tokens, from the pass that scores, on axes that keep distances."""

from __future__ import annotations

import pytest
import torch

from workbench.modeling.scoring import label_probabilities
from workbench.modeling.scoring.embeddings import EMBEDDING_SIZE, SAMPLE, principal_axes
from workbench.modeling.scoring.label_probabilities import label_scorer

pytestmark = pytest.mark.models
TEXTS = ["up", "no way that $TSLA goes up again 🙂", "down and out, they said", "x" * 40]


@pytest.fixture
def prepared(prepare, tiny_base):
    _, base, prompter = prepare(
        "training.max_length=64", "quantization.bits=16", base=tiny_base("byte_level")
    )
    return base, prompter


def plain_means(base, prompter):
    """The means of the last hidden states at the tweet and the space before it."""
    first = prompter.template.index("{text}")
    for text, tokens in zip(TEXTS, prompter.encode(TEXTS), strict=True):
        states = base.model.model(input_ids=torch.tensor([tokens]))[0][0]
        spans = prompter.tokenizer(
            prompter.as_text(text), add_special_tokens=False, return_offsets_mapping=True
        )["offset_mapping"]
        begin = len(tokens) - len(spans)
        inside = [
            begin + place
            for place, (start, end) in enumerate(spans)
            if end >= first and start < first + len(text)
        ]
        yield states[inside].mean(0)


@pytest.mark.parametrize("linear", [True, False])
def test_embeddings_are_means_over_the_tweets_own_tokens(prepared, monkeypatch, linear):
    base, prompter = prepared
    monkeypatch.setattr(label_probabilities, "has_linear_lm_head", lambda *given: linear)
    monkeypatch.setattr(label_probabilities, "BATCH_TOKENS_ON_CPU", 80)
    with torch.no_grad():
        expected = torch.stack([*plain_means(base, prompter)])
    with label_scorer(base.model, prompter, len(TEXTS), embed=True) as score:
        score(prompter.encode(TEXTS))
        assert score.pooled.dtype == torch.float16
        off = (score.pooled.float() - expected).abs().amax(1)
        assert off.max() < 4e-3, off
        score(prompter.encode(["", "up"]))
        assert torch.isfinite(score.pooled).all()


def test_they_take_no_pass_more_and_change_no_probability(prepared):
    base, prompter = prepared
    passes, rows = [], []
    hook = base.model.model.register_forward_hook(lambda *given: passes.append(1))
    for embed in (False, True):
        with label_scorer(base.model, prompter, len(TEXTS), embed=embed) as score:
            rows.append(score(prompter.encode(TEXTS)))
            assert (score.pooled is not None) == embed
    hook.remove()
    assert rows[0] == rows[1]
    assert len(passes) % 2 == 0 and sum(passes[: len(passes) // 2]) * 2 == len(passes)


@pytest.mark.parametrize("shape", [(40, 700), (900, 30), (600, 600), (2, 8), (1, 8)])
def test_axes_are_those_of_a_plain_decomposition(shape):
    torch.manual_seed(0)
    pooled = torch.randn(shape) * torch.linspace(3, 0.1, shape[1]) + 2
    projection = principal_axes(pooled)
    size = projection.axes.shape[1]
    assert size <= EMBEDDING_SIZE
    if shape[0] > 1:
        eye = projection.axes.T @ projection.axes
        assert torch.allclose(eye, torch.eye(size), atol=1e-3)
    if shape[0] <= SAMPLE:
        values = torch.linalg.svdvals(pooled[:SAMPLE] - pooled[:SAMPLE].mean(0))
        kept = projection(pooled[:SAMPLE]).float().norm(dim=0)
        assert torch.allclose(kept, values[:size], rtol=1e-2, atol=1e-2)


def test_equal_tweets_have_equal_vectors_and_no_number_is_missing():
    vectors = principal_axes(torch.ones(7, 12))(torch.ones(7, 12))
    assert torch.isfinite(vectors).all() and len(vectors.unique(dim=0)) == 1

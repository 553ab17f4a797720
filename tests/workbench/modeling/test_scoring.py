"""Scoring: the same probabilities whatever the weights look like and however texts are batched."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.modeling.base import capabilities
from workbench.modeling.base.lora import LoraLinear, add_adapter
from workbench.modeling.scoring import label_probabilities
from workbench.modeling.scoring.label_probabilities import label_scorer, score_texts


@pytest.fixture
def tuned(prepare):
    """(model, prompter): the demo base in 4-bit with an adapter that says something."""
    recipe, base, prompter = prepare()
    model = add_adapter(base.model, recipe.lora, 1)
    torch.manual_seed(5)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data = 0.05 * torch.randn_like(weight)
    return model, prompter


def linear_layers(model) -> set[str]:
    return {type(part).__name__ for part in model.model.transformer.h[0].mlp.children()}


def test_merged_weights_score_like_the_adapter_and_leave_no_trace(tuned, sample):
    model, prompter = tuned
    texts = sample(20).texts
    before = linear_layers(model)
    with label_scorer(model, prompter, 20, "auto") as merged:
        assert "Linear" in linear_layers(model)
        rows = merged(prompter.encode(texts))
    assert linear_layers(model) == before
    with label_scorer(model, prompter, 20, "nf4") as beside:
        assert LoraLinear.__name__ in linear_layers(model)
        assert torch.allclose(
            torch.tensor(beside(prompter.encode(texts))), torch.tensor(rows), atol=1e-4
        )
    assert linear_layers(model) == before


def test_weights_are_not_merged_where_there_is_no_room(tuned, monkeypatch):
    model, prompter = tuned
    monkeypatch.setattr("workbench.modeling.scoring.merged_weights.free_bytes", lambda model: 2**20)
    with label_scorer(model, prompter, 1):
        assert LoraLinear.__name__ in linear_layers(model)


def test_memory_that_runs_out_while_weights_are_merged_leaves_no_merged_ones(tuned, monkeypatch):
    model, prompter = tuned
    before, seen = linear_layers(model), []

    def plain(layer, dtype):
        seen.append(layer)
        if len(seen) == 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return nn.Linear(1, 1)

    monkeypatch.setattr("workbench.modeling.scoring.merged_weights._merged_linear", plain)
    with pytest.raises(torch.OutOfMemoryError), label_scorer(model, prompter, 1):
        pass
    assert linear_layers(model) == before


def test_neither_order_nor_batch_changes_a_score(tuned, sample, monkeypatch):
    model, prompter = tuned
    texts = sample(30).texts
    rows = torch.tensor(score_texts(model, prompter, texts))
    assert torch.allclose(
        torch.tensor(score_texts(model, prompter, texts[::-1])).flip(0), rows, atol=1e-5
    )
    monkeypatch.setattr(label_probabilities, "BATCH_TOKENS_ON_CPU", 1)  # every text on its own
    assert torch.allclose(torch.tensor(score_texts(model, prompter, texts)), rows, atol=1e-5)


def test_the_output_layer_runs_on_the_label_columns_only(tuned, sample, monkeypatch):
    model, prompter = tuned
    sizes = []
    plain = nn.functional.linear

    def linear(x, weight, bias=None):
        sizes.append(weight.shape[0])
        return plain(x, weight, bias)

    with label_scorer(model, prompter, 8) as ready:
        monkeypatch.setattr(nn.functional, "linear", linear)
        ready(prompter.encode(sample(8).texts))
    assert len(prompter.labels) in sizes and model.config.vocab_size not in sizes


def test_progress_counts_every_text(tuned, sample, monkeypatch):
    model, prompter = tuned
    monkeypatch.setattr(label_probabilities, "BATCH_TOKENS_ON_CPU", 200)
    seen = []
    score_texts(model, prompter, sample(30).texts, lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1] == (30, 30) and len(seen) > 2


def test_no_text_is_no_row(tuned):
    model, prompter = tuned
    assert score_texts(model, prompter, []) == []


def test_the_output_layer_of_a_base_is_tried_once(tuned, monkeypatch):
    """Each evaluation on dev makes a scorer, and trying takes two passes."""
    model, prompter = tuned
    core = model.eval().get_base_model()
    assert capabilities.has_linear_lm_head(core, prompter)
    monkeypatch.setattr(capabilities, "_probe_head", lambda *given: pytest.fail("tried again"))
    for memory in ("auto", "nf4"):
        with label_scorer(model, prompter, 1, memory) as ready:
            assert ready.linear_lm_head
    head = core.get_output_embeddings()
    monkeypatch.setattr(core, "get_output_embeddings", lambda: nn.Sequential(head))
    assert not capabilities.has_linear_lm_head(core, prompter), "an adapter is on it, say"

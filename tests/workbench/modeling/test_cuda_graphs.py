"""Passes that are replayed as CUDA graphs, and models whose passes cannot be; needs a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import FalconConfig, FalconForCausalLM

from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.lora import add_adapter, fast_lora_layers
from workbench.modeling.data.batches import TokenizedExample, pack
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.recipes import recipes

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

LENGTHS = (18, 9, 13)


class Asking(nn.Module):
    """A module that asks the device for a number in each pass."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) if float(x.detach().abs().sum()) >= 0 else x


class Waiting(Asking):
    """A module that waits for the device by other means than asking it for a number."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.cuda.synchronize()
        return self.inner(x)


@pytest.fixture
def make_passes():
    """Passes of a small Falcon on the GPU with dropout, one of whose norms is wrapped."""
    hooks = []

    def make(wrap, notes):
        torch.manual_seed(0)
        config = FalconConfig(
            vocab_size=512,
            hidden_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            multi_query=True,
            parallel_attn=True,
            bias=False,
            alibi=False,
        )
        model = FalconForCausalLM(config).to("cuda", torch.bfloat16)
        model.config.use_cache = False
        last = model.transformer.ln_f
        if wrap is not None:
            model.transformer.ln_f = wrap(last)
        fuse_attention(model)
        adapted = add_adapter(model, recipes.load("fast").lora, 1)
        hooks.append(
            model.get_input_embeddings().register_forward_hook(
                lambda layer, given, made: made.requires_grad_(torch.is_grad_enabled())
            )
        )
        masters = MasterWeights(adapted, torch.bfloat16)
        adapted.train()
        labels = torch.tensor([5, 7], device="cuda")
        return (
            adapted,
            masters,
            ForwardBackward(model, masters, ModelCapabilities(True, True), labels, notes.append),
        )

    yield make
    for hook in hooks:
        hook.remove()


def batch(length):
    rows = [
        TokenizedExample([*range(7, 7 + length + n)], [length - 1], [n % 2], n) for n in range(4)
    ]
    return pack(rows, 1 / 4, 0, 64, 4)


def gradient_of(passes, how):
    passes.masters.gradient.zero_()
    torch.manual_seed(3)
    how(batch(LENGTHS[0]))
    return passes.masters.gradient.clone()


def test_a_captured_pass_gives_the_gradient_of_a_computed_one(make_passes):
    notes = []
    adapted, _, passes = make_passes(None, notes)
    with fast_lora_layers(adapted):
        passes.warm_up([batch(length) for length in LENGTHS], use_graphs=True)
        assert not notes and len(passes.graphs) == len({batch(n).shape for n in LENGTHS})
        replayed, computed = (
            gradient_of(passes, passes),
            gradient_of(passes, passes.run_without_graph),
        )
        assert float((replayed - computed).norm() / computed.norm()) < 0.02
        another = gradient_of(passes, passes)
        assert torch.equal(replayed, another)


@pytest.mark.parametrize("wrap", [Asking, Waiting])
def test_what_cannot_be_captured_is_trained_without(wrap, make_passes):
    notes = []
    adapted, _, passes = make_passes(wrap, notes)
    stream = torch.cuda.current_stream()
    with fast_lora_layers(adapted):
        passes.warm_up([batch(length) for length in LENGTHS], use_graphs=True)
        [note] = notes
        assert note.startswith("passes are not replayed as CUDA graphs: ")
        assert not passes.graphs and torch.cuda.current_stream() == stream
        once, again = gradient_of(passes, passes), gradient_of(passes, passes)
        assert torch.equal(once, again) and float(once.norm()) > 0


def test_after_a_broken_capture_others_are_captured(make_passes):
    notes = []
    adapted, _, passes = make_passes(Waiting, notes)
    with fast_lora_layers(adapted):
        passes.warm_up([batch(LENGTHS[0])], use_graphs=True)
    assert len(notes) == 1
    adapted, _, passes = make_passes(None, notes)
    with fast_lora_layers(adapted):
        passes.warm_up([batch(length) for length in LENGTHS], use_graphs=True)
        assert passes.graphs and len(notes) == 1
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() < 2**30

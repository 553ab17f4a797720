"""Dropout, compiling and CUDA graphs of passes: on the CPU, and on a GPU if there is one.

Runs alone on a machine with a GPU: `pytest --noconftest`.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from transformers import FalconConfig, FalconForCausalLM

from workbench.modeling.base.capabilities import ModelCapabilities
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.lora import add_adapter, fast_lora_layers
from workbench.modeling.data.batches import TokenizedExample, pack
from workbench.modeling.packed import cuda_graphs, forward_backward
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.recipes import recipes

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
WORKSPACE = 32 * 2**20
"""Bytes that cuBLAS keeps for a stream."""
DEVICES = ["cpu", pytest.param("cuda", marks=on_gpu)]


def batch(length):
    rows = [TokenizedExample([*range(7, 7 + length)], [length - 1], [n % 2], n) for n in range(4)]
    return pack(rows, 1 / 4, 0, 64, 4)


@pytest.fixture
def make_passes():
    """A function that gives the passes of a small Falcon whose adapter has learnt, with dropout."""
    open_blocks = []

    def make(device, notes, dropout=0.1):
        torch.manual_seed(0)
        sizes = {"vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2}
        sizes |= {"initializer_range": 0.2}
        model = FalconForCausalLM(FalconConfig(**sizes, num_attention_heads=4, bias=False))
        model = model.to(device, torch.bfloat16 if device == "cuda" else torch.float32)
        model.config.use_cache = False
        fuse_attention(model)
        lora = recipes.load("fast", [f"lora.dropout={dropout}"]).lora
        adapted = add_adapter(model, lora, 1)
        masters = MasterWeights(adapted, model.dtype)
        with torch.no_grad():
            masters.weights.normal_(std=0.2)
        masters.update_compute_copy()
        adapted.train()
        block = fast_lora_layers(adapted)
        block.__enter__()
        hook = model.get_input_embeddings().register_forward_hook(
            lambda layer, given, made: made.requires_grad_(torch.is_grad_enabled())
        )
        open_blocks.append((block, hook))
        labels = torch.tensor([5, 7], device=device)
        capabilities = ModelCapabilities(True, True)
        return ForwardBackward(model, masters, capabilities, labels, notes.append)

    yield make
    for block, hook in open_blocks:
        hook.remove()
        block.__exit__(None, None, None)


@pytest.fixture
def without_a_gpu(monkeypatch):
    """Stands in for captured graphs, on the CPU: they compute anew, and reset the seed as real."""

    def capture(self, batch):
        torch.manual_seed(0)
        self.run_without_graph(batch)
        return SimpleNamespace(replay=self.run_without_graph), 0.0

    monkeypatch.setattr(ForwardBackward, "_capture_graph", capture)


def two_passes(passes, captured_before):
    """The gradient of a step of two passes, the first of which is captured now or was before."""
    if captured_before:
        passes(batch(9))
    passes.masters.gradient.zero_()
    torch.manual_seed(3)
    passes(batch(9))
    passes(batch(17))
    return passes.masters.gradient.clone()


def require_equal_steps(make_passes, device, notes):
    now, before = (two_passes(with_graphs(make_passes(device, notes)), b) for b in (False, True))
    assert (now - before).norm() <= 1e-3 * before.norm() and not notes
    other = make_passes(device, notes)
    other.masters.gradient.zero_()
    torch.manual_seed(4)
    other(batch(9))
    other(batch(17))
    difference = (now - other.masters.gradient).norm()
    assert difference > 1e-2 * now.norm()  # dropout is there


def with_graphs(passes):
    passes.use_graphs = True
    return passes


def test_a_step_draws_the_same_dropout_whenever_its_shapes_are_captured(make_passes, without_a_gpu):
    require_equal_steps(make_passes, "cpu", [])


@on_gpu
def test_a_step_draws_the_same_dropout_whenever_its_graphs_are_captured(make_passes):
    require_equal_steps(make_passes, "cuda", [])


@on_gpu
def test_each_replay_of_a_graph_draws_dropout_of_its_own(make_passes):
    """Nor does the next capture leave graphs before it with the dropout of theirs."""
    passes = with_graphs(make_passes("cuda", notes := []))
    gradients = []
    for capture in (9, 17):
        passes(batch(capture))
        for seed in (3, 4, 3):
            passes.masters.gradient.zero_()
            torch.manual_seed(seed)
            passes(batch(9))
            gradients.append(passes.masters.gradient.clone())
    assert len(passes.graphs) == 2 and not notes
    first, other, again, *later = gradients
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert all(map(torch.equal, (first, other, again), later))


@pytest.mark.parametrize("device", DEVICES)
def test_other_dropout_is_no_fault_of_the_compiler(make_passes, device, monkeypatch):
    """Eager layers stand for compiled ones, so all that differs is the dropout."""
    monkeypatch.setattr(forward_backward, "compile_layers", lambda model, dynamic: None)
    for seed in range(4):
        passes = make_passes(device, notes := [], dropout=0.5)
        torch.manual_seed(seed)
        _, noise = passes._eager_losses(batch(17))
        assert noise > 0.25  # more than compiled layers may be off by
        passes._compile(batch(17))
        assert not notes
    _, noise = make_passes(device, [], dropout=0.0)._eager_losses(batch(17))
    assert noise == 0


@pytest.mark.parametrize("device", DEVICES)
def test_a_compiler_that_computes_something_else_is_found_out(make_passes, device, monkeypatch):
    def compile_wrongly(model, dynamic):
        model.transformer.ln_f.weight.data.mul_(-1)

    monkeypatch.setattr(forward_backward, "compile_layers", compile_wrongly)
    make_passes(device, notes := [], dropout=0.0)._compile(batch(17))
    assert notes and notes[0].startswith("compiling for rows of any length failed: ")


def count_graphs(passes, notes):
    shapes = [batch(length) for length in (70, 50, 33, 17)]
    passes.use_graphs = True
    for _ in range(2):
        for each in shapes:
            passes(each)
    assert len(passes.graphs) == 2
    passes.release_graphs()
    passes.warm_up(shapes, use_graphs=True)
    assert set(passes.graphs) == {each.shape for each in shapes[:2]}
    assert notes == ["passes come in 4 sizes, of which the 2 largest are replayed as CUDA graphs"]
    assert len(passes(shapes[3])) == 4  # what has no graph is computed all the same


@pytest.mark.parametrize("device", DEVICES)
def test_graphs_are_kept_up_to_a_number(make_passes, device, monkeypatch, request):
    monkeypatch.setattr(forward_backward, "MOST_GRAPHS", 2)
    monkeypatch.setattr(forward_backward, "compile_layers", lambda model, dynamic: None)
    if device == "cpu":
        request.getfixturevalue("without_a_gpu")
    count_graphs(make_passes(device, notes := []), notes)


@on_gpu
def test_many_captures_and_releases_leave_no_memory_behind(make_passes):
    passes = with_graphs(make_passes("cuda", []))
    used = []
    for _ in range(3):
        for length in range(10, 200, 16):
            passes(batch(length))
        assert 1 < len(passes.graphs) <= cuda_graphs.MOST_GRAPHS
        passes.release_graphs()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        used.append(torch.cuda.memory_reserved())
    assert used[2] <= used[0] + WORKSPACE and used[0] < 2**30

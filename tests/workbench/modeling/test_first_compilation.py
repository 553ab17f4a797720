"""What a run says while it compiles: the first time on a machine takes a minute, later ones not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.scoring import label_probabilities
from workbench.planning.kernel_cache import FIRST_COMPILATION


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """The folder of compiled kernels, in which there are none yet."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def keep_one(kernels):
    (kernels / "ab").mkdir(parents=True)
    (kernels / "ab" / "cdef.py").write_text("")


class Passes(ForwardBackward):
    """Passes on a device that this machine need not have."""

    def __init__(self, device):
        self.model, self.layers_checked = SimpleNamespace(device=torch.device(device)), False


def test_training_says_that_it_compiles_for_the_first_time(kernels):
    passes = Passes("cuda")
    assert passes.warming_up == FIRST_COMPILATION
    keep_one(kernels)
    assert passes.warming_up == "compiling and trying the longest batch"
    passes.layers_checked = True  # kept since an earlier run, so there is nothing to compile
    assert passes.warming_up == Passes("cpu").warming_up == "trying the longest batch"


class Scorer:
    """A scorer that is sure of nothing, and of which no layer is compiled."""

    model, prompter = None, SimpleNamespace(encode=lambda texts: [[1] for _ in texts])

    def __call__(self, prompts):
        return [[0.5, 0.5] for _ in prompts]


def test_scoring_says_so_too(kernels, monkeypatch):
    monkeypatch.setattr(label_probabilities, "compile_layers", lambda model: None)
    notes = []
    label_probabilities._compile(Scorer(), notes.append)
    assert notes == [FIRST_COMPILATION]
    keep_one(kernels)
    label_probabilities._compile(Scorer(), notes.append)
    assert len(notes) == 1

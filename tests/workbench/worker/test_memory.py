"""A worker that is really short of memory: the allocator itself refuses, in the middle of a run."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil
import pytest

from workbench.planning.memory_estimate import memory_of_pass
from workbench.planning.model_architecture import read_architecture
from workbench.recipes import recipes
from workbench.recipes.memory_modes import MEMORY_MODES
from workbench.rundir.folder import DONE, read_log, read_state
from workbench.runs.snapshotting import snapshot_training

pytestmark = pytest.mark.slow
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
"""For glibc: what a tensor took is given back with it, so that a limit bites at once."""


@pytest.fixture
def run(make_store, fill, repository):
    rows = [
        {
            "text": f"{n} " + "up and down " * 40,
            "label": ("positive", "negative")[n % 2],
            "split": "train",
        }
        for n in range(24)
    ]
    recipe = recipes.load(
        "tiny",
        (
            "training.max_steps=5",
            "training.logging_steps=1",
            "training.save_steps=1",
            "training.memory=16-bit",
            "training.batch_size=8",
            "training.dev_share=0.0",
        ),
    )
    base = str(repository / "sample_data" / "base")
    return snapshot_training(fill(make_store(), rows), recipe, base, "id:1").path


def address_space(pid):
    """The most that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text().split()
    return 1024 * int(status[status.index("VmPeak:") + 1])


def test_a_run_that_is_short_of_memory_goes_on_from_its_checkpoint(run, work, until):
    """At its second step it is left less than a whole pass takes, and more than half of one."""
    process = work(run, wait=False, env=GIVEN_BACK, fork=False)
    until(lambda: read_state(run).step >= 2 or process.poll() is not None)
    architecture = read_architecture("sample_data/base")
    needed = memory_of_pass(
        architecture, recipes.load("tiny"), 1024, MEMORY_MODES["16-bit"], "cpu"
    ).activations
    most = int(address_space(process.pid) - 0.3 * needed)
    psutil.Process(process.pid).rlimit(resource.RLIMIT_AS, (most, most))
    process.communicate(timeout=120)
    told = [values for values, _ in read_log(run)]
    assert read_state(run).state == DONE, read_state(run).reason
    [note] = [line["text"] for line in told if "memory ran out" in line.get("text", "")]
    assert "going on from the last checkpoint" in note
    steps = [line["step"] for line in told if line["event"] == "step"]
    assert steps[-1] == 5 and sorted(set(steps)) == list(range(1, 6))
    assert not (run / "checkpoints").exists()

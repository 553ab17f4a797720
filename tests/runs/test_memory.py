"""A worker that is really short of memory: the allocator itself refuses, in the middle of a run."""

from __future__ import annotations

import re
import resource
import time
from pathlib import Path

import psutil
import pytest

from workbench import recipes
from workbench.estimating import of_pass
from workbench.plans import PLANS
from workbench.runs import reasons
from workbench.runs.folder import DONE, FAILED, read_log, read_state
from workbench.runs.freezing import freeze_training
from workbench.shapes import read_shape

pytestmark = pytest.mark.slow
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
"""For glibc: what a tensor took is given back with it, so that a limit bites at once."""


@pytest.fixture
def make_run(make_store, fill, repository):
    rows = [
        {"text": f"{n} " + "up and down " * 40, "label": ("positive", "negative")[n % 2],
         "split": "train"}
        for n in range(24)
    ]  # fmt: skip

    def make(steps):
        recipe = recipes.load("tiny", (
            f"training.max_steps={steps}", "training.logging_steps=1", "training.save_steps=1",
            "training.memory=16-bit", "training.batch_size=8", "training.dev_share=0.0",
        ))  # fmt: skip
        base = str(repository / "sample_data" / "base")
        return freeze_training(fill(make_store(), rows), recipe, base, "id:1").path

    return make


def limited(run, work, until, limit):
    """Let a worker come to its second step, and then have no more memory than that."""
    process = work(run, wait=False, env=GIVEN_BACK)
    until(lambda: read_state(run).step >= 2 or process.poll() is not None)
    most = limit(process.pid)
    psutil.Process(process.pid).rlimit(resource.RLIMIT_AS, (most, most))
    process.out, process.err = process.communicate(timeout=120)
    return [values for values, _ in read_log(run)]


def size(pid, name):
    """Bytes of address space: VmSize now, or VmPeak so far."""
    status = Path(f"/proc/{pid}/status").read_text().split()
    return 1024 * int(status[status.index(f"{name}:") + 1])


def room_for_half(pid):
    """Less than a whole pass takes, and more than half of one."""
    shape = read_shape("sample_data/base")
    needed = of_pass(shape, recipes.load("tiny"), 1024, PLANS["16-bit"], "cpu").activations
    return int(size(pid, "VmPeak") - 0.3 * needed)


def room_for_none(pid):
    """What is held between passes, and the stack of a thread or two."""
    seen = []
    for _ in range(100):
        seen.append(size(pid, "VmSize"))
        time.sleep(0.01)
    return min(seen) + 20 * 2**20


def test_a_run_that_is_short_of_memory_goes_on_from_its_checkpoint(make_run, work, until):
    run = make_run(8)
    told = limited(run, work, until, room_for_half)
    assert read_state(run).state == DONE, read_state(run).reason
    [note] = [line["text"] for line in told if "memory ran out" in line.get("text", "")]
    assert re.search("after step [2-7]; going on from step [1-7] ", note)
    steps = [line["step"] for line in told if line["event"] == "step"]
    assert steps[-1] == 8 and sorted(set(steps)) == list(range(1, 9))
    assert not (run / "checkpoints").exists()


def test_a_run_that_is_short_of_memory_twice_says_so(make_run, work, until):
    run = make_run(1000)
    told = limited(run, work, until, room_for_none)
    state = read_state(run)
    assert (state.state, state.reason) == (FAILED, reasons.NO_MEMORY)
    assert sum("memory ran out" in line.get("text", "") for line in told) == 1

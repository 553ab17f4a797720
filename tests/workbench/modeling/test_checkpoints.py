"""Checkpoints on the disk: pruned, and passed over with a note when they are not whole."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.modeling.packed import checkpoint_io
from workbench.modeling.packed.checkpoint_io import TrainingState, checkpoint_writer
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.modeling.training import checkpoints
from workbench.modeling.training.checkpoints import DamagedCheckpoint, newest_checkpoint
from workbench.modeling.trl import sft
from workbench.rundir.folder import COMPLETE


def trained(steps=3):
    """Weights and an optimiser after a few steps."""
    torch.manual_seed(steps)
    masters = MasterWeights(nn.Linear(4, 3), torch.float32)
    optimizer = torch.optim.AdamW([masters.weights])
    for _ in range(steps):
        masters.gradient.normal_()
        optimizer.step()
    return masters, optimizer


@pytest.fixture
def saved(tmp_path):
    """A folder with checkpoints after steps 10, 20 and 30, and the weights after each."""
    kept = {}
    with checkpoint_writer(tmp_path) as out:
        for step in (10, 20, 30):
            masters, optimizer = trained(step)
            kept[step] = masters.weights.detach().clone()
            seen = {
                "number": torch.arange(step),
                "epoch": torch.zeros(step, dtype=torch.long),
                "probability": torch.full((step,), 0.5),
            }
            out.save(TrainingState(step, 42, 10, 0.4), masters, optimizer, seen)
    return tmp_path, kept


def found(folder):
    """(step of the newest checkpoint that is whole, its weights, notes)."""
    masters, optimizer = trained(1)
    notes = []
    chosen = newest_checkpoint(
        folder, lambda path: checkpoint_io.read_checkpoint(path, masters), notes.append
    )
    if chosen is None:
        return None, None, notes
    checkpoint_io.restore_checkpoint(chosen.content, masters, optimizer)
    assert len(chosen.content.dynamics["number"]) == chosen.content.training_state.step
    return chosen.content.training_state.step, masters.weights.detach(), notes


def test_weights_come_back_from_the_newest(saved):
    folder, kept = saved
    step, weights, notes = found(folder)
    assert (step, notes) == (30, []) and torch.equal(weights, kept[30])
    assert {path.name for path in folder.iterdir()} == {f"checkpoint-{n}" for n in (10, 20, 30)}


def test_the_best_of_the_one_before_is_kept_too(tmp_path):
    """Should the newest turn out to be damaged, that one is gone on from, and wants its best."""
    masters, optimizer = trained()
    with checkpoint_writer(tmp_path) as out:
        for step, best in ((1, 1), (2, 2), (3, 2), (4, 2), (5, 5), (6, 5)):
            out.save(TrainingState(step, 42, best, 0.4), masters, optimizer, {})
            out.wait()
            if step == 5:
                names = {path.name for path in tmp_path.iterdir()}
                assert names == {"checkpoint-2", "checkpoint-4", "checkpoint-5"}
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-5", "checkpoint-6"}


def cut(name, length):
    def damage(checkpoint):
        os.truncate(checkpoint / name, length)

    return damage


def course(**changes):
    def damage(checkpoint):
        values = json.loads((checkpoint / "course.json").read_text())
        (checkpoint / "course.json").write_text(json.dumps(values | changes))

    return damage


def tensors(name, change):
    def damage(checkpoint):
        save_file(change(checkpoints.load_tensors(checkpoint / name)), checkpoint / name)

    return damage


class Trap:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


DAMAGES = {
    "no mark": lambda c: (c / COMPLETE).unlink(),
    "weights cut off": cut("adapter.safetensors", 100),
    "state cut off": cut("state.safetensors", 300),
    "no bytes of weights": cut("adapter.safetensors", 0),
    "an empty course": cut("course.json", 0),
    "no course": lambda c: (c / "course.json").unlink(),
    "a course without end": lambda c: (c / "course.json").write_text("[" * 100_000),
    "a course of text": course(step="30"),
    "a course elsewhere": course(step=31),
    "a course below zero": course(best_step=-5),
    "a course that is true": course(seed=True),
    "a course of nothing": course(best_loss=float("nan")),
    "a course with more": course(colour=3),
    "a list": lambda c: (c / "course.json").write_text("[1, 2]"),
    "another adapter": tensors("adapter.safetensors", lambda t: {"x": torch.zeros(3)}),
    "another rank": tensors("adapter.safetensors", lambda t: {n: w[:1] for n, w in t.items()}),
    "integers": tensors("adapter.safetensors", lambda t: {n: w.int() for n, w in t.items()}),
    "another record": tensors("state.safetensors", lambda t: t | {"seen.x": torch.zeros(30)}),
    "a pickle": lambda c: (c / "adapter.safetensors").write_bytes(pickle.dumps(Trap(c / "trap"))),
    "a link": lambda c: c.symlink_to(shutil.move(c, c.with_name("30"))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_with_a_note(damage, saved):
    folder, kept = saved
    DAMAGES[damage](folder / "checkpoint-30")
    step, weights, notes = found(folder)
    assert step == 20 and torch.equal(weights, kept[20])
    if damage != "a link":
        [note] = notes
        assert note.startswith("checkpoint-30 ") and note.endswith("is passed over")
        assert "\n" not in note and len(note) < 300
        assert (folder / "checkpoint-30").is_dir() and not (folder / "checkpoint-30/trap").exists()
        # it is not counted among the newest any more
        masters, optimizer = trained()
        with checkpoint_writer(folder) as out:
            out.save(TrainingState(25, 42, 10, 0.4), masters, optimizer, {})
        assert (folder / "checkpoint-20" / COMPLETE).is_file()


def test_a_checkpoint_of_an_earlier_version_is_read(saved):
    folder, kept = saved
    course(best_accuracy=0.75)(folder / "checkpoint-30")
    step, weights, notes = found(folder)
    assert (step, notes) == (30, []) and torch.equal(weights, kept[30])


def test_without_one_that_is_whole_training_begins_anew(saved, tmp_path):
    folder, _ = saved
    for step in (10, 20, 30):
        cut("course.json", 3)(folder / f"checkpoint-{step}")
    step, _, notes = found(folder)
    assert step is None and len(notes) == 3
    assert found(tmp_path / "nowhere") == (None, None, [])


def test_names_that_are_none_of_ours_stop_nothing(saved):
    folder, _ = saved
    for name in ("checkpoint-x", "checkpoint-", "checkpoint--5", "checkpoint-" + "9" * 40, "x"):
        (folder / name).mkdir()
    (folder / "checkpoint-40").write_text("a file")
    assert found(folder)[0] == 30


def test_a_disk_that_fills_up_while_a_checkpoint_is_written_is_told(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_io, "save_file", full)
    masters, optimizer = trained()
    with pytest.raises(OSError, match="No space left"), checkpoint_writer(tmp_path) as out:
        out.save(TrainingState(1, 42), masters, optimizer, {})
    assert found(tmp_path)[0] is None


def test_pickles_in_a_checkpoint_of_the_stock_trainer_run_no_code(tmp_path):
    (checkpoint := tmp_path / "checkpoint-3").mkdir()
    save_file({"lora": torch.zeros(3)}, checkpoint / "adapter_model.safetensors")
    (checkpoint / "trainer_state.json").write_text('{"global_step": 3}')
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        torch.save({"state": torch.zeros(3)}, checkpoint / name)
    sft._require_undamaged(checkpoint)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        whole = (checkpoint / name).read_bytes()
        for content in (pickle.dumps(Trap(tmp_path / "trap")), whole[:-40], b""):
            (checkpoint / name).write_bytes(content)
            with pytest.raises(DamagedCheckpoint):
                sft._require_undamaged(checkpoint)
        torch.save(Trap(tmp_path / "trap"), checkpoint / name)
        with pytest.raises(DamagedCheckpoint):
            sft._require_undamaged(checkpoint)
        (checkpoint / name).write_bytes(whole)
    assert not (tmp_path / "trap").exists()

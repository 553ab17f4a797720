"""Going on from the adapter of a run: what fits, what is marked, and what is said of it."""

from __future__ import annotations

import pytest
import torch
from bases_by_code import save_base
from safetensors.torch import load_file

from storage.history import labels
from storage.runs import runs
from storage.runs.predictions import predictions_of
from workbench.recipes import recipes
from workbench.rundir.folder import read_job, read_state
from workbench.rundir.tables import read_snapshot, trained_on
from workbench.runs import collecting
from workbench.runs.ancestors import find_ancestor
from workbench.runs.snapshotting import snapshot_clone, snapshot_training
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("forked")]


@pytest.fixture(scope="module")
def small_base(tmp_path_factory):
    return save_base("llama", tmp_path_factory.mktemp("base"))


def work_on(run):
    assert do_run(read_job(run), run, Reporter(run)), read_state(run).reason


@pytest.fixture
def parent(make_model_run, small_base):
    """The folder of a run that is done, with an adapter that has learned something."""
    run = make_model_run("training.learning_rate=1e-2", base=small_base)
    work_on(run)
    return run


def weights(run):
    return load_file(run / "adapter" / "adapter_model.safetensors")


def test_a_run_goes_on_where_another_has_ended_and_says_so(parent, filled, cli):
    collecting.collect(filled)
    gone = read_snapshot(parent / "train.parquet").ids[0]
    labels.mark(filled, [gone], "excluded", True)
    told = cli("-w", filled.folder, "train", "--from", 1, "--dry-run", "--json").json
    assert (told["from"], told["steps"], told["recipe"]) == (1, 1, "tiny")
    still = ("--set", "training.learning_rate=1e-12", "--set", "training.max_steps=1")
    done = cli("-w", filled.folder, "train", "--from", 1, *still, "--wait", "--json").json
    assert done["id"] == 2 and done["reason"] == "Began with the adapter of run 1."
    child = filled.run_folder(2)
    before, after = weights(parent), weights(child)
    assert before.keys() == after.keys() and any(tensor.any() for tensor in before.values())
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    assert "going on from the adapter of run 1" in (child / "adapter" / "README.md").read_text()

    assert gone not in read_snapshot(child / "train.parquet").ids
    marked = {p.tweet: p.in_sample for p in predictions_of(filled, 1)}
    again = {p.tweet: p.in_sample for p in predictions_of(filled, 2)}
    assert again == marked, "what the first run was trained on is in its adapter too"
    assert gone in trained_on(child) and gone not in again, "it is excluded from figures"

    grandchild = find_ancestor(filled, 2)
    assert grandchild.recipe(()).training.max_steps == 1, "its steps are few already"
    asked = grandchild.recipe(("training.epochs=3",)).training
    assert (asked.epochs, asked.max_steps) == (3, 0), "no steps win over epochs that are asked for"
    assert gone in grandchild.trained_on
    scored = cli("-w", filled.folder, "predict", "--run", 2, "--wait", "--json").json["id"]
    assert gone in trained_on(filled.run_folder(scored))
    labels.mark(filled, [gone], "excluded", False)
    rows = {p.tweet: p.in_sample for p in predictions_of(filled, scored)}
    assert rows[gone]


def test_part_of_the_adapter_can_be_kept(parent, filled, small_base):
    ancestor = find_ancestor(filled, 1)
    found = []
    for shrink in ("0", "0.25", "1"):
        settings = ("training.learning_rate=1e-12", "training.max_steps=1")
        recipe = ancestor.recipe((*settings, f"training.shrink={shrink}"))
        run = snapshot_training(filled, recipe, str(small_base), "", ancestor=ancestor).path
        work_on(run)
        found.append(weights(run))
    new, mixed, kept = found
    for name, tensor in mixed.items():
        assert torch.allclose(tensor, 0.75 * new[name] + 0.25 * kept[name], atol=1e-5)
        assert ".lora_B." not in name or not new[name].abs().max() > 1e-6


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--set", "lora.r=8"), "has lora.r=16, so a run that goes on from it cannot have 8"),
        (("--set", 'lora.targets=["q_proj"]'), "has lora.targets=all-linear"),
        (("--folds", "3"), "has seen the tweets of each fold"),
        (("--recipe", "baseline"), "baseline trains none"),
        (("--base", "some/other"), "leave out --base"),
        (("--set", "training.shrink=2"), "training.shrink is from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence_before_anything_starts(
    make_model_run, filled, small_base, cli, options, sentence
):
    run = make_model_run(base=small_base)
    (run / "adapter").mkdir()
    (run / "adapter" / "adapter_model.safetensors").write_bytes(b"")
    for dry in ((), ("--dry-run",)):
        done = cli("-w", filled.folder, "train", "--from", 1, *options, *dry)
        assert done.status in (1, 2) and sentence in done.err, done.err
    assert len(runs.every(filled)) == 1


def test_runs_that_cannot_be_gone_on_from(make_model_run, baseline, filled, small_base, cli):
    said = cli("-w", filled.folder, "train", "--from", 1).err
    assert "Run 1 (baseline, queued) has no adapter of its own" in said
    run = make_model_run(base=small_base)
    assert "has no adapter of its own" in cli("-w", filled.folder, "train", "--from", 2).err
    (run / "adapter").mkdir()
    (run / "adapter" / "adapter_model.safetensors").write_bytes(b"")
    number = read_snapshot(run / "train.parquet").ids[0]
    filled.db.execute("UPDATE current SET split = 'test' WHERE tweet = ?", [number])
    filled.db.commit()
    said = cli("-w", filled.folder, "train", "--from", 2).err
    assert "1 of the tweets that the adapter of run 2 comes from are test tweets by now" in said


def test_tweets_that_the_adapter_has_seen_are_none_of_dev(parent, filled, small_base):
    ancestor = find_ancestor(filled, 1)
    recipe = ancestor.recipe(("training.seed=7", "training.dev_share=0.5"))
    made = snapshot_training(filled, recipe, str(small_base), "", ancestor=ancestor)
    dev = set(read_snapshot(made.path / "dev.parquet").texts)
    assert dev and not dev & set(ancestor.trained_on.values())
    plain = snapshot_training(filled, recipe, str(small_base), "")
    assert plain.train + plain.dev == made.train + made.dev and plain.dev > made.dev


def test_a_clone_of_such_a_run_begins_there_too(parent, filled, small_base):
    ancestor = find_ancestor(filled, 1)
    recipe = ancestor.recipe(())
    child = snapshot_training(filled, recipe, str(small_base), "", ancestor=ancestor)
    clone = snapshot_clone(filled, child.path, recipe, str(small_base))
    assert clone.job.parent == 1
    assert (clone.path / "start.safetensors").read_bytes() == (
        child.path / "start.safetensors"
    ).read_bytes()
    assert trained_on(clone.path) == trained_on(child.path)
    other = recipes.with_overrides(recipe, ["lora.r=8"])
    with pytest.raises(Exception, match="began with the adapter of run 1"):
        snapshot_clone(filled, child.path, other, str(small_base))

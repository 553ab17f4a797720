"""How runs are started: in one process, in several under torchrun, and what is refused."""

from __future__ import annotations

import json
import os
import re

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from storage.errors import UsageError, UserError
from workbench.commands.runs.launch_options import launch_with_gpus
from workbench.modeling.training.process_group import ProcessGroup, init_process_group
from workbench.recipes import recipes
from workbench.rundir.folder import DONE, FAILED, read_job, read_log, read_state
from workbench.rundir.launch import (
    LAUNCHER_NAMES,
    LIMITS,
    SLURM,
    TORCHRUN,
    Launch,
    read_launch,
)
from workbench.rundir.liveness import reconcile_state
from workbench.runs import launching
from workbench.runs.launchers import LAUNCHERS
from workbench.runs.snapshotting import snapshot_prediction, snapshot_training
from workbench.worker.failure_reasons import OTHER_ENDED
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run


@pytest.mark.parametrize(
    "values",
    [
        {"launcher": "cloud"},
        {"nodes": 0},
        {"gpus": -1},
        {"nodes": 2},
        {"gpus": 2},
        {"launcher": "torchrun", "nodes": 2},
        {"job": "1; rm"},
        {"colour": 3},
        {"gpus": "2"},
    ],
)
def test_a_launch_that_cannot_be_is_one_sentence(values, tmp_path):
    (tmp_path / "launch.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"launch\.json is not valid"):
        read_launch(tmp_path)


def test_a_launch_comes_back_as_it_was_saved(tmp_path):
    assert read_launch(tmp_path) == Launch()
    Launch(SLURM, 2, 4, "17").save(tmp_path)
    assert read_launch(tmp_path) == Launch(SLURM, 2, 4, "17")


def test_each_name_in_launch_json_has_a_launcher_and_its_limits():
    assert set(LAUNCHERS) == set(LIMITS) == set(LAUNCHER_NAMES)
    assert [name for name, launcher in LAUNCHERS.items() if launcher.remote] == [SLURM]


def test_wrong_use_makes_no_run(filled, cli):
    for arguments in (("--nodes", 2), ("--launcher", "local", "--gpus", 2), ("--gpus", 0)):
        done = cli("-w", filled.folder, "train", "--recipe", "baseline", *arguments)
        assert done.status == 2 and "cannot be started like that" in done.err
    for recipe in ("baseline", "seed"):
        done = cli("-w", filled.folder, "train", "--recipe", recipe, "--gpus", 2)
        assert done.status == 2 and "runs in one process; leave out --gpus" in done.err
    assert not list(filled.runs_folder.iterdir())


def test_a_job_of_slurm_stays_one_with_another_number_of_gpus(baseline, make_model_run):
    run = make_model_run()
    Launch(SLURM, 2, 1, "17").save(run)
    assert launch_with_gpus(run, 4) == Launch(SLURM, 2, 4)
    Launch().save(run)
    assert launch_with_gpus(run, 4) == Launch(TORCHRUN, 1, 4)
    with pytest.raises(UsageError, match="runs in one process"):
        launch_with_gpus(baseline, 2)


def test_where_slurm_is_not_the_run_says_so(baseline, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="SLURM is not here"):
        launching.start_run(baseline, Launch(SLURM))
    assert reconcile_state(baseline).state == FAILED
    assert "SLURM is not here" in read_state(baseline).reason


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        (None, "1"),
        ("3,5", "5"),
        ("GPU-a,GPU-b,GPU-c", "GPU-b"),
        ("", ""),
        ("-1", "-1"),
        ("0", None),
    ],
)
def test_each_of_several_processes_sees_a_gpu_of_its_own(visible, seen, baseline, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    do_run(read_job(baseline), baseline, Reporter(baseline))
    if seen is not None:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == seen
        assert read_state(baseline).state == DONE
    else:
        assert read_state(baseline).state == FAILED
        assert "names fewer GPUs than the 2 that" in read_state(baseline).reason


def test_processes_of_which_some_have_no_gpu_do_not_begin(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for found in ([True] * 3, [False] * 3):
        monkeypatch.setattr(ProcessGroup, "all_gather", lambda *a, found=found: found)
        assert init_process_group().world_size == 3
    monkeypatch.setattr(ProcessGroup, "all_gather", lambda *a: [True, True, False])
    with pytest.raises(UserError, match="Only 2 of the 3 processes of this run have a GPU"):
        init_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["auto", "sharded"])
def test_two_processes_score_what_one_scores(
    memory, make_store, fill, small_base, until, monkeypatch, request
):
    """Long tweets at every second place, so that one process has more batches than the other."""
    if memory == "sharded":  # once by the real command line of torchrun
        request.getfixturevalue("forked")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    texts = [f"text number {n}" + " goes up" * (60 * (n % 2)) for n in range(81)]
    store = fill(make_store(), [{"text": text} for text in texts])
    recipe = recipes.load("tiny", [f"training.memory={memory}"])
    base, said = str(small_base), []
    for processes in (1, 2):
        run = snapshot_prediction(store, recipe, base, "", None).path
        if processes > 1:
            launching.start_run(run, Launch(TORCHRUN, gpus=processes))
        else:
            do_run(read_job(run), run, Reporter(run))
        until(lambda run=run: reconcile_state(run).state not in ("queued", "running"), 120)
        assert read_state(run).state == DONE, read_state(run).reason
        phases = [values["phase"] for values, _ in read_log(run) if "phase" in values]
        assert phases == ["starting", "loading the base", "predicting", "done"]
        done = [values["done"] for values, _ in read_log(run) if values["event"] == "scored"]
        assert done[-1] == 81
        said.append(pq.read_table(run / "predictions.parquet").to_pydict())
    assert said[0]["id"] == said[1]["id"] == list(range(1, 82))
    for one, two in zip(said[0]["probabilities"], said[1]["probabilities"], strict=True):
        assert two == pytest.approx(one, abs=1e-3)


@pytest.fixture
def sample_base(repository):
    return repository / "sample_data" / "base"


@pytest.fixture
def train_run(filled, small_base, until, monkeypatch, forked):
    """Fine-tune a base without dropout: here, or forked as several processes."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    wishes = [
        "lora.dropout=0",
        "training.logging_steps=1",
        "training.batch_size=5",
        "training.save_steps=4",
    ]

    def run(processes, steps=12, *overrides, base=small_base):
        recipe = recipes.load("tiny", [*wishes, f"training.max_steps={steps}", *overrides])
        folder = snapshot_training(filled, recipe, str(base), "").path
        if processes > 1:
            launching.start_run(folder, Launch(TORCHRUN, gpus=processes))
        else:
            do_run(read_job(folder), folder, Reporter(folder))
        return folder

    def end(folder):
        until(lambda: reconcile_state(folder).state not in ("queued", "running", "stopping"), 120)
        return read_state(folder)

    return run, end


def losses(folder):
    return {v["step"]: v["loss"] for v, _ in read_log(folder) if v["event"] == "step"}


def judged(folder):
    return {v["step"]: v["loss"] for v, _ in read_log(folder) if v["event"] == "dev"}


def weights(folder):
    return load_file(folder / "adapter" / "adapter_model.safetensors")


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(train_run, second_process):
    """Also if only the first finds that tweets can be packed, on which their order depends."""
    run, end = train_run
    second_process("sys.modules['workbench.modeling.base.capabilities'].LEAK_TOLERANCE = -1.0")
    dev = ("training.patience=1", "training.keep_best=true", "training.dev_share=0.3")
    two, one = run(2, 12, *dev), run(1, 12, *dev)
    for folder in (one, two):
        assert end(folder).state == DONE, read_state(folder).reason
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert judged(two) == pytest.approx(judged(one), abs=1e-4)
    ending = "Ended at step 8 of 12: no better on dev since step 4, whose adapter is kept."
    for folder in (one, two):
        details = json.loads((folder / "adapter" / "workbench.json").read_text())
        assert read_state(folder).reason == details["ending"] == ending
        assert (details["steps"], details["adapter_step"]) == (8, 4)
    for name, tensor in weights(one).items():
        assert torch.allclose(tensor, weights(two)[name], atol=2e-4), name
    seen = [pq.read_table(folder / "dynamics.parquet").to_pylist() for folder in (one, two)]
    by_tweet = [sorted((row["id"], row["epoch"]) for row in rows) for rows in seen]
    assert by_tweet[0] == by_tweet[1]


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(train_run, sample_base, until):
    run, end = train_run
    parts = run(2, steps=40, base=sample_base)
    until(lambda: read_state(parts).step >= 2, 120)
    (parts / "stop").touch()
    whole = run(1, steps=40, base=sample_base)
    assert end(parts).state == "stopped"
    assert 2 <= read_state(parts).step < 40
    launching.resume_run(parts, Launch())
    for folder in (whole, parts):
        assert end(folder).state == DONE, read_state(folder).reason
    assert losses(parts)[40] == pytest.approx(losses(whole)[40], abs=1e-3)


@pytest.mark.slow
def test_two_processes_that_share_a_base_learn_what_one_learns(train_run, sample_base):
    """Each holds half of the 4-bit layers; the last step of an epoch leaves one without rows."""
    run, end = train_run
    sharded = (
        "training.memory=sharded",
        "quantization.double=true",
        "training.batch_size=2",
        "training.dev_share=0.2",
    )
    two, one = (run(number, 13, *sharded, base=sample_base) for number in (2, 1))
    assert pq.read_metadata(two / "train.parquet").num_rows % 2
    for folder in (one, two):
        assert end(folder).state == DONE, read_state(folder).reason
        assert read_state(folder).linear4bit == read_state(folder).linear_total
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    for name, tensor in weights(one).items():
        assert torch.allclose(tensor, weights(two)[name], atol=2e-4), name
    [held, whole] = re.search(
        r"over 2 processes, ([\d.]+) of its ([\d.]+) MiB in each", (two / "log.jsonl").read_text()
    ).groups()
    assert float(held) < 0.8 * float(whole)
    assert "shares nothing out in one process" in (one / "log.jsonl").read_text()
    said = [pq.read_table(folder / "predictions.parquet").to_pydict() for folder in (one, two)]
    for first, second in zip(*(rows["probabilities"] for rows in said), strict=True):
        assert second == pytest.approx(first, abs=1e-3)


HOOK = """
import os, resource, signal, sys
seen, (_, most) = [], resource.getrlimit(resource.RLIMIT_NOFILE)
def hook(event, arguments):
    name = str(arguments[0]) if event == "open" else ""
    if name.endswith("tokenizer_config.json"):
        seen.append(name)
        if len(seen) == 2:
            {what}
    elif "failed-1" in name:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
if os.environ.get("RANK") == "1":
    sys.addaudithook(hook)
"""


@pytest.fixture
def second_process(tmp_path, monkeypatch):
    """Has something happen to the second process of a run when it loads the tokenizer.

    It has joined the others by then. The file is opened once before, for its fingerprint.
    """

    def play(what):
        (tmp_path / "sitecustomize.py").write_text(HOOK.format(what=what))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return play


@pytest.mark.slow
def test_what_ends_the_second_process_is_told(train_run, second_process):
    run, end = train_run
    second_process("resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))")  # no more files
    folder = run(2)
    assert end(folder).state == FAILED
    assert re.match(r"Process 1 failed: .*Too many open files", read_state(folder).reason)
    assert not list(folder.glob("failed-*"))


@pytest.mark.slow
def test_a_second_process_that_is_killed_is_missed(train_run, second_process):
    run, end = train_run
    second_process("os.kill(os.getpid(), signal.SIGKILL)")
    folder = run(2)
    assert end(folder).state == FAILED
    assert read_state(folder).reason == OTHER_ENDED

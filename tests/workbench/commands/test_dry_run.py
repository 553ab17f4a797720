"""What `train --dry-run` says, and that it does nothing."""

from __future__ import annotations

import json
import os

import pytest

from workbench.planning.devices import Device
from workbench.planning.forecast import TextStatistics, forecast
from workbench.planning.kernel_cache import FIRST_COMPILATION
from workbench.planning.memory_estimate import GIB
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.rundir.launch import TORCHRUN, Launch
from workbench.runs.snapshotting import snapshot_training

H100 = Device("cuda", "NVIDIA H100 80GB HBM3", 79 * GIB, 80 * GIB)
TEXTS = TextStatistics(400, 120.0, 400, 500)
FALCON = {
    "model_type": "falcon",
    "hidden_size": 4544,
    "num_hidden_layers": 32,
    "num_attention_heads": 71,
    "vocab_size": 65024,
}


@pytest.fixture(autouse=True)
def kernel(tmp_path, monkeypatch):
    """A kernel that was compiled on this machine before."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "kernel.py").write_text("")
    return tmp_path / "kernels" / "kernel.py"


@pytest.fixture
def falcon(tmp_path, monkeypatch):
    """The name of a hub model of which only the config.json is in the cache."""
    model = tmp_path / "hub" / "models--some--falcon"
    (model / "snapshots" / "abc").mkdir(parents=True)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("abc")
    (model / "snapshots" / "abc" / "config.json").write_text(json.dumps(FALCON))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return "some/falcon"


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.models
def test_a_dry_run_tells_and_does_nothing(trained, cli, repository, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ENGINE_DIR", str(tmp_path / "engine"))
    before = everything(trained)
    base = repository / "sample_data" / "base"
    arguments = ("train", "--dry-run", "--recipe", "tiny", "--base", base)
    found = cli(*arguments, "--json").json
    assert (found["train"] + found["dev"], found["steps"]) == (584, 80)
    assert found["settings"]["lora"]["r"] == 16
    assert found["memory"]["needed_gib"] == pytest.approx(
        sum(found["memory"]["parts_gib"].values())
    )
    assert found["device"]["free_gib"] > 0 and found["seconds"] > 0
    told = cli(*arguments, "--set", "lora.r=8", "--launcher", "engine").out
    for words in ("tweets to train on", "r 8", "GiB", "for 80 steps", "activations"):
        assert words in told
    assert everything(trained) == before and not (tmp_path / "engine").exists()
    assert cli(*arguments, "--nodes", "2").status == 2
    assert [path.name for path in (trained / "runs").glob("[0-9]*")] == ["1"]


def test_a_dry_run_says_whether_a_base_is_shared_out(trained, cli, falcon):
    sharded = ("train", "--dry-run", "--base", falcon, "--set", "training.memory=sharded")
    assert "shares nothing out in one process" in cli(*sharded).out
    assert "shares nothing out" not in cli(*sharded, "--gpus", "4").out


def test_a_dry_run_refuses_what_a_run_would(cli, write, tmp_path):
    cli("init", tmp_path / "one", "--labels", "only")
    cli("import", write("one.csv", "text,label\nhello,only\n"), "-w", tmp_path / "one")
    done = cli("train", "--dry-run", "--recipe", "baseline", "-w", tmp_path / "one")
    assert done.status == 1 and "fewer than two labels" in done.err


def test_a_base_that_is_not_here_yet_is_not_guessed(trained, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
    done = cli("train", "--dry-run", "--recipe", "seed", "--json")
    assert done.status == 0
    assert "is not known before it is on this machine" in done.json["unknown"]
    assert "memory" not in done.json
    assert cli("train", "--dry-run", "--base", "./nowhere").status == 1


def test_the_free_memory_of_a_gpu_is_asked_of_its_driver(trained, cli, falcon, tmp_path):
    """A stand-in for nvidia-smi says what the first visible GPU has left."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'NVIDIA GeForce RTX 4070, 11000, 12282'\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", path)
        patched.setenv("CUDA_VISIBLE_DEVICES", "0")
        arguments = ("train", "--dry-run", "--recipe", "fast", "--base", falcon)
        found = cli(*arguments, "--set", "training.memory=16-bit", "--json").json
        assert found["device"]["name"] == "NVIDIA GeForce RTX 4070"
        assert (found["fits"], found["would_fit"]) == (False, "training.memory=24gb")
        told = cli(*arguments, "--set", "training.memory=nf4").out
        assert "! more than is free: training.memory=24gb would fit" in told
        assert cli(*arguments, "--json").json["memory"]["setting"] == "24gb"


@pytest.mark.models
def test_targets_that_no_layer_has_are_said(trained, cli, repository):
    base = repository / "sample_data" / "base"
    arguments = ("train", "--dry-run", "--recipe", "tiny", "--base", base, "--json")
    refused = cli(*arguments, "--set", "lora.targets=foo")
    assert refused.status == 1 and "lora.targets=foo names no layer of" in refused.err
    assert "it has dense, dense_4h_to_h, dense_h_to_4h, query_key_value" in refused.err
    assert cli(*arguments, "--set", "lora.targets=dense").json["unknown"] is None


def test_time_is_that_of_an_earlier_run_like_it(small, repository):
    """It ended after ten of its steps, since dev did not get better."""
    base = str(repository / "sample_data" / "base")
    recipe = recipes.load("tiny")
    run = snapshot_training(small, recipe, base, "").path
    for step in (5, 10):
        run_folder.append_log(run, "step", step=step, steps=80, loss=0.5, step_s=2.0)
    state = run_folder.State(state="done", step=10, steps=80, started=100.0, finished=130.0)
    run_folder.write_state(run, state)

    def seconds(*overrides):
        chosen = recipes.load("tiny", overrides)
        return forecast(chosen, base, "{text}:", TEXTS, H100, [run]).time

    assert seconds().seconds == 10 + 80 * 2
    assert seconds("training.batch_size=32", "training.max_steps=20").seconds == 10 + 20 * 4
    assert seconds().source == f"as run {run.name} took"
    assert "TFLOP/s" in seconds("training.memory=nf4").source


def test_the_first_compilation_on_a_machine_counts_once(small, repository, falcon, kernel):
    def rough(device, recipe="fast"):
        return forecast(recipes.load(recipe), falcon, "", TEXTS, device, []).time

    usual = [rough(H100), rough(H100, "seed"), rough(Device("cpu", "8 cores", 1 << 36, 1 << 36))]
    kernel.unlink()
    first = rough(H100)
    assert first.seconds == usual[0].seconds + 55 and first.step_s == usual[0].step_s
    assert "a minute to compile" in first.source
    assert usual[1:] == [
        rough(H100, "seed"),
        rough(Device("cpu", "8 cores", 1 << 36, 1 << 36)),
    ], "neither is compiled"

    base = str(repository / "sample_data" / "base")
    run = snapshot_training(small, recipes.load("tiny"), base, "").path
    run_folder.append_log(run, "phase", phase=FIRST_COMPILATION, at=110.0)
    run_folder.append_log(run, "phase", phase="training", at=150.0)
    run_folder.append_log(run, "step", step=5, steps=80, loss=0.5, step_s=2.0, at=160.0)
    kernel.write_text("")

    def after(**state):
        run_folder.write_state(run, run_folder.State(started=100.0, **state))
        return forecast(recipes.load("tiny"), base, "{text}:", TEXTS, H100, [run]).time

    done = after(state="done", step=80, steps=80, finished=320.0)
    assert done.seconds == 320 - 100 - 40
    going_on = after(state="running", step=5, steps=80, heartbeat=161.0)
    assert going_on.seconds - going_on.after_s == 10 + 80 * 2


@pytest.mark.parametrize("state", ["running", "stopped", "failed"])
def test_time_is_corrected_by_the_steps_of_a_run_that_is_not_over(small, repository, state):
    base = str(repository / "sample_data" / "base")
    run = snapshot_training(small, recipes.load("tiny"), base, "").path

    def found():
        return forecast(recipes.load("tiny"), base, "{text}:", TEXTS, H100, [run]).time

    rough = found()
    run_folder.append_log(run, "step", step=5, steps=80, loss=0.5, step_s=2.0, at=130.0)
    run_folder.write_state(
        run, run_folder.State(state=state, step=5, steps=80, started=100.0, heartbeat=131.0)
    )
    corrected = found()
    assert corrected.source == f"from the steps of run {run.name}"
    # 20 s before the first step, 80 steps of 2 s, and scoring as far off as the steps are
    scoring = rough.after_s * 2.0 / rough.step_s
    assert corrected.seconds == pytest.approx(20 + 80 * 2 + scoring)


def test_what_a_run_is_thought_to_take_is_written_down_before_it_begins(
    trained, cli, repository, monkeypatch
):
    launched = []
    monkeypatch.setattr(
        "workbench.runs.launching.start_run",
        lambda folder, how: launched.append([values for values, _ in run_folder.read_log(folder)]),
    )
    base = repository / "sample_data" / "base"
    assert cli("train", "--recipe", "tiny", "--base", base, "--json").status == 0
    assert cli("clone", "2", "--set", "training.max_steps=8", "--json").status == 0
    [train], [clone] = launched
    assert train["event"] == "estimate" and "TFLOP/s" in train["source"]
    assert train["seconds"] > 80 * train["step_s"] > 8 * clone["step_s"] > 0
    assert cli("train", "--recipe", "baseline", "--json").status == 0
    assert launched[2] == []


def test_time_from_operations_is_near_what_an_h100_took(falcon):
    recipe = recipes.load("fast", ["training.memory=16-bit"])
    found = forecast(recipe, falcon, "", TextStatistics(400, 51.45 * 3.1, 400, 0), H100, [])
    assert found.time.seconds == pytest.approx(200 * 0.064 + 13.3, rel=0.1)  # and loading


def test_several_gpus_share_the_work_and_if_wanted_the_base(falcon):
    """One card that is too small for the base has room for half of it."""

    def asked(gpus, *overrides, free=4.5):
        card = Device("cuda", "NVIDIA T4", int(free * GIB), 16 * GIB)
        chosen = recipes.load("fast", overrides)
        return forecast(chosen, falcon, "", TEXTS, card, [], Launch(TORCHRUN, 1, gpus))

    alone, two = asked(1), asked(2)
    assert not alone.fits and alone.fitting_setting is None
    assert "or share it out (--gpus N --set training.memory=sharded)" in alone.sentences()[-1]
    assert not two.fits and two.fitting_setting == "training.memory=sharded"
    shared = asked(2, "training.memory=sharded")
    assert shared.fits and "GiB on each GPU (memory sharded)" in shared.sentences()[1]
    assert shared.as_json()["processes"] == 2
    assert "or take more GPUs" in asked(2, "training.memory=sharded", free=2).sentences()[-1]
    large = [asked(gpus, free=70).memory.activations for gpus in (1, 2)]
    assert large[1] == pytest.approx(large[0] / 2, rel=0.1)
    times = [asked(gpus, free=70).time.seconds for gpus in (1, 2)]
    assert times[1] < times[0]


def test_processes_on_a_cpu_share_its_memory(small, repository):
    base = str(repository / "sample_data" / "base")
    needed = forecast(recipes.load("tiny"), base, "{text}:", TEXTS, H100, []).memory.needed
    machine = Device("cpu", "the CPU", int(needed * 2), int(needed * 2))
    both = [
        forecast(recipes.load("tiny"), base, "{text}:", TEXTS, machine, [], Launch(TORCHRUN, 1, n))
        for n in (1, 4)
    ]
    assert [found.fits for found in both] == [True, False]
    assert "GiB for each process" in both[1].sentences()[1]


@pytest.mark.models
def test_folds_are_counted_in_steps_time_and_settings(trained, cli, repository, falcon):
    base = repository / "sample_data" / "base"
    arguments = ("train", "--dry-run", "--recipe", "tiny", "--base", base, "--json")
    plain, found = (cli(*arguments, *more).json for more in ((), ("--folds", "4")))
    assert found["settings"]["training"]["folds"] == 4
    assert (plain["steps"], found["steps"]) == (80, 5 * 80)
    assert found["seconds"] > 3 * plain["seconds"]
    without_last = cli(*arguments, "--folds", "4", "--set", "training.final_fit=false").json
    assert without_last["steps"] == 4 * 80
    baseline = cli("train", "--dry-run", "--recipe", "baseline", "--folds", "7", "--json").json
    assert baseline["settings"]["logistic"]["folds"] == 7

    epochs = recipes.load("fast", ["training.max_steps=0", "training.epochs=2", "training.folds=4"])
    device, message = H100, "{text}"
    steps = forecast(epochs, falcon, message, TEXTS, device, []).steps
    assert steps == 4 * 2 * 19 + 2 * 25  # of 300 and of 400 tweets, 16 a step


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--recipe", "seed", "--folds", "5"), "training.folds goes with training.trainer=packed"),
        (("--recipe", "fast", "--folds", "1"), "training.folds is 0, or 2 to 50"),
        (("--recipe", "fast", "--set", "training.final_fit=false"), "goes with training.folds"),
    ],
)
def test_folds_that_cannot_be_are_one_sentence(trained, cli, options, sentence):
    done = cli("train", "--dry-run", *options)
    assert done.status == 2 and sentence in done.err

"""Curves in other programs: those of the log, never sent unless asked, and no run ends for them."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.util import find_spec

import pytest
from bases_by_code import save_base

from storage.errors import UsageError, UserError
from workbench.planning.trackers import require_tracker
from workbench.recipes import recipes
from workbench.rundir.folder import DONE, read_job, read_log, read_state
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("forked")]

PLAYED = """
import json, pathlib
told = pathlib.Path(__file__).with_name("told.jsonl")
def tell(**values):
    with told.open("a") as file:
        file.write(json.dumps(values) + "\\n")
class Run:
    def log(self, values, step):
        {fault}
        tell(values=values, step=step)
    def finish(self):
        tell(finished=True)
def init(**options):
    tell(**options)
    return Run()
"""


@pytest.fixture(scope="module")
def small_base(tmp_path_factory):
    return save_base("llama", tmp_path_factory.mktemp("base"))


@pytest.fixture
def reported(make_model_run, small_base):
    """Does a run that reports somewhere; its folder."""

    def run(*overrides):
        folder = make_model_run(*overrides, "training.dev_share=0.3", base=small_base)
        assert do_run(read_job(folder), folder, Reporter(folder)), read_state(folder).reason
        return folder

    return run


@pytest.fixture
def played_wandb(tmp_path, monkeypatch):
    """Puts a module in the place of wandb, which writes down what it is told."""

    def play(fault="pass"):
        folder = tmp_path / "played"
        folder.mkdir()
        (folder / "wandb.py").write_text(PLAYED.format(fault=fault))
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "wandb", raising=False)
        importlib.invalidate_caches()
        return lambda: [json.loads(line) for line in (folder / "told.jsonl").open()]

    yield play
    sys.modules.pop("wandb", None)


def logged(run, event):
    return [values for values, _ in read_log(run) if values["event"] == event]


@pytest.mark.parametrize("online", [False, True])
def test_wandb_is_told_what_the_log_holds_and_sends_it_only_if_asked(
    played_wandb, reported, online
):
    told = played_wandb()
    more = ("training.report_online=true",) if online else ()
    run = reported("training.report_to=wandb", *more)
    begun, *values, ended = told()
    assert begun["mode"] == ("online" if online else "offline")
    assert (begun["dir"], begun["id"]) == (str(run), read_job(run).uid)
    assert begun["config"]["lora.r"] == 16 and ended == {"finished": True}
    steps = {row["step"]: row["values"] for row in values if "train/loss" in row["values"]}
    assert steps.keys() == {1, 2, 3, 4}
    for event in logged(run, "step"):
        assert steps[event["step"]]["train/loss"] == event["loss"]
    dev = [row for row in values if "dev/accuracy" in row["values"]]
    assert [row["step"] for row in dev] == [event["step"] for event in logged(run, "dev")]


def test_a_program_that_fails_ends_no_run(played_wandb, reported):
    played_wandb("raise RuntimeError('the disk of somebody else is full')")
    run = reported("training.report_to=wandb")
    assert read_state(run).state == DONE and len(logged(run, "step")) == 4
    notes = [values["text"] for values in logged(run, "note")]
    assert sum("nothing more goes to wandb: the disk of somebody" in note for note in notes) == 1


def test_a_program_that_does_not_begin_ends_no_run_either(played_wandb, reported, monkeypatch):
    played_wandb()
    import wandb

    monkeypatch.delattr(wandb, "init")
    notes = [values["text"] for values in logged(reported("training.report_to=wandb"), "note")]
    assert sum("its curves go into the log alone: " in note for note in notes) == 1


def test_tensorboard_reads_the_curves(reported):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = reported("training.report_to=tensorboard")
    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    curve = {event.step: event.value for event in found.Scalars("train/loss")}
    assert curve == pytest.approx({e["step"]: e["loss"] for e in logged(run, "step")}, rel=1e-5)
    assert found.Scalars("dev/accuracy")


def test_a_missing_package_is_said_before_anything_starts(filled, small_base, cli, monkeypatch):
    monkeypatch.setattr(
        "workbench.planning.trackers.find_spec",
        lambda name: None if name == "trackio" else find_spec(name),
    )
    for recipe in ("tiny", "seed"):
        options = ("--recipe", recipe, "--base", small_base, "--set", "training.report_to=trackio")
        for dry in ((), ("--dry-run",)):
            done = cli("-w", filled.folder, "train", *options, *dry)
            assert done.status == 1 and "needs the package trackio" in done.err
    assert not list(filled.runs_folder.glob("[0-9]*"))
    with pytest.raises(UserError, match="pip install trackio"):
        require_tracker(recipes.load("fast", ["training.report_to=trackio"]))
    require_tracker(recipes.load("baseline"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["training.report_to=mlflow"], "report_to is one of none, wandb, tensorboard, trackio"),
        (["training.report_online=true"], "goes with training.report_to=wandb only"),
    ],
)
def test_what_is_not_known_is_refused(settings, sentence):
    with pytest.raises(UsageError, match=sentence):
        recipes.load("fast", settings)

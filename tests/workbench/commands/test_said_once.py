"""What a command has to say of a run is said once, on one stream or the other."""

from __future__ import annotations

import pytest

from storage.errors import UserError
from storage.runs import runs
from workbench.commands.runs.report import report_run
from workbench.console.options import Settings
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder

WHY = "The GPU ran out of memory; lower training.batch_size."


@pytest.fixture
def ended(small):
    """Makes a run that has ended, with a note in its log."""

    def make(state, note=None):
        number = runs.add(small, "one", "qlora", "tiny", "base", ("positive", "negative"))
        folder = small.run_folder(number)
        folder.mkdir(parents=True)
        run_folder.Job(
            id=number,
            uid="one",
            kind="qlora",
            recipe=recipes.load("tiny"),
            base="base",
            labels=("positive", "negative"),
            words=("Positive", "Negative"),
            template="{text}:",
            data_hash="",
            created=0,
            versions={},
        ).save(folder)
        if note:
            run_folder.append_log(folder, "note", text=note)
        run_folder.write_state(folder, run_folder.State(state=state, reason=WHY))
        return number

    return make


@pytest.mark.parametrize("as_json", [False, True])
def test_why_a_run_failed_after_waiting_for_it(small, ended, capsys, as_json):
    number = ended("failed")
    with pytest.raises(UserError, match=f"Run {number} failed: {WHY}"):
        report_run(Settings(as_json=as_json), small, number, waits=True)
    said = capsys.readouterr()
    assert (said.out + said.err).count(WHY) == as_json  # for scripts it stays in the object


def test_what_is_to_be_said_of_a_run_that_is_done(small, ended, capsys):
    report_run(Settings(), small, ended("done"), waits=True)
    assert capsys.readouterr().out.count(WHY) == 1


@pytest.mark.parametrize(("state", "note"), [("done", WHY), ("failed", None), ("stopped", "a")])
def test_the_end_of_a_log(small, ended, cli, state, note):
    number = ended(state, note)
    out = cli("-w", small.folder, "logs", number).out
    assert out.count(WHY) == 1
    assert f"Run {number}: {state}" in out


def test_the_list_of_runs(small, ended, cli):
    ended("failed")
    assert cli("-w", small.folder, "runs").out.count(WHY) == 1

"""What commands show while they work for longer than a second, on a terminal."""

from __future__ import annotations

import io
import re
from contextlib import closing
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from storage.runs import runs
from storage.store import open_store
from workbench.console import progress, run_follower
from workbench.console.run_follower import wait_for_runs
from workbench.recipes import recipes
from workbench.rundir import elapsed_time, expected_time, processes
from workbench.rundir import folder as run_folder
from workbench.rundir.expected_time import TimeEstimate
from workbench.rundir.folder import State, write_state
from workbench.rundir.log_format import format_event


@pytest.fixture
def terminal(monkeypatch):
    """What is drawn on stderr when a second is over at once."""
    drawn = io.StringIO()

    def at_once(seconds, function):
        class Timer:
            daemon = True
            start = staticmethod(function)
            cancel = join = staticmethod(lambda: None)

        return Timer()

    monkeypatch.setattr(progress, "DELAY_S", -1.0)
    monkeypatch.setattr(progress, "Timer", at_once)
    monkeypatch.setattr(
        progress, "Console", lambda stderr: Console(file=drawn, force_terminal=True, width=80)
    )
    return drawn


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("export", "{}/out.csv"), "writing out.csv"),
        (("backup", "{}/copy.db"), "copying the store"),
        (("check",), "checking"),
        (("suspects", "--run", "1"), "ranking"),
        (("evaluate", "1"), "evaluating"),
        (("agreement",), "comparing"),
        (("diff", "gold"), "comparing"),
        (("runs",), "reading what runs produced"),
        (("label", "--where", "id:<9", "negative"), "labelling"),
    ],
)
def test_a_command_says_what_it_does(trained, tmp_path, cli, terminal, arguments, shown):
    done = cli(*(part.format(tmp_path) for part in arguments))
    assert done.status == 0, done.err
    assert shown in terminal.getvalue()


def test_waiting_for_a_run_tells_how_long_it_will_be(trained, tmp_path, monkeypatch):
    from storage.store import open_store
    from workbench.console import run_follower

    store = open_store(trained)
    drawn = io.StringIO()
    monkeypatch.setattr(
        run_follower, "Console", lambda stderr: Console(file=drawn, force_terminal=True, width=120)
    )
    going = State("running", phase="predicting 40 of 720", eta_s=75.0)
    states = iter([going, going, State("done")])
    monkeypatch.setattr(run_follower, "reconcile_state", lambda folder: next(states))
    waits = []
    monkeypatch.setattr(run_follower.time, "sleep", waits.append)
    run_follower.wait_for_runs(store, 1)
    store.close()
    assert len(waits) == 2, "one after each look at a run that goes on, and none when it has ended"
    assert "run 1 baseline: predicting 40 of 720" in drawn.getvalue()
    assert "1:15 left" in drawn.getvalue()


@pytest.fixture
def slow_start(small, monkeypatch):
    """Makes a run that loads its base, trains, and ends, a look at it at a time."""
    folder = small.run_folder(runs.add(small, "slow", "qlora", "tiny", "base", ("a", "b")))
    folder.mkdir(parents=True)
    expected_time.log_estimate(folder, TimeEstimate(64.0, "rough", 0.5, 10.0))
    monkeypatch.setattr(elapsed_time.time, "time", lambda: 135.0)
    going = State("running", started=100.0, heartbeat=110.0)

    def looks():
        yield replace(going, phase="loading the base")
        run_folder.append_log(folder, "estimate", seconds=526.0, before=64.0, step=5)
        yield replace(going, phase="training", step=5, steps=80, eta_s=491.0)
        while True:
            yield replace(going, state="done", finished=700.0)

    looks = looks()
    monkeypatch.setattr(run_follower, "reconcile_state", lambda folder: next(looks))
    monkeypatch.setattr(run_follower, "POLL_S", 0.0)
    return small, folder


@pytest.mark.parametrize("width", [80, 120])
def test_waiting_shows_a_clock_before_the_first_step_and_a_corrected_estimate_after(
    slow_start, monkeypatch, width
):
    store, _ = slow_start
    drawn = io.StringIO()
    shown = Console(file=drawn, force_terminal=True, width=width)
    monkeypatch.setattr(run_follower, "Console", lambda stderr: shown)
    run_follower.wait_for_runs(store, 1)
    lines = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", drawn.getvalue()).replace("\r", "\n").splitlines()
    [before] = {line for line in lines if "loading the base" in line}
    assert before.endswith("0:35 of about 1:04")
    [after] = {line for line in lines if "training" in line}
    assert after.split()[-6:] == ["0:35", "8:11", "left,", "first", "estimate", "1:04"]
    assert all(cell_len(line) <= width for line in lines)


def test_a_followed_log_has_a_clock_below_it_on_a_terminal(slow_start):
    _, folder = slow_start
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=80)
    with run_follower.LogPrinter(folder, 1, console) as printer:
        for values in run_follower.follow_log(folder, True, printer.show_state):
            printer.print(format_event(values))
    told = drawn.getvalue()
    assert (
        "run 1 loading the base  0:35" in told
        and "run 1 training  5/80  0:35  about 8:11 left" in told
    )
    assert "about 1:04 in all (rough)" in told and "about 8:46 in all, not 1:04" in told


def test_a_log_in_a_file_has_its_lines_alone(slow_start):
    _, folder = slow_start
    drawn = io.StringIO()
    with run_follower.LogPrinter(folder, 1, Console(file=drawn, width=80)) as printer:
        for values in run_follower.follow_log(folder, True, printer.show_state):
            printer.print(format_event(values))
    assert len(drawn.getvalue().splitlines()) == 2 and "\x1b" not in drawn.getvalue()


def test_the_list_says_how_a_run_stands_that_has_not_begun_its_first_step(
    slow_start, cli, monkeypatch
):
    store, folder = slow_start
    me = processes.identity()
    run_folder.Job(
        id=1,
        uid="slow",
        kind="qlora",
        recipe=recipes.load("tiny"),
        base="base",
        labels=("a", "b"),
        words=("A", "B"),
        template="{text}:",
        data_hash="",
        created=0,
        versions={},
    ).save(folder)
    write_state(
        folder,
        State("running", phase="loading the base", **me.as_state),
        started=100.0,
        heartbeat=110.0,
    )
    runs.update(store, 1, state="running")
    told = cli("-w", store.folder, "runs").out
    assert "Run 1: running, loading the base, 0:35 so far, estimate: about 1:04 in all" in " ".join(
        told.split()
    )


def test_a_run_that_failed_is_not_shown_as_complete(trained, capsys):
    with closing(open_store(trained)) as store:
        write_state(store.run_folder(1), State(state="failed", phase="loading the base"))
        wait_for_runs(store, 1)
    told = capsys.readouterr().err
    assert "run 1 baseline: failed" in told and "1/1" not in told and "None" not in told

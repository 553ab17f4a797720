"""What commands show while they work for longer than a second, on a terminal."""

from __future__ import annotations

import io
from contextlib import closing

import pytest
from rich.console import Console

from storage.store import open_store
from workbench.commands import progress
from workbench.commands.watching import wait
from workbench.runs.folder import State, write_state


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

    monkeypatch.setattr(progress, "PATIENCE", -1.0)
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
        (("suspects",), "ranking"),
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
    from workbench.commands import watching

    store = open_store(trained)
    drawn = io.StringIO()
    monkeypatch.setattr(
        watching, "Console", lambda stderr: Console(file=drawn, force_terminal=True, width=120)
    )
    going = State("running", phase="predicting 40 of 720", eta_s=75.0)
    states = iter([going, going, State("done")])
    monkeypatch.setattr(watching, "settle", lambda folder: next(states))
    watching.wait(store, 1)
    store.close()
    assert "run 1 baseline: predicting 40 of 720" in drawn.getvalue()
    assert "1:15 left" in drawn.getvalue()


def test_a_run_that_failed_is_not_shown_as_complete(trained, capsys):
    with closing(open_store(trained)) as store:
        write_state(store.run_folder(1), State(state="failed", phase="loading the base"))
        wait(store, 1)
    told = capsys.readouterr().err
    assert "run 1 baseline: failed" in told and "1/1" not in told and "None" not in told

"""Two screens, or commands, of one user on one workspace: nothing lost, nothing doubled."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from storage.history import labels
from storage.runs import runs
from workbench.recipes import recipes
from workbench.rundir import tables
from workbench.rundir.folder import DONE, RUNNING, STOPPED, State, append_log, write_state
from workbench.runs import trash
from workbench.runs.collecting import collect, collect_run
from workbench.runs.snapshotting import snapshot_training

N = 40


def finished(run):
    """Do what a worker does."""
    rng = np.random.default_rng(1)
    first = rng.random(N)
    chances = np.column_stack([first, 1 - first])
    tables.write_predictions(run, list(range(1, N + 1)), chances, set())
    append_log(run, "step", step=3, loss=0.5)
    write_state(run, State(started=1.0, finished=2.0), state=DONE, step=3)


def everything(store):
    wanted = ("runs", "predictions", "metrics", "evaluations", "queues")
    found = {name: store.db.execute(f"SELECT * FROM {name}").fetchall() for name in wanted}
    orders = "SELECT * FROM orders WHERE run > 0 ORDER BY run, name, value, tweet"
    return found | {"orders": store.db.execute(orders).fetchall()}


@contextmanager
def written(store):
    """The statements that write something."""
    said = []
    store.db.set_trace_callback(
        lambda sql: said.append(sql) if sql.startswith(("INSERT", "UPDATE", "DELETE")) else None
    )
    yield said
    store.db.set_trace_callback(None)


def test_what_another_screen_has_collected_is_not_taken_in_again(baseline, filled, reopen):
    finished(baseline)
    [stale] = runs.every(filled)
    other = reopen(filled)
    assert [run.state for run in collect(other)] == [DONE]
    before = everything(other)
    [known] = runs.every(filled)
    with written(filled) as said:
        assert collect_run(filled, stale), "it is told as one that has ended here, too"
    assert [sql for sql in said if "metrics" not in sql and "log_offset" not in sql] == []
    assert everything(other) == before and runs.every(filled) == [known]


@pytest.mark.parametrize("does", ["resume", "delete"])
def test_a_run_that_somebody_resumes_or_deletes_while_it_is_collected_stays_so(
    does, baseline, filled, reopen
):
    [stale] = runs.every(filled)
    if does == "resume":
        write_state(baseline, State(started=1.0), state=STOPPED, reason="an old word")
        runs.update(reopen(filled), 1, state=RUNNING)
    else:
        trash.delete_run(reopen(filled), 1)
    before = everything(filled)
    collect_run(filled, stale)
    assert everything(filled) == before


SCREEN = """
import asyncio, sys
from pathlib import Path
from workbench.tui.app import WorkbenchApp

folder, tweet, label = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

async def main():
    app = WorkbenchApp(folder, "ana")
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(*"j" * (tweet - 1), label)
        text = ""
        while "run 1 done" not in text:
            await pilot.pause(0.05)
            strips = app.screen._compositor.render_strips()
            text = "\\n".join("".join(s.text for s in line) for line in strips)
        await pilot.press("R")
        while not app.screen.query("#runs") or len(app.screen._table.runs) < 2:
            await pilot.pause(0.05)
        print([run.state for run in app.screen._table.runs])

asyncio.run(main())
"""


@pytest.mark.slow
def test_two_screens_follow_and_collect_the_same_run(baseline, filled):
    """Both see it end, both label meanwhile, and the store is as after one collection."""
    snapshot_training(filled, recipes.load("baseline"), None, "")  # which waits for its worker
    finished(baseline)
    screens = [
        subprocess.Popen(
            [sys.executable, "-c", SCREEN, str(filled.folder), tweet, label],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for tweet, label in (("2", "1"), ("3", "2"))
    ]
    for screen in screens:
        out, err = screen.communicate(timeout=120)
        assert (screen.returncode, out) == (0, "['queued', 'done']\n"), err
    both = everything(filled)
    assert len(both["predictions"]) == len(both["queues"]) == N
    assert [row[0] for row in both["runs"]] == [1, 2] and len(both["metrics"]) == 1
    assert len(both["orders"]) == len(set(both["orders"])) > 3 * N
    assert [len(labels.history(filled, tweet)) for tweet in (2, 3)] == [2, 2]

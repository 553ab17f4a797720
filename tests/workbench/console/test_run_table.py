"""The table of `workbench runs`."""

from __future__ import annotations

import re
import sys

from storage.runs.runs import Run
from workbench.console.run_table import print_runs


def run(number, **values):
    test = {"test": {"accuracy": 0.772, "accuracy_low": 0.681, "accuracy_high": 0.843, "n": 101}}
    known = {
        "id": number,
        "kind": "qlora",
        "recipe": "fast",
        "base": "/models/falcon-7b",
        "state": "done",
        "linear4bit": 128,
        "linear_total": 128,
        "steps": 200,
        "metrics": test,
        "seconds": 1234.5,
        "peak_gib": 18.6,
        "reason": None,
        "predictions": 500,
        "created": 0,
        "uid": str(number),
        "labels": ("a", "b"),
        "log_offset": 0,
    }
    return Run(**(known | values))


def test_the_shown_and_the_promoted_run_are_marked_and_a_stale_accuracy_says_so(capsys):
    stale = run(2).metrics["test"] | {"stale": True}
    print_runs([run(3, shown=True), run(2, metrics={"test": stale}), run(1, promoted=True)])
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[:2] for row in rows] == [["●", "3"], ["2", "fast"], ["★", "1"]]
    assert [" of 101 stale " in row for row in rows] == [False, True, False]


def test_nothing_is_squeezed_while_a_run_is_live(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    standing = "running, training, step 37 of 200, about 0:40 left"
    reason = "The hub cannot be reached; check the network or its proxy, or give a local folder."
    known = [run(12, state="running"), run(11, state="failed", reason=reason), run(10)]
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        print_runs(known, {12: standing})
        out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
        for whole in (
            "recipe",
            "77.2 % [68.1, 84.3] of 101",
            "1234.5",
            "falcon-7b",
            "running",
            " 200 ",
        ):
            assert whole in out, (columns, whole)
        words = " ".join(out.split())
        assert f"Run 12: {standing}" in words and f"Run 11: {reason}" in words
        assert "…" not in out and max(map(len, out.split("Run")[0].splitlines())) <= columns

"""Eight people in eight processes work on one workspace, and nothing of anybody's is lost.

WORKBENCH_TOGETHER_SECONDS says how long, 8 unless set; continuous integration takes 20.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from storage.history import integrity, labels
from storage.query import tweets

SECONDS = float(os.environ.get("WORKBENCH_TOGETHER_SECONDS", "8"))
PEOPLE = [f"person{number}" for number in range(1, 9)]
WORKER = Path(__file__).with_name("together_worker.py")


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 240)
def test_eight_people_lose_nothing(make_store, fill, tmp_path, repository):
    texts = ({"text": f"tweet {n}", "label": ("positive", "negative")[n % 2]} for n in range(2_000))
    store = fill(make_store(), texts)
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                str(WORKER),
                str(store.folder),
                name,
                str(SECONDS),
                str(tmp_path / f"{name}.json"),
            ],
            cwd=repository,
            env={**os.environ, "PYTHONPATH": str(repository)},
        )
        for name in PEOPLE
    ]
    assert [process.wait(SECONDS * 2 + 120) for process in processes] == [0] * 8
    reports = {name: json.loads((tmp_path / f"{name}.json").read_text("utf-8")) for name in PEOPLE}

    assert {name: report["errors"] for name, report in reports.items()} == {n: [] for n in PEOPLE}
    assert integrity.check(store) == []
    for name, report in reports.items():
        assert report["reads"]
        reported = {int(action): count for action, (_, count) in report["actions"].items()}
        assert saved(store, name) == reported
    imported = sum(report["imported"] for report in reports.values())
    assert imported
    assert tweets.counts(store).tweets == 2_000 + imported
    assert labels.count_undone(store) == sum(map(undone, reports.values()))

    waits = sorted(wait for report in reports.values() for wait in report["waits"])
    print(
        f"{len(waits):,} labels in {SECONDS:g} s; median {1000 * waits[len(waits) // 2]:.1f} ms, "
        f"p99 {1000 * waits[len(waits) * 99 // 100]:.1f} ms, longest {1000 * waits[-1]:.1f} ms"
    )


def saved(store, name):
    """What the store has of an annotator: of how many tweets each action is."""
    return dict(
        store.db.execute(
            "SELECT a.id, count(e.id) FROM actions a LEFT JOIN label_events e ON e.action = a.id "
            "WHERE a.annotator = ? AND a.kind != 'gold import' GROUP BY a.id",
            [name],
        )
    )


def undone(report):
    kinds = Counter(kind for kind, _ in report["actions"].values())
    return kinds["undo"] - kinds["redo"]

"""What commands compute of runs is computed once, and again when labels or runs have changed."""

from __future__ import annotations

import json
import random
from contextlib import closing

import pytest

from storage.store import open_store
from workbench import kept_analyses

COMMANDS = (
    ("slices", "1"),
    ("slices", "2", "--versus", "1"),
    ("calibration", "1"),
    ("coverage", "1", "--accuracy", "0.9"),
    ("compare", "1", "2"),
    ("compare", "1", "--table"),
    ("diagnose", "1"),
    ("measure",),
)


@pytest.fixture
def two_runs(home, cli, write):
    """Imports 60 test tweets and two runs that predict them."""
    rng = random.Random(2)
    rows = [
        {
            "id": f"t{n}",
            "text": f"tweet {n}",
            "label": rng.choice(("positive", "negative")),
            "split": "test",
        }
        for n in range(60)
    ]
    assert cli("import", write("t.jsonl", "\n".join(map(json.dumps, rows)))).status == 0
    for name in ("one", "two"):
        said = [
            {"id": row["id"], "positive": p, "negative": 1 - p}
            for row in rows
            for p in [rng.random()]
        ]
        path = write("p.jsonl", "\n".join(map(json.dumps, said)))
        assert cli("import-predictions", path, "--run", name).status == 0
    return home


@pytest.fixture
def kept(monkeypatch):
    """The kinds of the analyses that were kept, in order."""
    kinds = []
    save = kept_analyses.save_analysis

    def watch(store, kind, *rest):
        kinds.append(kind)
        save(store, kind, *rest)

    monkeypatch.setattr(kept_analyses, "save_analysis", watch)
    return kinds


def all_printed(cli):
    printed = [cli(*command, "--json") for command in COMMANDS]
    assert [done.status for done in printed] == [0] * len(COMMANDS), [done.err for done in printed]
    return [done.json for done in printed]


def test_an_analysis_is_made_once_and_again_after_a_label_has_changed(two_runs, cli, kept):
    first = all_printed(cli)
    made = list(kept)
    of_runs = ["slices", "change slices", "calibration", "coverage", "comparison", "leaderboard"]
    assert made == [*of_runs, "diagnosis", "gains"]
    assert all_printed(cli) == first and kept == made
    tweet = cli("list", "label:positive", "--limit", "1", "--json").json[0]["id"]
    with closing(open_store(two_runs, "ana")) as store:
        assert not kept_analyses.kept(store, kept_analyses.slices(1)).stale
    assert cli("label", tweet, "negative").status == 0
    with closing(open_store(two_runs, "ana")) as store:
        stale = kept_analyses.kept(store, kept_analyses.slices(1))
        assert stale.stale == "labels have changed since" and stale.result["n"] == 60
    again = all_printed(cli)
    assert kept == made + made and again[0]["events"] != first[0]["events"]


def test_a_table_is_made_anew_when_another_run_is_promoted(two_runs, cli, kept):
    assert cli("compare", "1", "--table", "--json").json["reference"] == 1
    assert cli("promote", "2").status == 0
    board = cli("compare", "1", "--table", "--json").json
    assert (board["reference"], [row["run"] for row in board["rows"]]) == (2, [2, 1])
    assert kept == ["leaderboard"] * 2

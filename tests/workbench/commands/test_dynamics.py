"""The command dynamics: a list, JSON, and the file of data maps."""

from __future__ import annotations

import json

from workbench.rundir.tables import DYNAMICS, write_dynamics


def test_the_least_sure_are_listed_and_written_as_a_data_map(trained, cli, tmp_path):
    write_dynamics(trained / "runs" / "1", [5, 4, 5, 4], [1, 1, 2, 2], [0.25, 0.75, 0.5, 1.0])
    found = cli("dynamics", "1", "--cartography", tmp_path / "map.jsonl", "--json").json
    assert [(one["id"], one["confidence"], one["slope"]) for one in found] == [
        (5, 0.375, 0.25),
        (4, 0.875, 0.25),
    ]
    lines = (tmp_path / "map.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {
        "guid": 4,
        "index": 0,
        "threshold_closeness": 0.875 * 0.125,
        "confidence": 0.875,
        "variability": 0.125,
        "correctness": 2,
        "forgetfulness": 0,
    }
    told = cli("dynamics", "1", "--limit", "1").out
    assert "+0.25" in told and "1 of 2 by run 1 baseline." in told


def test_runs_without_them_say_so_and_damage_is_one_sentence(trained, cli):
    refused = cli("dynamics", "1")
    assert refused.status == 1 and "has no training dynamics" in refused.err
    (trained / "runs" / "1" / DYNAMICS).write_bytes(b"no table")
    damaged = cli("dynamics", "1")
    assert damaged.status == 1 and DYNAMICS in damaged.err and len(damaged.err.splitlines()) == 1

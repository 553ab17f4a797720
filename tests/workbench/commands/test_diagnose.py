"""Why a run is not better: what each check says of runs that are known."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from storage.runs import runs
from storage.store import open_store


@pytest.fixture
def bring(home, cli, write):
    """Imports 200 test tweets, a fifth of them negative; makes runs that are right on some."""
    labels = ["negative" if n % 5 == 0 else "positive" for n in range(200)]
    lines = [
        {"id": f"t{n}", "text": f"tweet {n}", "label": label, "split": "test"}
        for n, label in enumerate(labels)
    ]
    assert cli("import", write("t.jsonl", "\n".join(map(json.dumps, lines)))).status == 0
    names = iter(range(9))

    def run(right):
        said = [
            {"id": f"t{n}", "positive": p, "negative": 1 - p}
            for n, label in enumerate(labels)
            for p in [0.9 if (label == "positive") == right(n) else 0.1]
        ]
        path = write("p.jsonl", "\n".join(map(json.dumps, said)))
        return cli("import-predictions", path, "--run", f"r{next(names)}", "--json").json["run"]

    return run


def findings(cli, run):
    return {each["check"]: each for each in cli("diagnose", run, "--json").json["findings"]}


def test_a_run_below_the_commonest_label_is_told_so(bring, cli):
    found = findings(cli, bring(lambda n: n % 2 == 0))
    assert found["majority class"]["state"] == "problem"
    said = "It is worse than always saying positive (80.0 % right): -30.0 points"
    assert found["majority class"]["sentence"].startswith(said)
    assert found["promoted run"]["state"] == found["baseline"]["state"] == "unknown"
    assert "plateau" not in found  # it was not trained here


def test_a_run_is_set_against_the_promoted_one(bring, cli):
    good, bad = bring(lambda n: True), bring(lambda n: n % 10 > 0)
    assert cli("promote", good).status == 0
    found = findings(cli, bad)
    assert found["promoted run"]["state"] == "problem"
    assert f"worse than the promoted run {good}" in found["promoted run"]["sentence"]
    assert "promoted run" not in findings(cli, good)
    assert findings(cli, good)["majority class"]["state"] == "fine"
    assert "✓" in cli("diagnose", good).out


def test_the_courses_of_a_training_are_looked_at(home, cli):
    with closing(open_store(home, "ana")) as store:
        number = runs.add(store, "one", "qlora", "tiny", "base", ("positive", "negative"))
        store.run_folder(number).mkdir(parents=True)
        rows = [(step, "loss", 0.7) for step in range(1, 41)]
        rows += [(step, "dev_loss", 0.6 + step / 100) for step in (10, 20, 30)]
        runs.add_metrics(store, number, rows)
    found = findings(cli, number)
    assert found["plateau"]["sentence"].startswith("The loss no longer falls since step 1;")
    assert found["overfit"]["sentence"].startswith("The dev loss rises since step 10:")
    assert found["divergence"]["state"] == "fine"
    assert found["learning rate"]["state"] == "unknown"
    assert found["predictions"]["state"] == "unknown"


def test_one_class_only_tells_nothing(home, cli, write):
    rows = [{"id": "a", "text": "up", "label": "positive", "split": "test"}]
    cli("import", write("t.json", json.dumps(rows)))
    path = write("p.jsonl", json.dumps({"id": "a", "positive": 0.9, "negative": 0.1}))
    run = cli("import-predictions", path, "--run", "r", "--json").json["run"]
    assert "nothing can be told" in findings(cli, run)["majority class"]["sentence"]

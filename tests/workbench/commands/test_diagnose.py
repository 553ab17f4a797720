"""Why a run is not better: what each check says of runs that are known."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from storage.runs import runs
from storage.store import open_store
from workbench.comparison_figures import shown_to_be
from workbench.evaluation.diagnosing import diagnose
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder

FALLS = [(step, 0.7 * 0.95**step) for step in range(1, 41)]
LOGS = {
    "plateau": ("loss", [(step, 0.7) for step in range(1, 41)], "no longer falls since step 1;"),
    "divergence": (
        "loss",
        [*FALLS[:20], *((step, 2.0) for step in range(21, 41))],
        "The loss rises since step 2",
    ),
    "overfit": (
        "dev_loss",
        [(10, 0.6), (20, 0.5), (30, 0.7)],
        "The dev loss rises since step 20: the run overfits",
    ),
}
"""A course of a training for each thing that can be wrong with one, and what is said of it."""


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


def test_a_run_is_better_or_worse_only_where_interval_and_p_say_so(bring, cli):
    assert shown_to_be(-0.1, -0.196, -0.004, 0.076) == "", "the interval alone says so"
    assert shown_to_be(0.1, -0.004, 0.2, 0.04) == "", "the p-value alone says so"
    assert [shown_to_be(d, d - 0.1, d + 0.1, 0.01) for d in (0.2, -0.2)] == ["better", "worse"]
    one, other = bring(lambda n: n > 4), bring(lambda n: n > 5)
    same = bring(lambda n: n > 5)
    assert cli("promote", other).status == 0
    for run, by in ((one, "+0.5 points"), (same, "+0.0 points")):
        found = findings(cli, run)["promoted run"]
        assert found["state"] == "unknown"
        said = f"It is not told apart from the promoted run {other}: {by}"
        assert found["sentence"].startswith(said)
        assert found["sentence"].endswith("200 tweets, p = 1.000.")


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


@pytest.mark.parametrize("known", [0, 1, 7])
def test_a_course_too_short_to_tell_by_is_not_called_fine(home, cli, known):
    with closing(open_store(home, "ana")) as store:
        number = runs.add(store, "one", "qlora", "tiny", "base", ("positive", "negative"))
        store.run_folder(number).mkdir(parents=True)
        rows = [(step, "loss", 0.1 * step) for step in range(1, known + 1)]
        runs.add_metrics(store, number, [*rows, (1, "dev_loss", 0.7)])
    found = findings(cli, number)
    held = {0: "No loss is", 1: "1 loss is", 7: "7 losses are"}[known]
    for check in ("divergence", "plateau"):
        assert found[check]["state"] == "unknown"
        said = f"{held} in the log, and it takes 8 to tell; a lower training.logging_steps"
        assert found[check]["sentence"].startswith(said)
    assert found["overfit"]["sentence"].startswith("1 dev loss is in the log, and it takes 2")


def test_one_class_only_tells_nothing(home, cli, write):
    rows = [{"id": "a", "text": "up", "label": "positive", "split": "test"}]
    cli("import", write("t.json", json.dumps(rows)))
    path = write("p.jsonl", json.dumps({"id": "a", "positive": 0.9, "negative": 0.1}))
    run = cli("import-predictions", path, "--run", "r", "--json").json["run"]
    assert "nothing can be told" in findings(cli, run)["majority class"]["sentence"]


def test_each_line_about_a_training_and_its_answers_is_told_by_what_it_is_about(bring, home):
    good, number = bring(lambda n: n % 10 > 0), bring(lambda n: n % 2 == 0)
    with closing(open_store(home, "ana")) as store:
        store.db.execute("UPDATE runs SET kind = 'qlora' WHERE id = ?", [number])
        store.db.execute("UPDATE runs SET kind = 'baseline' WHERE id = ?", [good])

        def found():
            return {each["check"]: each for each in diagnose(store, number)}

        for check, (metric, course, words) in LOGS.items():
            store.db.execute("DELETE FROM metrics")
            runs.add_metrics(store, number, [(step, "loss", value) for step, value in FALLS])
            runs.add_metrics(store, number, [(1, "dev_loss", 0.7), (2, "dev_loss", 0.7)])
            assert found()[check]["state"] == "fine"
            store.db.execute("DELETE FROM metrics WHERE name = ?", [metric])
            runs.add_metrics(store, number, [(step, metric, value) for step, value in course])
            assert found()[check]["state"] == "problem"
            assert words in found()[check]["sentence"]
        file = store.run_folder(number) / run_folder.JOB
        job = json.loads(file.read_text("utf-8"))
        for rate, state in (("1e-6", "problem"), ("2e-4", "fine"), ("0.01", "problem")):
            recipe = recipes.load("tiny", (f"training.learning_rate={rate}",)).as_json()
            file.write_text(json.dumps(job | {"recipe": recipe}), "utf-8")
            assert found()["learning rate"]["state"] == state
        answers = found()
        assert answers["baseline"]["state"] == answers["majority class"]["state"] == "problem"
        said = f"It is worse than the baseline, which is free, run {good}: -40.0 points"
        assert answers["baseline"]["sentence"].startswith(said)

"""Choosing among runs, orders that are refused, decided suspects, and one figure everywhere."""

from __future__ import annotations

import re
import shutil

import pytest

from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions, predictions_of
from storage.store import open_store


def ok(result):
    assert result.status == 0, result.err
    return result


@pytest.fixture
def second(trained):
    """Another run on the data of the first, with the same predictions for some of the tweets."""
    store = open_store(trained)
    run = runs.add(store, "second", "baseline", "baseline", None, ("positive", "negative"))
    rows = [(n, split, row) for n, _, split, _, row in predictions_of(store, 1)]
    rows = [row for row in rows if row[1] != "train"] + [r for r in rows if r[1] == "train"][20:]
    add_predictions(
        store,
        run,
        [
            Prediction(n, row if n % 9 or split != "test" else row[::-1], 0.5, 0.5, False)
            for n, split, row in rows
        ],
    )
    shutil.copytree(store.run_folder(1), store.run_folder(run))
    job = store.run_folder(run) / "run.json"
    uid = runs.get(store, 1).uid
    job.write_text(job.read_text().replace(uid, "second").replace('"id": 1', f'"id": {run}'))
    runs.update(store, run, state="done")
    store.close()
    return run


# Refused orders


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--sort", "margin"), "so the list cannot be sorted by margin; `workbench train"),
        (("list", "--sort", "suspect"), "No suspects are ranked yet; `workbench suspects`"),
        (("list", "conf:>0.9"), "so conf: finds nothing; `workbench train --recipe baseline"),
        (("label", "--where", "pred:negative", "negative"), "so pred: finds nothing; `workbench"),
    ],
)
def test_what_rests_on_predictions_is_refused_without_any(home, cli, write, arguments, said):
    ok(cli("import", write("a.csv", "text,label\nup,positive\ndown,negative\n")))
    result = cli(*arguments)
    assert result.status == 1
    assert said in result.err and result.err.count("\n") == 1
    assert result.out == ""


def test_a_stale_order_of_suspects_says_so_and_what_ranks_anew(trained, cli):
    assert ok(cli("list", "--sort", "suspect", "--limit", "3")).err == ""
    first = ok(cli("suspects", "--limit", "1", "--json")).json[0]
    ok(cli("label", first["id"], first["pred"]))
    stale = "workbench: The order of the suspects is stale (labels have changed since); `workbench "
    assert stale in ok(cli("list", "--sort", "suspect", "--json", "--limit", "3")).err
    ok(cli("suspects"))
    assert ok(cli("list", "--sort", "suspect", "--limit", "3")).err == ""


# Decided suspects


def test_decided_tweets_leave_the_suspects_and_all_shows_them_with_the_decision(trained, cli):
    before = ok(cli("suspects", "--limit", "4", "--json")).json
    kept, taken, unclear, left = before
    ok(cli("label", kept["id"], kept["label"]))
    ok(cli("label", taken["id"], taken["pred"]))
    ok(cli("ambiguous", unclear["id"]))
    after = ok(cli("suspects", "--json")).json
    assert (after[0]["rank"], after[0]["decided"]) == (1, None)
    assert left["id"] in [row["id"] for row in after[:5]]  # one label fewer is wrong
    assert not {kept["id"], taken["id"], unclear["id"]} & {row["id"] for row in after}
    told = ok(cli("suspects", "--limit", "2")).out
    assert "By run 1 baseline, similar texts. 717 left, 3 decided (--all shows them)." in told
    rows = {row["id"]: row for row in ok(cli("suspects", "--all", "--limit", "720", "--json")).json}
    assert rows[kept["id"]]["decided"] == "kept by ana"
    assert rows[taken["id"]]["decided"] == f"{taken['label']} → {taken['pred']} by ana"
    assert rows[unclear["id"]]["decided"] == "ambiguous"
    assert "kept by ana" in ok(cli("suspects", "--all")).out
    assert len(ok(cli("list", "reviewed:yes", "--json")).json) == 2
    for _ in range(3):
        ok(cli("undo"))
    assert ok(cli("suspects", "--limit", "4", "--json")).json == before


# The shown and the promoted run


def test_a_new_run_is_offered_and_shown_when_it_is_chosen(trained, cli, second):
    assert ok(cli("shown", "--json")).json == {"shown": 1, "promoted": None, "offered": second}
    told = ok(cli("shown")).out
    assert re.search(r"Shown is run 1 baseline: accuracy \d\d\.\d % \[.*\] of 136 test", told)
    assert f"Newer is run {second} baseline, 700 of 720 scored" in told
    assert {row["run"] for row in ok(cli("list", "split:test", "--json")).json} == {1}
    ok(cli("shown", second))
    assert {row["run"] for row in ok(cli("list", "split:test", "--json")).json} == {second}
    footer = ok(cli("list")).out.splitlines()[-1]
    assert footer.endswith(f"; predictions of run {second} baseline, 700 of 720 scored.")
    assert cli("shown", "9").status == 1


def test_the_promoted_run_is_what_commands_take(trained, cli, second):
    assert cli("compare", second).status == 2
    assert "promote one with `workbench promote RUN`" in cli("compare", second).err
    ok(cli("promote", "1"))
    assert [run["id"] for run in ok(cli("compare", second, "--json")).json["runs"]] == [1, second]
    assert cli("compare", "1").status == 2
    assert ok(cli("suspects", "--json", "--limit", "1")).json[0]["source"] == "run 1 baseline"
    assert ok(cli("classify", "great gains", "--json")).json["run"] == 1
    ok(cli("promote", second))
    row = ok(cli("suspects", "--json", "--limit", "1")).json[0]
    assert row["source"] == f"run {second} baseline"
    assert ok(cli("classify", "great gains", "--json")).json["run"] == second
    result = cli("export-adapter", trained / "adapter")
    assert result.status == 1 and f"Run {second} (baseline, done) has no adapter" in result.err
    ok(cli("promote", "--none"))
    assert ok(cli("shown", "--json")).json["promoted"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("promote",),
        ("promote", "1", "--none"),
        ("export-adapter", "x", "1"),
        ("export-adapter", "1", "2", "3"),
    ],
)
def test_wrong_use_is_said(trained, cli, words):
    assert cli(*words).status == 2


def test_a_deleted_run_gives_way_and_the_command_says_to_which(trained, cli, second):
    ok(cli("promote", second))
    assert f"Promoted run {second} is shown now." in ok(cli("delete", "1", "--yes")).out
    assert ok(cli("shown", "--json")).json["shown"] == second
    assert "No run is shown now" in ok(cli("delete", second, "--yes")).out


# One figure, one source


def figure(text):
    return re.search(r"(\d\d\.\d % \[\d\d\.\d, \d\d\.\d\])", text)[1]


def test_the_accuracy_of_a_run_is_the_same_wherever_it_is_told(trained, cli, second):
    store = open_store(trained)
    tests = [
        n
        for n, label, split, _, row in predictions_of(store, 1)
        if split == "test" and label != ("positive", "negative")[row[1] > row[0]]
    ]
    store.close()
    before = figure(ok(cli("runs")).out.splitlines()[2])
    assert before == figure(ok(cli("evaluate", "1")).out)
    ok(cli("label", *tests[:3], "positive"))
    ok(cli("label", *tests[3:6], "negative"))
    line = ok(cli("runs")).out.splitlines()[2]
    assert figure(line) == before and "136 stale" in line
    assert ok(cli("runs", "--json")).json[1]["metrics"]["test"]["stale"]
    compared = ok(cli("compare", "1", second))
    now = figure(compared.out)
    assert now != before
    for told in (cli("runs").out.splitlines()[2], cli("shown").out, cli("evaluate", "1").out):
        assert figure(told) == now and "stale" not in told


def test_probabilities_have_one_format(trained, cli):
    tweet = ok(cli("show", "5", "--json")).json
    short = f"{tweet['confidence']:.2f}"[1:]
    shown = ok(cli("show", "5")).out
    assert f"confidence {short}" in " ".join(shown.split())
    assert f"{tweet['pred']} {short}" in shown
    assert f" {short} " in ok(cli("list", "id:5")).out
    assert len(str(tweet["confidence"])) > 5

"""What commands say of a run against the labels: evaluate, calibration, coverage."""

from __future__ import annotations

import csv
import json
from contextlib import closing

import pytest

from storage.store import open_store
from workbench.modeling.export.adapter_folder import read_adapter_details, write_portable
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder

LABELS = ("negative", "neutral", "positive")


@pytest.fixture
def bring(home, cli, write):
    """Imports (label, probability of positive, split) rows, and them as a run; gives its number."""

    def run(rows, *options):
        texts = [f"tweet number {n}" for n in range(len(rows))]
        lines = [
            {"id": f"t{n}", "text": text, "label": label, "split": split}
            for n, (text, (label, _, split)) in enumerate(zip(texts, rows, strict=True))
        ]
        assert cli("import", write("t.jsonl", "\n".join(map(json.dumps, lines)))).status == 0
        said = [
            {"id": f"t{n}", "positive": p, "negative": 1 - p}
            for n, (_, p, _) in enumerate(rows)
            if p is not None
        ]
        path = write("p.jsonl", "\n".join(map(json.dumps, said)))
        return cli("import-predictions", path, "--run", "other", *options, "--json").json["run"]

    return run


def test_published_predictions_give_their_published_figures(shared_data, tmp_path, cli):
    folder = shared_data / "tweeteval-sentiment"
    texts, given, predicted = (
        (folder / name).read_text("utf-8").removesuffix("\n").split("\n")
        for name in ("test_text.txt", "test_labels.txt", "predictions_roberta_rt.txt")
    )
    for name, codes in (("test.csv", given), ("said.csv", predicted)):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("id", "text", "label", "split"))
            rows.writerows(
                (f"t{n}", text, LABELS[int(code)], "test")
                for n, (text, code) in enumerate(zip(texts, codes, strict=True))
            )
    home = ("-w", tmp_path / "home")
    cli("init", tmp_path / "home", "--labels", ",".join(LABELS))
    assert cli(*home, "import", tmp_path / "test.csv").status == 0
    named = ("--run", "RoBERTa-RT", "--label", "label")
    brought = cli(*home, "import-predictions", tmp_path / "said.csv", *named)
    assert "Accuracy 72.3 % [71.5, 73.1] of 12,284, macro recall 72.9 %" in brought.out
    found = cli(*home, "evaluate", "1", "--json").json
    assert (found["n"], round(found["accuracy"], 3), round(found["macro_recall"], 3)) == (
        12_284,
        0.723,
        0.729,
    )
    said = cli(*home, "evaluate", "1").out
    assert "accuracy 72.3 %" in said and "macro recall 72.9 %" in said


def test_each_cell_of_the_confusion_matrix_names_the_filter_of_its_tweets(bring, cli):
    rows = [("positive", 0.9, "test"), ("positive", 0.2, "test"), ("negative", 0.7, "test")]
    rows += [("positive", 0.3, "test"), ("negative", 0.9, "train"), ("negative", 0.9, "test")]
    run = bring([*rows, ("negative", 0.9, "test")])
    cli("exclude", "7")
    found = cli("evaluate", run, "--json").json
    cells = {(cell["label"], cell["pred"]): cell for cell in found["cells"]}
    assert [(cell["label"], cell["n"]) for cell in found["cells"]] == [
        ("positive", 2),
        ("negative", 2),
        ("positive", 1),
    ]
    listed = {
        where: [tweet["id"] for tweet in cli("list", cell["filter"], "--json").json]
        for where, cell in cells.items()
    }
    assert listed == {
        ("positive", "positive"): [1],
        ("positive", "negative"): [2, 4],
        ("negative", "positive"): [3, 6],
    }


def test_a_run_that_is_too_sure_is_told_so(bring, cli):
    rows = [(("positive", "negative")[n % 4 == 0], 0.99 - n / 10_000, "test") for n in range(80)]
    run = bring(rows)
    found = cli("calibration", run, "--json").json
    assert (found["n"], found["temperature"] > 2) == (80, True)
    assert found["scaled"]["ece"] < 0.15 < found["ece"]
    assert sum(row["n"] for row in found["bins"]) == 80
    said = cli("calibration", run).out
    assert "too sure" in said and "With temperature" in said


def test_a_temperature_is_kept_with_an_adapter_and_told_in_its_card(bring, cli, home):
    rows = [(("positive", "negative")[n % 4 == 0], 0.99 - n / 10_000, "dev") for n in range(80)]
    run = bring(rows, "--out-of-sample")
    assert cli("calibration", run, "--split", "dev", "--save").status == 1  # it has no adapter
    with closing(open_store(home, "ana")) as store:
        store.db.execute("UPDATE runs SET kind = 'qlora' WHERE id = ?", [run])
        adapter = store.run_folder(run) / run_folder.ADAPTER
    adapter.mkdir()
    details = {
        "base": "some/base",
        "recipe": recipes.load("tiny").as_json(),
        "labels": ["positive", "negative"],
        "words": [" Positive", " Negative"],
        "label_token_ids": [[5], [6]],
        "template": "{text}:",
        "max_length": 64,
        "model_type": "falcon",
        "auto_class": "AutoModelForCausalLM",
    }
    (adapter / "workbench.json").write_text(json.dumps(details), "utf-8")
    assert cli("calibration", run, "--save").status == 2  # test tweets fit nothing
    found = cli("calibration", run, "--split", "dev", "--save", "--json").json
    kept = read_adapter_details(adapter)
    assert kept.pop("temperature") == {"value": found["temperature"], "split": "dev", "n": 80}
    assert kept == details
    write_portable(adapter, read_adapter_details(adapter), merged=False)
    card = (adapter / "README.md").read_text("utf-8")
    assert f"divide their logarithms by {found['temperature']:.3f}" in card


def test_how_many_tweets_are_answered_well(bring, cli):
    rows = [("positive", 0.9 if n < 6 else 0.6, "test") for n in range(8)]
    run = bring([*rows, ("negative", 0.6, "test"), ("negative", 0.6, "test")])
    found = cli("coverage", run, "--accuracy", "0.95", "--json").json
    assert [(p["coverage"], p["accuracy"]) for p in found["points"]] == [(1.0, 0.8), (0.6, 1.0)]
    assert found["wanted"]["point"]["n"] == 6
    assert (
        "It answers 60.0 % of the tweets at 100.0 %" in cli("coverage", run, "--accuracy", 0.9).out
    )


def test_three_tweets_have_figures_and_no_temperature(bring, cli):
    run = bring([("positive", 0.9, "test"), ("positive", 0.9, "test"), ("negative", 0.9, "test")])
    assert cli("evaluate", run, "--json").json["macro_recall"] == 0.5
    found = cli("calibration", run, "--json").json
    assert (found["temperature"], len(found["bins"])) == (None, 1)
    assert "fewer than 20 tweets" in cli("calibration", run).out
    assert cli("coverage", run, "--json").json["points"][0]["n"] == 3


def test_predictions_that_are_all_certain_have_no_temperature(bring, cli):
    run = bring([(("positive", "negative")[n % 3 == 0], 1.0, "test") for n in range(30)])
    assert "every prediction is certain" in cli("calibration", run).out


def test_a_run_that_covers_half_of_the_tweets_is_judged_on_that_half(bring, cli):
    run = bring([("positive", 0.9 if n % 2 else None, "test") for n in range(40)])
    assert cli("evaluate", run, "--json").json["n"] == 20
    assert cli("coverage", run, "--json").json["n"] == 20


@pytest.mark.parametrize("command", ["evaluate", "calibration", "coverage"])
def test_without_labels_there_is_nothing_to_judge(bring, cli, command):
    run = bring([(None, 0.9, "test"), (None, 0.8, "test")])
    failed = cli(command, run)
    assert failed.status == 1
    assert f"Run {run} has no predictions for labelled test tweets" in failed.err

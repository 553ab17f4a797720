"""Why a run answers a tweet as it does, by command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing

import pytest

from storage.runs.predictions import probabilities_of
from storage.store import open_store
from workbench.analysis import baseline
from workbench.rundir import folder as run_folder


def test_why_a_baseline_answers_so(trained, cli):
    tweet = cli("list", "split:test", "--limit", "1", "--json").json[0]
    found = cli("why", tweet["id"], "--json").json
    assert (found["tweet"], found["run"], found["label"]) == (tweet["id"], 1, tweet["label"])
    assert " ".join(word["word"] for word in found["words"]).split() == tweet["text"].split()
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    if found["smallest"]:
        assert found["smallest"]["pred"] != found["pred"]
    assert found["nearest_by"] == "words" and 0 < len(found["nearest"]) <= 5
    assert tweet["id"] not in [near["id"] for near in found["nearest"]]
    assert all(near["label"] for near in found["nearest"])
    said = cli("why", tweet["id"])
    assert f"run 1 says {found['pred']}" in said.out


def test_several_tweets_are_told_one_after_the_other(trained, cli):
    ids = [tweet["id"] for tweet in cli("list", "--limit", "2", "--json").json]
    each = [cli("why", number, "--json").json for number in ids]
    assert cli("why", *ids, "--json").json == each
    said = cli("why", *ids).out
    assert [said.count(f"Tweet {number} (") for number in ids] == [1, 1]
    missing = cli("why", ids[0], 999_999, "--json")
    assert missing.status == 1 and "999999" in missing.err.replace(",", "") and not missing.out


def test_the_smallest_removal_does_change_the_answer(trained, cli):
    changed = 0
    for tweet in cli("list", "split:test", "--limit", "6", "--json").json:
        found = cli("why", tweet["id"], "--json").json
        if (removal := found["smallest"]) is None:
            continue
        changed += 1
        asked = cli("classify", removal["text"], "--run", "1", "--json").json
        assert asked["label"] == removal["pred"]
        assert asked["probabilities"] == pytest.approx(removal["probabilities"], abs=1e-6)
    assert changed


def test_a_training_tweet_is_answered_as_it_was_out_of_fold(trained, cli):
    tweet = cli("list", "split:train", "--limit", "1", "--json").json[0]
    found = cli("why", tweet["id"], "--json").json
    with closing(open_store(trained, "ana")) as store:
        [predicted] = probabilities_of(store, 1, [tweet["id"]]).values()
    assert list(found["probabilities"].values()) == pytest.approx(predicted, abs=2e-3)


def test_a_run_that_kept_no_model_is_fitted_without_the_tweet_and_its_copies(
    trained, cli, monkeypatch
):
    tweet = cli("list", "split:train duplicate:yes", "--limit", "1", "--json").json
    tweet = (tweet or cli("list", "split:train", "--limit", "1", "--json").json)[0]
    fast = cli("why", tweet["id"], "--json").json
    shutil.rmtree(trained / "runs" / "1" / "baseline")
    with closing(open_store(trained, "ana")) as store:
        store.db.execute("DELETE FROM analyses WHERE kind = 'explanation'")
    fitted, predict = [], baseline.predict

    def watch(texts, *rest):
        fitted.extend(texts)
        return predict(texts, *rest)

    monkeypatch.setattr(baseline, "predict", watch)
    slow = cli("why", tweet["id"], "--json").json
    assert fitted and tweet["text"] not in fitted
    assert slow["pred"] == fast["pred"]
    again = cli("why", tweet["id"], "--json").json
    assert again == slow and len(fitted) < 2 * len(set(fitted))  # it was asked once


def test_predictions_from_elsewhere_cannot_be_asked(trained, cli, write):
    path = write("p.jsonl", json.dumps({"id": "1", "positive": 0.9, "negative": 0.1}))
    rows = [
        {"text": tweet["text"], "positive": 0.9, "negative": 0.1}
        for tweet in cli("list", "--limit", "3", "--json").json
    ]
    path = write("p.jsonl", "\n".join(map(json.dumps, rows)))
    assert cli("import-predictions", path, "--run", "other").status == 0
    failed = cli("why", "1", "--run", "2")
    assert failed.status == 1 and "cannot be asked about texts" in failed.err
    assert cli("why").status == 2


def test_an_adapter_is_asked_in_one_batch_about_all_removals(trained, cli, monkeypatch):
    asked = []

    def score(folder, texts, base):
        asked.append((folder, list(texts)))
        return [(0.9, 0.1) if "a" in text else (0.2, 0.8) for text in texts]

    monkeypatch.setattr("workbench.commands.runs.scorer.score_with_adapter", score)
    with closing(open_store(trained, "ana")) as store:
        store.db.execute("UPDATE runs SET kind = 'qlora' WHERE id = 1")
        (store.run_folder(1) / run_folder.ADAPTER).mkdir()
    found = cli("why", "3", "--json").json
    ((folder, texts),) = asked
    assert folder.name == "1" and len(texts) == found["tried"] + 1
    assert texts[0] == cli("show", "3", "--json").json["text"]


def test_a_kept_baseline_is_asked_without_loading_what_fits_one():
    modules = "workbench.evaluation.explaining, workbench.evaluation.baseline_scoring"
    code = f"import sys, {modules}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "pyarrow", "torch"} & set(found.stdout.split())

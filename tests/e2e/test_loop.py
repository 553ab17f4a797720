"""The loop from the command line with real workers: train, predict, evaluate, classify, export."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import forking
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"

ASK = """
import json, os, sys
from pathlib import Path
told = Path(sys.argv[1])
programs, texts = json.loads(told.read_text("utf-8"))
rows = {}
for folder, code in programs.items():
    os.chdir(folder)
    names = {}
    exec(code, names)
    rows[folder] = [names["probabilities"](text) for text in texts]
assert not {"workbench", "storage"} & set(sys.modules)
told.write_text(json.dumps(rows), "utf-8")
"""
"""Runs the programs of several folders in one process, as each imports the same libraries."""
ENDLESS = 20_000
"""Steps of a run that is stopped, however slowly this test is worked on."""
SOME = 4
"""An export is asked about each fourth tweet."""
NOISE = 1e-3
"""What rounding may change of a probability computed in float32."""

SEED_USAGE = """
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained(".")
tokenizer = AutoTokenizer.from_pretrained(".")
inputs = tokenizer("### Human: yayyyy thats amazing broo\\n### Assistant:", return_tensors="pt")
inputs.pop("token_type_ids", None)
outputs = model.generate(
    **inputs, max_new_tokens=1, num_return_sequences=1, repetition_penalty=2.0,
    temperature=0.7, top_k=2, top_p=0.95,
)
response = tokenizer.decode(outputs[0], skip_special_tokens=True)
print(response.split("### Assistant:")[1].strip())
"""


def python(code: str, *arguments: str, env: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().partition("\n")[0]


def test_a_run_says_what_it_did(trained, answer):
    folder, run = trained
    assert run["kind"] == "qlora" and run["recipe"] == "tiny"
    assert run["linear4bit"] == run["linear_total"] == 16
    assert run["steps"] == 12 and run["seconds"] > 0 and run["predictions"] == 240
    test = run["metrics"]["test"]
    assert test["accuracy_low"] < test["accuracy"] < test["accuracy_high"]
    assert test["n"] == len(answer("-w", folder, "list", "split:test")) > 30


def test_no_test_tweet_was_trained_on(trained, answer):
    folder, run = trained
    path = folder / "runs" / str(run["id"])
    seen = set(pq.read_table(path / "train.parquet")["id"].to_pylist())
    seen |= set(pq.read_table(path / "dev.parquet")["id"].to_pylist())
    test = {tweet["id"] for tweet in answer("-w", folder, "list", "split:test")}
    assert seen and test and not seen & test


def test_predictions_say_which_tweets_the_run_trained_on(trained, answer):
    folder, run = trained
    path = folder / "runs" / str(run["id"])
    seen = set(pq.read_table(path / "train.parquet")["id"].to_pylist())
    for tweet in answer("-w", folder, "list"):
        assert tweet["run"] == run["id"]
        assert tweet["in_sample"] == (tweet["id"] in seen)


def test_the_log_tells_the_course_of_the_run(trained, cli):
    folder, run = trained
    printed = cli("-w", folder, "logs", run["id"], "--json").stdout
    events = [json.loads(line) for line in printed.splitlines()]
    steps = [event["step"] for event in events if event["event"] == "step"]
    assert steps == [2, 4, 6, 8, 10, 12]
    assert any("16 of 16" in event.get("text", "") for event in events)
    assert [event for event in events if event["event"] == "dev"]
    told = cli("-w", folder, "logs", run["id"]).stdout
    assert re.search(r"^\S+  step    2/12  loss \d.\d{4}  lr \S+ +[\d.]+ tweets/s  eta", told, re.M)
    assert re.search(r"^\S+  scored 240/240 +[\d,.]+ tweets/s$", told, re.M)
    assert re.search(r"^Run 1: done after \d+:\d\d$", told, re.M)


def test_evaluate_counts_the_test_tweets(trained, answer):
    folder, run = trained
    report = answer("-w", folder, "evaluate", run["id"])
    rows = [tweet for tweet in answer("-w", folder, "list", "split:test") if tweet["label"]]
    right = sum(tweet["pred"] == tweet["label"] for tweet in rows)
    assert report["accuracy"] == pytest.approx(right / len(rows))
    assert sum(map(sum, report["confusion"])) == len(rows) == report["n"]
    assert report["macro_f1_low"] <= report["macro_f1"] <= report["macro_f1_high"]


YAY = "yayyyy thats amazing broo"
LONG = "to the moon and back again " * 200
"""More tokens than the recipe's max_length."""


@pytest.fixture(scope="module")
def asked(trained, answer):
    """What classify says of three texts by name of the run: YAY, tweet 7 and LONG."""
    folder, run = trained
    [tweet] = answer("-w", folder, "list", "id:7")
    return answer("-w", folder, "classify", YAY, tweet["text"], LONG, "--run", run["id"])


def test_classify_answers_with_label_and_probabilities(trained, answer, asked):
    folder, run = trained
    reply = answer("-w", folder, "classify", YAY)
    assert reply["label"] == "positive" and reply["run"] == run["id"]
    assert sum(reply["probabilities"].values()) == pytest.approx(1)
    for label, chance in asked[0].pop("probabilities").items():
        assert reply["probabilities"][label] == pytest.approx(chance, abs=1e-6)
    assert asked[0] == {name: reply[name] for name in ("text", "label", "run")}


def test_classify_agrees_with_the_stored_prediction(trained, answer, asked):
    folder, _ = trained
    [tweet] = answer("-w", folder, "list", "id:7")
    reply = asked[1]
    assert reply["label"] == tweet["pred"]
    assert max(reply["probabilities"].values()) == pytest.approx(tweet["confidence"], abs=1e-3)


def code_in_readme(folder: Path) -> str:
    [code] = re.findall(
        r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL
    )
    return code


@dataclass(frozen=True)
class Exported:
    """A run in two forms, what each predicts of tweets and LONG, and the first line printed."""

    adapter: Path
    merged: Path
    probabilities: dict[str, list[list[float]]]
    printed: str


@pytest.fixture(scope="module")
def exported(trained, answer, cli, tmp_path_factory, plain_environment) -> Exported:
    """Both exports, after the code of their READMEs has run as it stands there."""
    folder, run = trained
    place = tmp_path_factory.mktemp("exported")
    adapter, merged = place / "adapter", place / "merged"
    for path, options in ((adapter, ()), (merged, ("--merge",))):
        done = cli("-w", folder, "export-adapter", run["id"], path, *options)
        assert done.returncode == 0, done.stderr
    base = json.loads((folder / "runs" / str(run["id"]) / "run.json").read_text("utf-8"))["base"]
    programs = {
        str(merged): SEED_USAGE + code_in_readme(merged),
        str(adapter): code_in_readme(adapter).replace("BASE = './base'", f"BASE = {base!r}"),
    }
    texts = [row["text"] for row in answer("-w", folder, "list", "--run", run["id"])[::SOME]]
    told = place / "told.json"
    told.write_text(json.dumps([programs, [*texts, LONG]]), "utf-8")
    printed = python(ASK, str(told), env=plain_environment, cwd=place)
    return Exported(adapter, merged, json.loads(told.read_text("utf-8")), printed)


@pytest.mark.parametrize("form", ["adapter", "merged"])
def test_an_export_predicts_what_the_run_predicted(trained, answer, exported, form, asked):
    folder, run = trained
    path = getattr(exported, form)
    rows = answer("-w", folder, "list", "--run", run["id"])[::SOME]
    assert len(rows) == 60
    *plain, long = exported.probabilities[str(path)]
    for row, chances in zip(rows, plain, strict=True):
        assert max(chances) == pytest.approx(row["confidence"], abs=NOISE)
        if abs(chances[0] - chances[1]) > 2 * NOISE:
            assert ("positive", "negative")[chances[1] > chances[0]] == row["pred"]
    assert not list(path.rglob("*.bin"))  # no pickles
    if form == "adapter":
        assert long == pytest.approx(list(asked[2]["probabilities"].values()), abs=NOISE)
    else:
        assert exported.printed == "Positive"


def test_export_does_not_write_over_a_folder(trained, cli, tmp_path):
    folder, run = trained
    (tmp_path / "mine").write_text("keep")
    done = cli("-w", folder, "export-adapter", run["id"], tmp_path)
    assert done.returncode == 1 and "not an empty folder" in done.stderr
    assert (tmp_path / "mine").read_text() == "keep"


def test_predict_scores_some_tweets_with_a_trained_run(trained, answer):
    folder, run = trained
    done = answer("-w", folder, "predict", "--run", run["id"], "id:<=10", "--wait")
    assert (done["state"], done["predictions"], done["kind"]) == ("done", 10, "predict")
    old = {t["id"]: t for t in answer("-w", folder, "list", "id:<=10", "--run", run["id"])}
    for tweet in answer("-w", folder, "list", "id:<=10", "--run", done["id"]):
        assert tweet["confidence"] == pytest.approx(old[tweet["id"]]["confidence"], abs=2e-3)
        assert tweet["in_sample"] == old[tweet["id"]]["in_sample"]


def test_a_corrected_label_is_what_the_next_run_trains_on(trained, answer):
    folder, run = trained
    path = folder / "runs" / str(run["id"]) / "train.parquet"
    number = pq.read_table(path)["id"].to_pylist()[0]
    [tweet] = answer("-w", folder, "list", f"id:{number}")
    other = "negative" if tweet["label"] == "positive" else "positive"
    answer("-w", folder, "label", number, other)
    baseline = answer("-w", folder, "train", "--recipe", "baseline", "--wait")
    table = pq.read_table(folder / "runs" / str(baseline["id"]) / "train.parquet").to_pydict()
    assert table["label"][table["id"].index(number)] == other
    answer("-w", folder, "undo")


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def state_of(folder, run) -> dict:
    return json.loads((folder / "runs" / str(run["id"]) / "state.json").read_text())


def test_a_run_outlives_the_process_that_started_it_stops_and_resumes(trained, answer, cli):
    folder, _ = trained
    run = answer(
        "-w",
        folder,
        "train",
        "--recipe",
        "tiny",
        "--set",
        f"training.max_steps={ENDLESS}",
        "--set",
        "training.learning_rate=1e-4",
    )
    assert run["state"] == "queued"
    wait_for(lambda: state_of(folder, run)["step"] >= 2)
    assert os.getsid(state_of(folder, run)["pid"]) == state_of(folder, run)["pid"]
    answer("-w", folder, "stop", run["id"])
    wait_for(lambda: state_of(folder, run)["state"] == "stopped")
    at = state_of(folder, run)["step"]
    assert list((folder / "runs" / str(run["id"])).glob("checkpoints/checkpoint-*/COMPLETE"))
    resumed = answer("-w", folder, "resume", run["id"])
    wait_for(lambda: state_of(folder, run)["step"] > at)
    os.kill(state_of(folder, run)["pid"], signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{state_of(folder, run)['pid']}").exists())
    [row] = [r for r in answer("-w", folder, "runs") if r["id"] == resumed["id"]]
    assert row["state"] == "failed" and "worker.log" in row["reason"]
    done = cli("-w", folder, "stop", run["id"])
    assert done.returncode == 1 and "not running" in done.stderr


def test_a_second_worker_leaves_a_busy_folder_alone(trained, answer, fork_server):
    folder, _ = trained
    endless = ("--set", f"training.max_steps={ENDLESS}", "--predict", "id:1")
    run = answer("-w", folder, "train", "--recipe", "tiny", *endless)
    path = folder / "runs" / str(run["id"])
    wait_for(lambda: state_of(folder, run)["pid"] is not None)
    first = state_of(folder, run)["pid"]
    second = forking.run("workbench.worker", path, timeout=60)
    assert second.returncode == 1 and "Another worker is busy" in second.stderr
    assert state_of(folder, run)["pid"] == first
    wait_for(lambda: state_of(folder, run)["step"] >= 2)
    answer("-w", folder, "stop", run["id"])
    wait_for(lambda: state_of(folder, run)["state"] == "stopped")


def test_the_worker_opens_no_database_and_loads_nothing_needless():
    code = (
        "import sys, runpy; sys.argv = ['worker', sys.argv[1]]\n"
        "import workbench.worker.__main__\n"
        "from workbench.modeling.base.library_imports import import_libraries, import_torch\n"
        "import gc; collected = []; gc.callbacks.append(lambda *told: collected.append(told))\n"
        "import_torch()\n"
        "assert not {'huggingface_hub', 'transformers'} & set(sys.modules)\n"
        "import_libraries()\n"
        "assert not collected and gc.isenabled() and gc.get_freeze_count() > 100_000\n"
        "import workbench.worker.model_job\n"
        "needless = {'sklearn', 'pandas', 'scipy.optimize', 'trl', 'datasets'}\n"
        "needless |= {'torch._inductor.compile_fx'}\n"
        "assert not needless & set(sys.modules)\n"
        "import workbench.worker.baseline_job\n"
        "assert 'storage.store' not in sys.modules and 'sqlite_utils' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code, "x"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["lora.q=8"], "did you mean"),
        (["lora.r=many"], "type int"),
        (["lora.r=0"], "out of range"),
        (["nonsense"], "section.name=value"),
        (["training.max_length=16"], "max_length"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(trained, cli, overrides, message):
    folder, _ = trained
    arguments = [part for override in overrides for part in ("--set", override)]
    done = cli("-w", folder, "train", "--recipe", "tiny", *arguments, "--wait")
    assert done.returncode in (1, 2)
    assert message in done.stderr and "Traceback" not in done.stderr


def test_the_store_is_sound_after_all_that(trained, answer):
    folder, _ = trained
    assert answer("-w", folder, "check") == {"ok": True, "problems": []}
    assert sqlite3.connect(folder / "workbench.db").execute("PRAGMA journal_mode").fetchone() == (
        "wal",
    )

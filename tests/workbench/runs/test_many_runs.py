"""What three hundred runs and twenty thousand tweets cost: statements and parsed reports."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from storage.history import labels
from storage.runs import runs
from storage.runs.predictions import Prediction, add_predictions, predictions_for
from storage.transactions import transaction
from storage.transfer.id_remapping import remap_ids
from workbench.evaluation import comparison
from workbench.recipes import recipes
from workbench.rundir.folder import FAILED, QUEUED, RUNNING, STOPPED, State, write_state
from workbench.runs.collecting import collect
from workbench.runs.snapshotting import snapshot_training
from workbench.tui import run_progress

FEW, MANY = 30, 300
LABELS = ("positive", "negative")
FLIPS = 20_000
REPORT = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "macro_f1": 0.8, "n": 40}
COPIED = (("runs", "id"), ("predictions", "run"), ("evaluations", "run"), ("orders", "run"))


@pytest.fixture
def parsed(monkeypatch):
    """The reports that were parsed."""
    seen, loads = [], json.loads

    def count(text):
        if text.startswith('{"accuracy'):
            seen.append(text)
        return loads(text)

    monkeypatch.setattr(runs.json, "loads", count)
    return seen


@contextmanager
def statements(store):
    """The statements that are run on a store."""
    said = []
    store.db.set_trace_callback(said.append)
    yield said
    store.db.set_trace_callback(None)


def with_reports(store, wanted):
    """So many runs, each with a report and with predictions for the first five tweets."""
    if not runs.every(store):
        runs.add(store, "u1", "qlora", "fast", None, LABELS)
        said = [Prediction(tweet, (0.9, 0.1), 0.8, 0.3, False) for tweet in range(1, 6)]
        add_predictions(store, 1, said)
        runs.save_evaluation(store, 1, "test", REPORT)
        runs.update(store, 1, state="done")
    there = len(runs.every(store))
    with transaction(store.db):
        for table, key in COPIED:
            store.db.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table} WHERE {key} = 1")
            for number in range(there + 1, wanted + 1):
                store.db.execute(f"UPDATE one SET {key} = ?", [number])
                if table == "runs":
                    store.db.execute("UPDATE one SET uid = ?", [f"u{number}"])
                store.db.execute(f"INSERT INTO {table} SELECT * FROM one")
            store.db.execute("DROP TABLE one")


def test_what_is_about_one_run_or_tweet_costs_the_same_with_three_hundred_runs(small, parsed):
    store = small
    with_reports(store, FEW)
    runs.update(store, 2, state=RUNNING)
    (store.runs_folder / "2").mkdir()

    def label():
        for name in ("negative", "positive"):
            labels.assign(store, [1], name)

    costs = {}
    for size in (FEW, MANY):
        with_reports(store, size)
        for act in (
            lambda: runs.get(store, 2),
            lambda: runs.latest(store, ("qlora",)),
            label,
            lambda: len(predictions_for(store, 6)),
            lambda: runs.in_states(store, [RUNNING]),
        ):
            parsed.clear()
            with statements(store) as said:
                act()
            costs.setdefault(size, []).append((len(said), len(parsed)))
    assert costs[FEW] == costs[MANY]
    assert max(reports for _, reports in costs[MANY]) == 1
    assert len(predictions_for(store, 1)) == MANY and not parsed[1:]
    assert run_progress.live_runs(store.folder) == [2] and not parsed[1:]
    assert runs.get(store, 2).metrics == {"test": REPORT | {"stale": False}}
    assert runs.latest(store, ("qlora",)).id == MANY
    assert len(runs.every(store)) == MANY == len([run for run in runs.every(store) if run.metrics])


def test_labels_and_the_order_of_disagreements_go_together_in_every_run(small):
    with_reports(small, 4)
    labels.assign(small, [1, 2, 4], "negative")
    labels.assign(small, [3, 5], None)
    labels.assign(small, [4], "positive")
    kept = small.db.execute(
        "SELECT run, tweet FROM orders WHERE name = 'disagreement' ORDER BY run, tweet"
    ).fetchall()
    assert kept == [(run, tweet) for run in range(1, 5) for tweet in (1, 2)]


@pytest.fixture
def folders(filled):
    """Three hundred run folders in all states in which runs are looked at again."""
    first = snapshot_training(filled, recipes.load("baseline"), None, "").path
    job = json.loads((first / "run.json").read_text())
    states = (FAILED, STOPPED, QUEUED, RUNNING)
    with transaction(filled.db):
        for number in range(2, MANY + 1):
            runs.add(filled, f"u{number}", "baseline", "baseline", None, LABELS)
            folder = shutil.copytree(first, filled.run_folder(number))
            mine = job | {"id": number, "uid": f"u{number}"}
            (folder / "run.json").write_text(json.dumps(mine))
            (folder / "log.jsonl").write_text('{"event": "step", "step": 3, "loss": 0.5}\n')
            state = State(
                started=1.0,
                host="elsewhere",
                step=3,
                steps=9,
                reason="so it is",
                state=states[number % 4],
                heartbeat=2.5,
            )
            (folder / "state.json").write_text(json.dumps(asdict(state)))
    return filled


def test_runs_that_have_not_changed_are_not_written_again(folders):
    folders.db.execute("PRAGMA synchronous = OFF")  # this once it is about what is written later
    collect(folders)
    assert runs.metrics(folders, 9, "loss") == [(3, 0.5)]
    assert runs.get(folders, 9).reason == "so it is"
    before = folders.db.execute("SELECT * FROM runs").fetchall()
    with statements(folders) as said:
        assert collect(folders) == []
    assert len(said) < 10 and {word.split()[0] for word in said} == {"SELECT"}, said
    changed = folders.run_folder(7)
    write_state(changed, State(started=1.0), state=STOPPED, heartbeat=4.0)
    with statements(folders) as said:
        assert [run.id for run in collect(folders)] == [7]
    assert sum(word.startswith("UPDATE") for word in said) == 1
    after = folders.db.execute("SELECT * FROM runs").fetchall()
    assert [row[0] for row in set(after) - set(before)] == [7]


@pytest.fixture(scope="module")
def flipped(tmp_path_factory, fill):
    """Two runs that say the opposite of twenty thousand tweets."""
    from storage.config import Config
    from storage.store import create_store

    folder = tmp_path_factory.mktemp("flipped") / "w"
    store = create_store(folder, Config(labels=LABELS), "ana")
    fill(
        store,
        ({"text": f"text number {n}", "label": "positive", "split": "test"} for n in range(FLIPS)),
    )
    for number, row in ((1, (0.9, 0.1)), (2, (0.2, 0.8))):
        runs.add(store, f"u{number}", "qlora", "fast", None, LABELS)
        said = (Prediction(tweet, row, 0.8, 0.3, False) for tweet in range(1, FLIPS + 1))
        add_predictions(store, number, said)
    yield store
    store.close()


def test_a_comparison_asks_for_its_tweets_in_batches(flipped, monkeypatch):
    monkeypatch.setattr(
        comparison, "evaluate", lambda *about: dict.fromkeys(comparison.COMPARED_METRICS)
    )
    with statements(flipped) as said:
        found = comparison.compare(flipped, 1, 2)
    assert len(found["flips"]) == FLIPS and found["mcnemar"]["broken"] == FLIPS
    assert found["flips"][123]["text"] == f"text number {found['flips'][123]['id'] - 1}"
    assert len(said) < 120, len(said)  # in batches of 500, and what does not grow


def test_texts_from_elsewhere_are_looked_for_in_batches(flipped):
    rows = [(number, f"text number {number}") for number in range(1, FLIPS + 1)]
    with statements(flipped) as said:
        places = remap_ids(flipped, rows)
    assert places == {n: n + 1 if n < FLIPS else None for n in range(1, FLIPS + 1)}
    assert len(said) < 120, len(said)

"""Run after run on a base that is kept, with the results of processes of their own."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from storage.config import Config
from storage.store import create_store
from storage.transfer import importing
from storage.transfer.importing import ImportOptions
from workbench.modeling import classify
from workbench.modeling.base.cache import BaseModelCache
from workbench.modeling.export.adapter_folder import load_adapter
from workbench.modeling.packed import batch_probe
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder
from workbench.rundir import tables
from workbench.runs.snapshotting import snapshot_training
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

SAMPLE = Path(__file__).resolve().parents[3] / "sample_data"
QUICK = (
    "training.max_steps=3",
    "training.logging_steps=1",
    "training.dev_share=0.0",
    "training.batch_size=4",
    "training.max_length=48",
)


class Engine:
    """Does run after run as the engine does, and keeps the base between them."""

    def __init__(self) -> None:
        self.cache = BaseModelCache()

    def run(self, folder: Path) -> run_folder.State:
        """Do the run of a folder and say how it ended."""
        if not do_run(run_folder.read_job(folder), folder, Reporter(folder), self.cache):
            self.cache.clear()
        self.cache.tidy()
        return run_folder.read_state(folder)


@pytest.fixture
def freeze(tmp_path, small_base):
    """A function that freezes a short run on some sample tweets and returns its folder."""
    base = str(small_base)
    store = create_store(tmp_path / "workspace", Config(labels=("positive", "negative"), base=base))
    with (SAMPLE / "tweets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[:161]
    with (tmp_path / "tweets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    importing.run(store, importing.plan(store.config, tmp_path / "tweets.csv", ImportOptions()))

    def make(*overrides: str, scored: str = "id:<=40", name: str = "tiny") -> Path:
        recipe = recipes.load(name, [*QUICK, *overrides])
        return snapshot_training(store, recipe, base, scored).path

    yield make
    store.close()


def result(folder: Path):
    """What a run predicted and the adapter it made."""
    rows = pq.read_table(folder / run_folder.PREDICTIONS).to_pydict()
    return rows, load_file(folder / run_folder.ADAPTER / "adapter_model.safetensors")


@pytest.mark.slow
def test_a_second_run_of_the_engine_is_that_of_a_fresh_process(freeze, work, monkeypatch):
    tried = []
    monkeypatch.setattr(
        batch_probe, "fits_in_memory", lambda attempt: tried.append(attempt()) is None
    )
    first, second, alone = freeze(), freeze(), freeze()
    engine = Engine()
    assert engine.run(first).state == run_folder.DONE
    kept = engine.cache.base.model
    prepared = engine.cache.base.keeping.adapter
    assert engine.run(second).state == run_folder.DONE
    assert engine.cache.base.model is kept  # not loaded again
    assert engine.cache.base.keeping.adapter is prepared  # nor prepared again
    assert len(tried) == 1  # nor is the longest batch tried again
    assert work(alone).returncode == 0
    expected_rows, expected_weights = result(alone)
    for folder in (first, second):
        rows, weights = result(folder)
        assert rows["id"] == expected_rows["id"]
        for ours, theirs in zip(rows["probabilities"], expected_rows["probabilities"], strict=True):
            assert ours == pytest.approx(theirs, abs=1e-6)
        assert weights.keys() == expected_weights.keys()
        for name, weight in weights.items():
            assert weight.allclose(expected_weights[name], atol=1e-6), name
    assert result(first)[0] == result(second)[0]


@pytest.mark.slow
def test_what_is_kept_of_one_run_serves_only_others_like_it(freeze, work):
    """Runs of other kinds come in between, and each ends as in a process of its own."""
    like, other = ("training.seed=43",), ("lora.r=4",)
    alone = {overrides: freeze(*overrides) for overrides in (like, other)}
    for folder in alone.values():
        assert work(folder).returncode == 0
    engine, kept = Engine(), []
    for overrides in (like, other, like, like):
        folder = freeze(*overrides)
        assert engine.run(folder).state == run_folder.DONE
        kept.append(engine.cache.base.keeping.adapter)
        (rows, weights), (expected_rows, expected) = result(folder), result(alone[overrides])
        assert rows["id"] == expected_rows["id"]
        for name, weight in weights.items():
            assert weight.allclose(expected[name], atol=1e-6), (overrides, name)
    assert kept[3] is kept[2]
    assert len(set(map(id, kept))) == 3


@pytest.mark.slow
def test_a_run_that_scores_takes_the_base_of_one_that_trained(freeze, tmp_path):
    trained, engine = freeze(), Engine()
    engine.run(trained)
    kept, prepared = engine.cache.base.model, engine.cache.base.keeping.adapter
    scoring = tmp_path / "scoring"
    shutil.copytree(trained / run_folder.ADAPTER, scoring / run_folder.ADAPTER)
    replace(run_folder.read_job(trained), kind="predict", uid="scoring").save(scoring)
    shutil.copy(trained / run_folder.PREDICT, scoring)
    assert engine.run(scoring).state == run_folder.DONE
    assert result(scoring)[0]["probabilities"] == result(trained)[0]["probabilities"]
    assert engine.cache.base.model is kept
    assert engine.run(freeze()).state == run_folder.DONE
    assert engine.cache.base.keeping.adapter is prepared


@pytest.mark.slow
def test_a_run_that_fails_leaves_the_engine_fit_for_the_next(freeze):
    engine = Engine()
    for setting in ("lora.targets=['no_such_layer']", "training.max_length=16"):
        failed = engine.run(freeze(setting))
        assert failed.state == run_folder.FAILED and "\n" not in failed.reason
        assert ("no_such_layer" if "targets" in setting else "max_length") in failed.reason
        assert engine.cache.base is None
    assert engine.run(freeze()).state == run_folder.DONE


@pytest.mark.slow
def test_another_memory_setting_gets_another_base(freeze):
    engine = Engine()
    engine.run(freeze("training.max_steps=1", scored="id:1"))
    kept = engine.cache.base.model
    other = freeze("training.memory=nf4", "training.max_steps=1", scored="id:1")
    assert engine.run(other).state == run_folder.DONE
    assert engine.cache.base.model is not kept


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("tiny", ("lora.bias=all", "training.learning_rate=0.05")),
        ("seed", ("training.max_length=64", "training.batch_size=2", "training.accumulation=1")),
    ],
)
def test_a_base_that_a_run_has_changed_is_not_that_of_the_next(name, overrides, freeze):
    """Biases of the base were trained; the stock trainer leaves hooks and checkpointing on it."""
    engine = Engine()
    first, second = (freeze(*overrides, name=name, scored="id:<=9") for _ in range(2))
    for folder in (first, second):
        assert engine.run(folder).state == run_folder.DONE
        assert engine.cache.base is None
    assert result(first)[0] == result(second)[0]


@pytest.mark.slow
def test_scoring_goes_window_by_window_and_changes_nothing(freeze, monkeypatch):
    whole, parts = freeze(), freeze()
    engine = Engine()
    engine.run(whole)
    monkeypatch.setattr(tables.read_windows, "__defaults__", (7,))
    engine.run(parts)
    assert pq.ParquetFile(parts / run_folder.PREDICTIONS).num_row_groups == 6  # of 40 rows
    ours, theirs = result(parts)[0], result(whole)[0]
    assert ours["id"] == theirs["id"] and ours["in_sample"] == theirs["in_sample"]
    for one, other in zip(ours["probabilities"], theirs["probabilities"], strict=True):
        assert one == pytest.approx(other, abs=1e-4)


@pytest.mark.slow
def test_a_run_leaves_the_dynamics_of_its_training_tweets(freeze):
    folder = freeze(
        "training.max_steps=0", "training.epochs=1", "training.batch_size=16", scored="id:1"
    )
    Engine().run(folder)
    dynamics = pq.read_table(folder / tables.DYNAMICS).to_pydict()
    trained = tables.read_snapshot(folder / run_folder.TRAIN).ids
    seen = sorted(zip(dynamics["epoch"], dynamics["id"], strict=True))
    assert seen == sorted((0, number) for number in trained)
    assert all(0 < chance <= 1 for chance in dynamics["probability"])


def test_a_base_serves_those_who_name_what_it_was_loaded_as(small_base):
    """Adapters name the dtype that was computed in, where their recipe says `auto`."""
    cache, base = BaseModelCache(), str(small_base)
    wanted = recipes.load("tiny").quantization
    held = cache.get_or_load(base, replace(wanted, compute_dtype="auto"), None)
    as_loaded = replace(wanted, compute_dtype=held.quantization.compute_dtype)
    assert cache.get_or_load(base, as_loaded, None) is held
    assert cache.get_or_load(base, replace(wanted, bits=16), None) is not held


@pytest.mark.slow
def test_an_adapter_stays_on_the_base_between_questions_about_it(freeze, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        classify, "load_adapter", lambda *about: loaded.append(about) or load_adapter(*about)
    )
    engine, runs = Engine(), (freeze(), freeze("training.seed=43"))
    for run in runs:
        engine.run(run)
    one, other = (run / run_folder.ADAPTER for run in runs)

    def ask(adapter: Path) -> list[list[float]]:
        return classify.classify_texts(adapter, ["up we go"], cache=engine.cache)

    alone = [classify.classify_texts(adapter, ["up we go"]) for adapter in (one, other)]
    loaded.clear()
    assert [ask(one), ask(one), ask(one)] == [alone[0]] * 3 and len(loaded) == 1
    assert [ask(other), ask(one)] == [alone[1], alone[0]] and len(loaded) == 3
    (one / "adapter_model.safetensors").write_bytes(
        (other / "adapter_model.safetensors").read_bytes()
    )
    assert ask(one) == alone[1] and len(loaded) == 4
    kept, again = engine.cache.base.model, freeze()
    assert engine.run(again).state == run_folder.DONE and engine.cache.base.model is kept
    assert result(again)[0] == result(runs[0])[0]

"""The embeddings of a run: kept where they are wanted, found by tweet, and read without trust."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from bases_by_code import save_base

from storage.errors import UserError
from workbench.evaluation.run_embeddings import embeddings_of
from workbench.rundir.embeddings import read_embeddings
from workbench.rundir.folder import read_job, read_state
from workbench.rundir.tables import read_snapshot
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.usefixtures("forked")]


@pytest.fixture(scope="module")
def small_base(tmp_path_factory):
    return save_base("llama", tmp_path_factory.mktemp("base"))


@pytest.fixture
def embedded(make_model_run, small_base):
    """Does a run that keeps embeddings, or not; its folder."""

    def run(wanted, *overrides):
        folder = make_model_run("training.learning_rate=1e-2", *overrides, base=small_base)
        replace(read_job(folder), embeddings=wanted).save(folder)
        assert do_run(read_job(folder), folder, Reporter(folder)), read_state(folder).reason
        return folder

    return run


def test_a_run_keeps_a_vector_of_each_tweet_that_it_scores(embedded, filled, tmp_path):
    run = embedded(True)
    found, trained = read_embeddings(run), set(read_snapshot(run / "train.parquet").ids)
    assert found.ids.tolist() == list(range(1, 41))
    assert found.vectors.shape == (40, 39) and found.vectors.dtype == np.float16
    assert isinstance(found.vectors, np.memmap) and np.isfinite(found.vectors).all()
    assert set(found.ids[found.in_sample].tolist()) == trained
    assert np.load(run / "embeddings" / "axes.npy").shape == (64, 39)
    assert embeddings_of(filled, 1).ids.tolist() == found.ids.tolist()

    (run / "predict.parquet").unlink()  # whose texts tell a run from elsewhere
    shutil.copytree(run / "embeddings", tmp_path / "embeddings")
    (tmp_path / "embeddings" / "vectors.npy").write_bytes(b"\x93NUMPY nothing")
    with pytest.raises(UserError, match="embeddings is damaged"):
        read_embeddings(tmp_path)
    np.save(tmp_path / "embeddings" / "vectors.npy", np.array([{}], dtype=object))
    with pytest.raises(UserError, match="embeddings is damaged"):
        read_embeddings(tmp_path)
    np.save(tmp_path / "embeddings" / "vectors.npy", np.zeros((3, 2), np.float16))
    with pytest.raises(UserError, match="of other lengths"):
        read_embeddings(tmp_path)


def test_without_a_gpu_they_are_kept_only_if_asked_for(embedded, filled):
    assert read_embeddings(embedded(None)) is None
    assert embeddings_of(filled, 1) is None
    assert read_embeddings(embedded(False)) is None


def test_tweets_that_were_scored_out_of_fold_have_one_too(embedded):
    run = embedded(True, "training.folds=2")
    found, trained = read_embeddings(run), set(read_snapshot(run / "train.parquet").ids)
    assert sorted(found.ids.tolist()) == list(range(1, 41))
    assert set(found.ids[found.in_sample].tolist()) == trained, "the vectors are of the last fit"


def test_the_setting_of_the_workspace_goes_into_the_run(make_model_run, filled, small_base, cli):
    settings = filled.folder / "workbench.toml"
    assert "# embeddings = true" in settings.read_text()
    settings.write_text(f"embeddings = true\n{settings.read_text()}")
    options = ("--recipe", "tiny", "--base", small_base, "--set", "training.max_steps=1")
    number = cli("-w", filled.folder, "train", *options, "--wait", "--json").json["id"]
    run = filled.run_folder(number)
    assert json.loads((run / "run.json").read_text())["embeddings"] is True
    assert len(read_embeddings(run).ids) == 40
    settings.write_text(settings.read_text().replace("embeddings = true", 'embeddings = "yes"', 1))
    assert "embeddings must be true or false" in cli("-w", filled.folder, "status").err

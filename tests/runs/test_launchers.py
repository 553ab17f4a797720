"""How runs are started: in one process, in several under torchrun, and what is refused."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from storage.errors import UserError
from workbench import recipes
from workbench.runs import launchers, launching
from workbench.runs.folder import DONE, FAILED, read_log, read_state, settle
from workbench.runs.freezing import freeze_prediction
from workbench.runs.launchers import SLURM, TORCHRUN, Launch


@pytest.mark.parametrize(
    "values",
    [
        {"launcher": "cloud"}, {"nodes": 0}, {"gpus": -1}, {"nodes": 2}, {"gpus": 2},
        {"launcher": "torchrun", "nodes": 2}, {"job": "1; rm"}, {"colour": 3}, {"gpus": "2"},
    ],
)  # fmt: skip
def test_a_launch_that_cannot_be_is_one_sentence(values, tmp_path):
    (tmp_path / "launch.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"launch\.json is not valid"):
        launchers.read(tmp_path)


def test_a_launch_comes_back_as_it_was_saved(tmp_path):
    assert launchers.read(tmp_path) == Launch()
    Launch(SLURM, 2, 4, "17").save(tmp_path)
    assert launchers.read(tmp_path) == Launch(SLURM, 2, 4, "17")


def test_wrong_use_makes_no_run(filled, cli):
    for arguments in (("--nodes", 2), ("--launcher", "local", "--gpus", 2), ("--gpus", 0)):
        done = cli("-w", filled.folder, "train", "--recipe", "baseline", *arguments)
        assert done.status == 2 and "cannot be started like that" in done.err
    assert not list(filled.runs_folder.iterdir())


def test_where_slurm_is_not_the_run_says_so(baseline, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="SLURM is not here"):
        launching.launch(baseline, Launch(SLURM))
    assert settle(baseline).state == FAILED
    assert "SLURM is not here" in read_state(baseline).reason


@pytest.mark.slow
def test_two_processes_score_what_one_scores(filled, repository, until, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    base, said = str(repository / "sample_data" / "base"), []
    for how in (Launch(), Launch(TORCHRUN, gpus=2)):
        run = freeze_prediction(filled, recipes.load("tiny"), base, "", None, None).path
        launching.launch(run, how)
        until(lambda run=run: settle(run).state not in ("queued", "running"), 120)
        assert read_state(run).state == DONE, read_state(run).reason
        phases = [values["phase"] for values, _ in read_log(run) if "phase" in values]
        assert phases == ["starting", "loading the base", "predicting", "done"]
        said.append(pq.read_table(run / "predictions.parquet").to_pydict())
    assert said[0]["id"] == said[1]["id"] == list(range(1, 41))
    for one, two in zip(said[0]["probabilities"], said[1]["probabilities"], strict=True):
        assert two == pytest.approx(one, abs=1e-3)

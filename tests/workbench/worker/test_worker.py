"""The worker in a process of its own: alone on its folder, and never over what it cannot read."""

from __future__ import annotations

import os
import shutil
import signal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.rundir import processes, rank_failures
from workbench.rundir.folder import (
    DONE,
    FAILED,
    RUNNING,
    STOPPED,
    read_job,
    read_log,
    read_state,
    write_state,
)
from workbench.rundir.liveness import reconcile_state
from workbench.runs import launching
from workbench.runs.collecting import collect
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]


def test_of_two_workers_that_start_at_once_one_does_the_run(baseline, work):
    both = [work(baseline, wait=False) for _ in range(2)]
    told = [process.communicate(timeout=240)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    [complaint] = [line for line in told if line]
    assert "Another worker is busy" in complaint or "is done" in complaint
    assert complaint.count("\n") == 1
    assert reconcile_state(baseline).state == DONE
    phases = [values["phase"] for values, _ in read_log(baseline) if "phase" in values]
    assert phases == ["starting", "fitting out of fold", "predicting", "done"]


def test_a_killed_worker_lets_go_of_its_folder(baseline, work, until):
    process = work(baseline, wait=False)
    until(lambda: read_state(baseline).state == RUNNING)
    assert processes.is_locked(baseline)
    process.kill()
    process.wait()
    assert reconcile_state(baseline).state == FAILED
    launching.resume_run(baseline)
    until(lambda: reconcile_state(baseline).state == DONE)
    assert reconcile_state(baseline).seconds < 60
    until(lambda: not processes.is_locked(baseline))


@pytest.mark.parametrize("name", ["run.json", "state.json"])
def test_a_worker_leaves_what_it_cannot_read(name, baseline, work):
    (baseline / name).write_text('{"state": "runn')
    before = {path.name: path.read_bytes() for path in baseline.iterdir()}
    process = work(baseline)
    assert process.returncode == 1
    assert name in process.err and process.err.count("\n") == 1
    after = {path.name: path.read_bytes() for path in baseline.iterdir() if path.name != "lock"}
    assert after == before


def test_damaged_training_data_is_one_sentence(baseline, work):
    (baseline / "train.parquet").write_bytes(b"PAR1 nothing PAR1")
    assert work(baseline).returncode == 1
    assert "train.parquet is damaged" in read_state(baseline).reason


def test_a_base_that_changed_is_refused_and_put_back_goes_on(
    make_model_run, repository, tmp_path, work, filled
):
    base = shutil.copytree(repository / "sample_data" / "base", tmp_path / "base")
    run = make_model_run(base=base)
    write_state(run, read_state(run), state=STOPPED)
    whole = (base / "model.safetensors").read_bytes()
    half = len(whole) // 2
    (base / "model.safetensors").write_bytes(whole[:half] + bytes(len(whole) - half))
    assert work(run).returncode == 1
    collect(filled)
    assert "has changed since this run was made" in read_state(run).reason
    (base / "model.safetensors").write_bytes(whole)
    assert work(run).returncode == 0
    assert read_state(run).state == DONE


def test_a_wish_to_stop_is_heard_however_it_comes(make_model_run, work, until):
    run = make_model_run("training.max_steps=2000")
    for ask in (lambda process: (run / "stop").touch(), lambda p: p.send_signal(signal.SIGTERM)):
        process = work(run, wait=False)
        at = read_state(run).step
        until(lambda at=at: read_state(run).state == RUNNING and read_state(run).step > at)
        ask(process)
        assert process.wait(timeout=120) == 0
        assert read_state(run).state == STOPPED
        assert not (run / "stop").exists()
        assert list(run.glob("checkpoints/checkpoint-*/COMPLETE"))
    assert os.getpid() != read_state(run).pid


def test_a_run_that_scores_can_be_stopped_and_need_not_learn_again(make_model_run, work, until):
    run = make_model_run()
    frozen = pq.read_table(run / "predict.parquet")
    texts = pa.array([f"text number {n}, which is one of many" for n in range(20_000)])
    ids = pa.array(range(1, 20_001), pa.int64())
    pq.write_table(pa.table({"id": ids, "text": texts}), run / "predict.parquet")
    process = work(run, wait=False)
    until(lambda: (read_state(run).phase or "").startswith("predicting "))
    (run / "stop").touch()
    assert process.wait(timeout=120) == 0
    assert read_state(run).state == STOPPED
    assert not (run / "predictions.parquet").exists()
    learned = {path: path.stat().st_mtime_ns for path in (run / "adapter").iterdir()}
    pq.write_table(frozen, run / "predict.parquet")
    copy = shutil.copytree(run, run.parent / "damaged")
    (copy / "adapter" / "adapter_model.safetensors").write_bytes(b"nothing")
    assert do_run(read_job(run), run, Reporter(run))
    phases = [values["phase"] for values, _ in read_log(run) if "phase" in values]
    assert phases[-4:] == ["starting", "loading the base", "predicting", "done"]
    state = read_state(run)
    assert (state.state, state.step, state.steps) == (DONE, 4, 4)
    assert {path: path.stat().st_mtime_ns for path in (run / "adapter").iterdir()} == learned
    rows = pq.read_table(run / "predictions.parquet").to_pydict()
    assert rows["id"] == [*range(1, 41)]
    assert do_run(read_job(copy), copy, Reporter(copy)), "it is learned once more"
    again = pq.read_table(copy / "predictions.parquet")["probabilities"].to_pylist()
    for row, other in zip(rows["probabilities"], again, strict=True):
        assert row == pytest.approx(other, abs=0.01)


def test_a_process_that_starts_again_takes_back_what_it_said(baseline, monkeypatch):
    """SLURM puts a job back into its queue and starts it without this program."""
    for rank in (1, 2):
        rank_failures.write_failure(baseline, rank, "no memory")
    monkeypatch.setenv("RANK", "1")
    Reporter(baseline, writes=False)
    assert rank_failures.read_failure(baseline) == "Process 2 failed: no memory"
    monkeypatch.setenv("RANK", "2")
    Reporter(baseline, writes=False)
    assert rank_failures.read_failure(baseline) is None

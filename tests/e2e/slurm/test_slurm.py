"""Runs as jobs of a real SLURM: submitted, cancelled, requeued at the time limit and resumed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from workbench.rundir.folder import read_log, read_state
from workbench.runs.launchers import slurm_commands

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SAMPLE = Path(__file__).resolve().parents[3] / "sample_data"


@pytest.fixture(scope="module")
def slurm():
    """A SLURM of one node on this machine; skips where it cannot be."""
    script = Path(__file__).with_name("set_up.sh")
    try:
        done = subprocess.run([script], capture_output=True, text=True, timeout=280, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("SLURM could not be installed in time")
    if done.returncode:
        pytest.skip((done.stdout + done.stderr).strip().splitlines()[-1])
    yield
    if "started" in done.stdout:
        subprocess.run(["scontrol", "shutdown"], check=False)


@pytest.fixture
def workspace(slurm, tmp_path, answer):
    folder = tmp_path / "w"
    rows = [f"text number {n},{('positive', 'negative')[n % 3 == 0]}" for n in range(60)]
    (tmp_path / "tweets.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    answer("init", folder, "--labels", "positive,negative", "--base", SAMPLE / "base")
    answer("-w", folder, "import", tmp_path / "tweets.csv")
    yield folder
    for path in folder.glob("runs/*/launch.json"):
        subprocess.run(["scancel", str(json.loads(path.read_text())["job"])], check=False)


def until(holds, folder, seconds=240):
    end = time.monotonic() + seconds
    while not holds():
        log = folder / "worker.log"
        told = f"{read_state(folder)}\n{log.read_text()[-3000:] if log.exists() else ''}"
        assert time.monotonic() < end, f"it did not happen in time: {told}"
        time.sleep(0.2)


def job_of(folder):
    return json.loads((folder / "launch.json").read_text())["job"]


def edit(workspace, line):
    """Put a line into the job script of the workspace, as its owner may."""
    script = slurm_commands.job_script(workspace)
    text = re.sub(r"(?m)^#SBATCH --begin=.*\n", "", script.read_text())
    script.write_text(text.replace("#SBATCH --requeue\n", f"#SBATCH --requeue\n{line}\n"))


def told_of(job):
    return subprocess.check_output(["scontrol", "show", "job", job], text=True)


def give_time(job, minutes):
    subprocess.run(["scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}"], check=True)


def come_to_the_limit(folder, job):
    """Have SLURM tell a job whose run is at work that its time is over in one or two minutes.

    SLURM looks twice a minute; the worker stands still until then, and has time to save after that.
    """
    worker = read_state(folder).pid
    os.kill(worker, signal.SIGSTOP)
    submitted = (folder / "launch.json").stat().st_mtime
    give_time(job, int(time.time() - submitted) // 60 + 2)
    until(lambda: (folder / "stop").exists(), folder)
    give_time(job, 60)
    os.kill(worker, signal.SIGCONT)


def until_it_goes_on(folder, at):
    """Wait until a requeued run is beyond a step."""
    until(lambda: read_state(folder).state == "running" and read_state(folder).step > at, folder)


def test_a_job_is_submitted_shown_cancelled_and_submitted_again(workspace, answer, cli):
    train = ("train", "--recipe", "baseline", "--launcher", "slurm", "--wait")
    run = answer("-w", workspace, *train)
    assert (run["state"], run["predictions"]) == ("done", 60)
    edit(workspace, "#SBATCH --begin=now+1hour")
    answer("-w", workspace, *train[:-1])
    folder = workspace / "runs" / "2"
    shown = cli("-w", workspace, "runs").stdout
    assert re.search(rf"queued, \d+:\d\d so far, job {job_of(folder)} PENDING \(BeginTime\)", shown)
    assert "waits in the queue" in cli("-w", workspace, "resume", 2).stderr
    answer("-w", workspace, "stop", 2)
    assert answer("-w", workspace, "runs")[0]["state"] == "stopped"
    assert "JobState=CANCELLED" in told_of(job_of(folder))
    edit(workspace, "")
    assert answer("-w", workspace, "resume", 2, "--wait")["state"] == "done"


def test_a_job_that_somebody_cancelled_is_seen_as_over(workspace, answer):
    edit(workspace, "#SBATCH --begin=now+1hour")
    answer("-w", workspace, "train", "--recipe", "baseline", "--launcher", "slurm")
    subprocess.run(["scancel", job_of(workspace / "runs" / "1")], check=True)
    run = answer("-w", workspace, "runs")[0]
    assert run["state"] == "failed" and "cancelled" in run["reason"]


def test_at_the_time_limit_and_after_a_requeue_a_run_goes_on(workspace, answer):
    options = (
        "--recipe",
        "tiny",
        "--set",
        "training.max_steps=20000",
        "--set",
        "training.batch_size=2",
        "--set",
        "training.accumulation=1",
    )
    answer("-w", workspace, "train", *options, "--launcher", "slurm")
    folder = workspace / "runs" / "1"
    job = job_of(folder)
    until(lambda: read_state(folder).step > 0, folder)
    come_to_the_limit(folder, job)
    until(lambda: read_state(folder).state == "queued", folder)
    at = read_state(folder).step
    assert list(folder.glob("checkpoints/checkpoint-*/COMPLETE"))
    until_it_goes_on(folder, at)
    at = read_state(folder).step
    subprocess.run(["scontrol", "requeue", job], check=True)
    until(lambda: read_state(folder).state in ("stopped", "queued"), folder)
    until_it_goes_on(folder, at)
    subprocess.run(["scancel", job], check=True)  # which lets it save, and does not bring it back
    until(lambda: read_state(folder).state == "stopped", folder)
    loaded = [v for v, _ in read_log(folder) if v.get("phase") == "loading the base"]
    assert len(loaded) == 3
    steps = [v["step"] for v, _ in read_log(folder) if v["event"] == "step"]
    assert steps == sorted(steps)
    until(lambda: "JobState=CANCELLED" in told_of(job), folder)
    assert int(re.search(r"Restarts=(\d+)", told_of(job))[1]) >= 2

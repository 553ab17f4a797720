"""What SLURM says of jobs that are over, played by programs on the path.

The lines of sacct are those of its `--parsable2`, as its manual page and real clusters have them;
the SLURM that tests/e2e sets up keeps no accounts.
"""

from __future__ import annotations

import os

import pytest

from workbench.rundir.folder import FAILED, QUEUED, RUNNING, read_state, write_state
from workbench.rundir.launch import SLURM, Launch, read_launch
from workbench.runs import launching
from workbench.runs.launchers import slurm_commands

SQUEUE = "#!/bin/sh\nprintf '%s'\n"
SACCT = """#!/bin/sh
case " $* " in *" --parsable2 "*) ;; *) echo CANCELLED+; exit 0 ;; esac
printf '{told}'
[ '{told}' ] || {{ echo 'Slurm accounting storage is disabled' >&2; exit 1; }}
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Sets up what squeue and sacct say."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")

    def set_up(squeue="", sacct=""):
        for name, text in (("squeue", SQUEUE % squeue), ("sacct", SACCT.format(told=sacct))):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)

    return set_up


@pytest.fixture
def submitted(baseline):
    """A run whose worker has begun in job 17, on another machine."""
    Launch(SLURM, 1, 1, "17").save(baseline)
    write_state(baseline, read_state(baseline), state=RUNNING, host="node7", pid=4711)
    return baseline


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("OUT_OF_MEMORY", "it used more memory than it asked for; raise #SBATCH --mem"),
        ("TIMEOUT", "its time was over before it could save; raise #SBATCH --time"),
        ("NODE_FAIL", "its node failed"),
        ("CANCELLED by 0", "it was cancelled by root"),
        ("CANCELLED by 4294967", "it was cancelled by user 4294967"),
        ("PREEMPTED", "another job took its place"),
        ("FAILED", "the job script failed; see worker.log"),
        ("SOMETHING_NEW", "it ended as something_new"),
        ("", "it is not known there any more"),
    ],
)
def test_a_job_that_squeue_has_forgotten_is_asked_of_the_accounting(
    cluster, submitted, state, said
):
    cluster(sacct=f"17|{state}\\n18|COMPLETED\\n" if state else "")
    assert launching.queue_places([submitted])[submitted] == f"job 17 {state or 'UNKNOWN'}"
    told = read_state(submitted)
    assert told.state == FAILED
    assert told.reason.startswith(f"SLURM ended job 17: {said}")
    assert told.reason.endswith("; go on with `workbench resume 1`.")


def test_the_queue_is_believed_before_the_accounting(cluster, submitted):
    cluster(squeue="17|OUT_OF_MEMORY|OutOfMemory\\n", sacct="17|RUNNING\\n")
    launching.queue_places([submitted])
    assert "--mem" in read_state(submitted).reason


@pytest.mark.parametrize("told", ["17|RUNNING|None\\n", "17|COMPLETING|None\\n"])
def test_a_job_that_goes_on_is_left_alone(cluster, submitted, told):
    cluster(squeue=told, sacct="17|FAILED\\n")
    launching.queue_places([submitted])
    assert read_state(submitted).state == RUNNING


def test_only_the_job_of_the_run_is_taken_out_of_the_queue(cluster, baseline, tmp_path):
    """Though launch.json, which may have come with a copied folder, names another one."""
    cluster(squeue="17|PENDING|None\n")
    (tmp_path / "bin" / "scancel").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    (tmp_path / "bin" / "scancel").chmod(0o755)
    Launch(SLURM, 1, 1, "17").save(baseline)
    launching.stop_run(baseline)
    assert (tmp_path / "asked").read_text() == "--state=PENDING --name=workbench-1 17\n"


def test_what_slurm_says_besides_and_oddly_stops_nothing(cluster, submitted):
    cluster(squeue="slurm is busy\n17|RUNNING|\\377\n")
    assert launching.queue_places([submitted]) == {submitted: "job 17 RUNNING"}
    (launched := submitted / "launch.json").write_text("{")
    assert launching.queue_places([submitted]) == {} and launched.read_text() == "{"


def test_a_waiting_job_says_what_for(cluster, baseline):
    Launch(SLURM, 1, 1, "17").save(baseline)
    write_state(baseline, read_state(baseline), state=QUEUED)
    cluster(squeue="17|PENDING|Resources\\n18|RUNNING|None\\n")
    assert launching.queue_places([baseline]) == {baseline: "job 17 PENDING (Resources)"}
    assert slurm_commands.job_states([read_launch(baseline)]) == {"17": "PENDING (Resources)"}

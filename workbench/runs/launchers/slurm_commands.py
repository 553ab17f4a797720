"""The commands of SLURM: sbatch submits a job, squeue and sacct say how it is, scancel ends it."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import sys
from collections.abc import Sequence, Set
from importlib.resources import files
from pathlib import Path

from storage import interpreter
from storage.errors import UserError, on_one_line
from workbench.rundir import folder as run_folder
from workbench.rundir.launch import Launch

SCRIPT = "slurm.sbatch"
"""The job script in the workspace, which its owner may edit."""
COMMAND_TIMEOUT_S = 30.0
WAITING_STATES = (
    "PENDING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "SUSPENDED",
    "RESV_DEL_HOLD",
)
ENDING_SENTENCES = {
    "OUT_OF_MEMORY": "it used more memory than it asked for; raise #SBATCH --mem in slurm.sbatch",
    "TIMEOUT": "its time was over before it could save; raise #SBATCH --time in slurm.sbatch",
    "DEADLINE": "it could not end by its deadline; change #SBATCH --deadline in slurm.sbatch",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "another job took its place",
    "CANCELLED": "it was cancelled by somebody",
    "FAILED": "the job script failed; see worker.log",
    "COMPLETED": "it came to its end, but the run did not; see worker.log",
    "UNKNOWN": "it is not known there any more; see worker.log",
}
"""What the states of jobs that are over mean, and what to do, as far as resuming is not all."""
RUNNING_STATES = ("RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING")


def submit(folder: Path, launch: Launch) -> str:
    """Submit a run and return the number of its job.

    Raises UserError if SLURM is not here or refuses it.
    """
    printed = _run_command(
        "sbatch",
        "--parsable",
        f"--job-name={_name(folder)}",
        f"--chdir={interpreter.NEUTRAL}",
        f"--output={folder / run_folder.WORKER_LOG}",
        f"--nodes={launch.nodes}",
        *_devices(launch.gpus),
        str(job_script(folder.parent.parent)),
        str(folder),
        sys.executable,
        str(launch.gpus),
    )
    return printed.strip().partition(";")[0]


def cancel_waiting(folder: Path, launch: Launch) -> bool:
    """Take the job of a run out of the queue if it only waits there; whether that was so.

    Its name is asked for too, since a folder that was copied in may name any job.
    """
    if job_states([launch]).get(launch.job or "", "").split(" ")[0] not in WAITING_STATES:
        return False
    _run_command("scancel", "--state=PENDING", f"--name={_name(folder)}", launch.job or "")
    return True


def is_over(state: str) -> bool:
    """Whether what SLURM says of a job, such as `PENDING (Resources)`, means that it has ended."""
    return state.split(" ")[0] not in (*WAITING_STATES, *RUNNING_STATES)


def job_states(launches: Sequence[Launch]) -> dict[str, str]:
    """What SLURM says of jobs, by their number, such as `PENDING (Resources)`.

    Jobs that it has forgotten are asked of its accounting, where there is any.
    """
    wanted = {launch.job for launch in launches if launch.job is not None}
    if not wanted or shutil.which("squeue") is None:
        return {}
    found = {}
    listed = _run_command("squeue", "--me", "--states=all", "--noheader", "--format=%i|%T|%r")
    for line in listed.splitlines():
        job, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if job in wanted and state:
            waits = state in WAITING_STATES and reason not in ("", "None")
            found[job] = f"{state} ({reason})" if waits else state
    return found | _accounted(wanted - found.keys())


def ending_sentence(job: str, state: str) -> str:
    """Why a job ended, by what SLURM says of it: the part of a sentence, and what to do."""
    name, _, by = state.partition(" by ")
    word = name.split(" ")[0].rstrip("+")
    sentence = ENDING_SENTENCES.get(word, f"it ended as {word.lower()}; see worker.log")
    if word == "CANCELLED" and by.strip().isdecimal():
        sentence = sentence.replace("somebody", _user(int(by)))
    return f"SLURM ended job {job}: {sentence}"


def _accounted(jobs: Set[str]) -> dict[str, str]:
    """What the accounting of SLURM says of jobs that have ended some time ago.

    Without an option sacct cuts states off after ten characters.
    """
    found = dict.fromkeys(jobs, "UNKNOWN")
    if not jobs:
        return found
    try:
        accounts = _run_command(
            "sacct",
            "--noheader",
            "--parsable2",
            "--allocations",
            "--format=JobIDRaw,State",
            f"--jobs={','.join(sorted(jobs))}",
        )
    except UserError:
        return found  # there is no accounting here
    for line in accounts.splitlines():
        job, _, state = line.strip().partition("|")
        if job in jobs and state:
            found[job] = state
    return found


def _name(folder: Path) -> str:
    return f"workbench-{folder.name}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def job_script(workspace: Path) -> Path:
    """The job script of a workspace, made from ours when it is needed first."""
    path = workspace / SCRIPT
    if not path.exists():
        path.write_text(files("workbench.runs.launchers").joinpath(SCRIPT).read_text("utf-8"))
    return path


def _devices(gpus: int) -> list[str]:
    """What to ask for: GPUs where the cluster has any, otherwise processor cores."""
    resources = _run_command("sinfo", "--noheader", "--format=%G")
    if any(line.strip().startswith("gpu") for line in resources.splitlines()):
        return [f"--gpus-per-node={gpus}"]
    return [f"--cpus-per-task={gpus}"]


def _run_command(program: str, *arguments: str) -> str:
    if (found := shutil.which(program)) is None:
        raise UserError(
            f"SLURM is not here (no {program}); run this on a login node of the cluster, or use "
            "--launcher local."
        )
    # the job gets a clean environment of what was submitted from inside another job
    environment = {
        name: value
        for name, value in interpreter.environment().items()
        if not name.startswith(("SLURM_", "SBATCH_"))
    }
    try:
        done = subprocess.run(
            [found, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"SLURM does not answer ({program} took {COMMAND_TIMEOUT_S:.0f} s); try again, or ask "
            "`sinfo`."
        ) from None
    except OSError as error:
        raise UserError(f"{found} cannot be run ({error.strerror}); ask who runs SLURM.") from None
    if done.returncode:
        said = on_one_line(UserError(done.stderr or done.stdout))
        raise UserError(f"SLURM refused: {said}; see `sinfo`, or use another launcher.")
    return done.stdout

"""`python -m workbench.runs.run_end WORKSPACE RUN` waits for the end of a run, and tells a command.

The command is `on_run_end` of workbench.toml. It finds the run in its variables, `WORKBENCH_RUN`,
`WORKBENCH_RUN_STATE`, `_RECIPE`, `_REASON` and, where test tweets were scored, `_ACCURACY`,
`_ACCURACY_LOW` and `_ACCURACY_HIGH`, and the workspace in `WORKBENCH_HOME`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from storage.file_locks import exclusive
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import Store, open_store
from workbench.rundir import folder as run_folder
from workbench.rundir.folder import LIVE
from workbench.rundir.liveness import reconcile_state
from workbench.runs.collecting import collect

POLL_S = 0.5
COLLECTED_S = 60.0
"""Seconds between two looks at whether the queue of a cluster has lost the run."""
PATIENCE_S = 600.0
"""How long the command may take."""
MOST_TOLD = 500
"""Characters of what went wrong with it."""
LOCK = "on_run_end.lock"
TOLD = "on_run_end.told"
"""In the run folder: when the run had ended about which the command was told last."""


def main() -> None:
    """Wait, and tell."""
    workspace, number = Path(sys.argv[1]), int(sys.argv[2])
    store = open_store(workspace)
    try:
        folder = store.run_folder(number)
        with exclusive(folder / LOCK):  # one for each launch, and a run is resumed at once at times
            _wait(store, folder)
            if folder.is_dir() and (ended := str(reconcile_state(folder).finished)) != _told(
                folder
            ):
                collect(store)
                (folder / TOLD).write_text(ended)
                tell(store, runs.get(store, number))
    finally:
        store.close()


def _wait(store: Store, folder: Path) -> None:
    looked = time.monotonic()
    while folder.is_dir() and reconcile_state(folder).state in LIVE:
        time.sleep(POLL_S)
        if time.monotonic() - looked > COLLECTED_S:
            collect(store)
            looked = time.monotonic()


def _told(folder: Path) -> str:
    path = folder / TOLD
    return path.read_text() if path.is_file() else ""


def tell(store: Store, run: Run) -> None:
    """Call the command about a run that has ended; what goes wrong stands in the log of the run."""
    try:
        done = subprocess.run(  # noqa: S602 - a command of the user's own, for their shell
            store.config.on_run_end,
            shell=True,
            cwd=store.folder,
            env=os.environ | variables(store, run),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        problem = f"it took longer than {PATIENCE_S / 60:.0f} minutes"
    except OSError as error:
        problem = str(error)
    else:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-1:]
        problem = ": ".join([f"it ended with status {done.returncode}", *said])
        if not done.returncode:
            return
    told = " ".join(f"the command on_run_end failed: {problem}".split())[:MOST_TOLD]
    run_folder.append_log(store.run_folder(run.id), "note", text=told)


def variables(store: Store, run: Run) -> dict[str, str]:
    """What the command is told of the run, in variables."""
    told = {"": run.id, "_STATE": run.state, "_RECIPE": run.recipe, "_REASON": run.reason or ""}
    if (report := runs.evaluation(store, run.id, "test")) is not None:
        told |= {
            "_ACCURACY": f"{report['accuracy']:.4f}",
            "_ACCURACY_LOW": f"{report['accuracy_low']:.4f}",
            "_ACCURACY_HIGH": f"{report['accuracy_high']:.4f}",
        }
    named = {f"WORKBENCH_RUN{name}": str(value) for name, value in told.items()}
    return named | {"WORKBENCH_HOME": str(store.folder.absolute())}


if __name__ == "__main__":
    main()

"""Called by the SLURM job script when its time is over: whether the run shall go on later.

`python -P -m workbench.runs.launchers.requeue RUN_DIR` exits with 0 if the run has stopped before
its end, and marks it as queued again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.rundir import folder as run_folder


def main() -> int:
    """Mark a run that was stopped as queued; exit status 1 if it is at its end."""
    folder = Path(sys.argv[1])
    state = run_folder.read_state(folder)
    if state.state in (run_folder.DONE, run_folder.FAILED):
        return 1
    run_folder.write_state(folder, state, state=run_folder.QUEUED, pid=None, host=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())

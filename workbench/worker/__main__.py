"""The entry of the process that does a run: `python -P -m workbench.worker RUN_DIR`.

It reads and writes its folder only, so it runs the same here, under torchrun, or on another
machine. SIGTERM and SIGINT mean: save and stop.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

from storage.errors import UserError
from workbench.rundir import folder as run_folder
from workbench.rundir import processes
from workbench.rundir.folder import DONE
from workbench.worker.read_ahead import read_ahead
from workbench.worker.reporter import Reporter, rank
from workbench.worker.run import do_run, without_hub

TORCHRUN_VARIABLES = (
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
)
"""Variables of torchrun by which libraries decide to work in several processes."""


def main() -> int:
    """Do the run in the folder that the command line names; exit status 0 if it is done."""
    folder = Path(sys.argv[1])
    os.umask(0o077)  # what a run writes is for its owner only
    try:
        job = run_folder.read_job(folder)
        run_folder.require_no_links(folder)
        if os.environ.get("WORLD_SIZE") == "1":
            for name in TORCHRUN_VARIABLES:  # under torchrun too one process is one process
                os.environ.pop(name, None)
        first = rank() == 0
        if first:
            processes.acquire_lock(folder)
            if run_folder.read_state(folder).state == DONE:
                raise UserError(f"The run in {folder} is done; there is nothing to do.")
        reporter = Reporter(folder, writes=first)
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201 - goes to worker.log; the folder is not ours to write
        return 1
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, reporter.ask_to_stop)
    if without_hub(job.base):
        os.environ["HF_HUB_OFFLINE"] = "1"
    read_ahead(job.base)
    return 0 if do_run(job, folder, reporter) else 1


def leave(status: int) -> None:
    """End the process without taking everything in it apart first, which lasts seconds on a GPU."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(main())

"""Runs of language models, one after another in one process that keeps the base between them."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

from storage.errors import UserError, on_one_line
from workbench.modeling.keeping import Kept
from workbench.runs import folder as run_folder
from workbench.runs.folder import DONE, FAILED, STOPPED, State
from workbench.runs.model_job import run_model
from workbench.runs.worker import Reporter


class Engine:
    """Does job after job; the base of the last one stays loaded."""

    def __init__(self) -> None:
        self.kept = Kept()

    def run(self, folder: Path) -> State:
        """Do the run of a folder as a worker process of its own would, and say how it ended.

        A run that fails says so in its folder; the next one then loads its base anew.
        """
        reporter = Reporter(folder)
        reporter.phase("starting")
        try:
            run_model(run_folder.read_job(folder), folder, reporter, self.kept)
        except Exception as error:  # the engine goes on, and the reason must not be lost
            if not isinstance(error, UserError):
                traceback.print_exc()
            self.kept.drop()
            reason = str(error) if isinstance(error, UserError) else on_one_line(error)
            reporter.update(state=FAILED, reason=reason, finished=time.time())
            return reporter.state
        stopped = reporter.stop_asked and reporter.state.phase != "done"
        reporter.update(state=STOPPED if stopped else DONE, finished=time.time(), eta_s=None)
        return reporter.state

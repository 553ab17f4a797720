"""Doing a run from its first phase to its final state, whatever happens in between."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import UserError
from workbench.recipes.base_models import hub_reachable, is_local, require_same_base
from workbench.rundir import rank_failures
from workbench.rundir.folder import DONE, FAILED, STOPPED, Job
from workbench.worker.failure_reasons import OTHER_ENDED, reason_of
from workbench.worker.reporter import Reporter

if TYPE_CHECKING:
    from workbench.modeling.base.cache import BaseModelCache


def without_hub(base: str | None) -> bool:
    """Whether the network is not to be touched: for a local base, and while the hub is unreachable.

    The base may still be in the cache of the hub's library, which otherwise retries for a minute.
    """
    return base is None or is_local(base) or not hub_reachable()


def do_run(job: Job, folder: Path, reporter: Reporter, cache: BaseModelCache | None = None) -> bool:
    """Do a run from its first phase to its final state; False if it failed.

    `cache` may hold the base of an earlier run of this process.
    """
    try:
        reporter.phase("starting")
        _see_own_gpu_only()
        require_same_base(job.base, job.base_print)
        if job.kind == "baseline":
            from workbench.worker.baseline_job import run_baseline

            run_baseline(job, folder, reporter)
        else:
            from workbench.modeling.base.library_imports import import_libraries

            import_libraries()
            from workbench.modeling.base.machine import require_usable_gpu
            from workbench.worker.model_job import run_model

            require_usable_gpu()
            run_model(job, folder, reporter, cache)
    except Exception as error:  # the run ends here, and its reason must not be lost
        if not isinstance(error, UserError):
            traceback.print_exc()
        reason = reason_of(error)
        if reason == OTHER_ENDED and reporter.writes:
            reason = rank_failures.read_failure(folder, rank_failures.FAILURE_PATIENCE_S) or reason
        reporter.end(FAILED, reason)
        return False
    reporter.end(STOPPED if reporter.stop_asked and reporter.state.phase != "done" else DONE)
    return True


def _see_own_gpu_only() -> None:
    """Of several processes on a machine, let each see the GPU that is its own, as number 0.

    Raises UserError if CUDA_VISIBLE_DEVICES names fewer GPUs than there are processes.
    """
    local, processes_here = os.environ.get("LOCAL_RANK", ""), os.environ.get("LOCAL_WORLD_SIZE", "")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not local.isdecimal() or processes_here in ("", "1") or visible in ("", "-1"):
        return
    named = visible.split(",") if visible is not None else []
    if visible is not None and len(named) < int(processes_here):
        raise UserError(
            f"CUDA_VISIBLE_DEVICES={visible} names fewer GPUs than the {processes_here} that the "
            "run was started on; lower --gpus, or name more."
        )
    os.environ["CUDA_VISIBLE_DEVICES"] = named[int(local)] if named else local

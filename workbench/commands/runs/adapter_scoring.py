"""Scoring texts with the adapter of a run: by the engine if it can, or else in this process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from storage.errors import UserError
from workbench.console.options import warn
from workbench.recipes.base_models import (
    absolute_name,
    base_here,
    is_local,
    require_same_base,
)
from workbench.rundir import engine_questions
from workbench.rundir import folder as run_folder
from workbench.rundir.engine_questions import EngineBusyError, Question
from workbench.rundir.folder import Job


def usable_base(job: Job, known_base: str) -> str:
    """The base of a run as it is found here, where `known_base` is the one of the workspace.

    Raises UserError if it is not here, or has changed since.
    """
    base = base_here(job.base, job.base_print, known_base)
    if base is None:
        raise UserError(f"Run {job.id} names no base model; name a trained run.")
    require_same_base(base, job.base_print)
    return base


def leave_hub_alone(base: str) -> None:
    """Keep the hub's library, which is still to be imported, off the network for a local base."""
    if is_local(base):
        os.environ["HF_HUB_OFFLINE"] = "1"


def score_with_adapter(folder: Path, texts: Sequence[str], known_base: str) -> list[list[float]]:
    """The probability of each label of a run for each text; no torch if the engine answers.

    Says on stderr if the engine is busy, and the base is loaded beside it. Raises UserError if the
    adapter or its base cannot be used.
    """
    job = run_folder.read_job(folder)
    base, adapter = usable_base(job, known_base), folder / run_folder.ADAPTER
    question = Question(
        str(adapter.absolute()), absolute_name(base), tuple(texts), job.trust_remote_code
    )
    try:
        if (rows := engine_questions.ask(question)) is not None:
            return rows
    except EngineBusyError as busy:
        warn(f"{busy}, so the base is loaded here.")
    leave_hub_alone(base)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from workbench.modeling.base.library_imports import import_libraries

    import_libraries()
    from workbench.modeling.classify import classify_texts

    return classify_texts(adapter, texts, base, job.trust_remote_code)

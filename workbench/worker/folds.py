"""The folds of a run: which tweets each leaves out, and what was scored out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.modeling.packed.cross_fit import FoldPlan
from workbench.modeling.training.process_group import ProcessGroup
from workbench.recipes.recipes import Training
from workbench.rundir import fold_tables
from workbench.rundir.tables import SnapshotTable


def plan_folds(
    folder: Path,
    settings: Training,
    snapshot: SnapshotTable,
    labels: Sequence[int],
    processes: ProcessGroup,
) -> FoldPlan:
    """The folds of the training tweets, written down, and those that are done already.

    Near duplicates are in one fold. Raises UserError if the tweets are too few.
    """
    from workbench.analysis.folds import assign_folds

    fold_of = assign_folds(labels, snapshot.groups, settings.folds, settings.seed)
    ids = snapshot.ids

    def save(fold: int, indices: Sequence[int], rows: Sequence[Sequence[float]]) -> None:
        fold_tables.write_fold_scores(folder, fold, [ids[index] for index in indices], rows)

    done: frozenset[int] = frozenset()
    if processes.is_main:
        fold_tables.write_folds(folder, ids, fold_of)
        members = [
            [n for n, own in zip(ids, fold_of, strict=True) if own == fold]
            for fold in range(max(fold_of) + 1)
        ]
        done = frozenset(
            fold
            for fold, members_of in enumerate(members)
            if fold_tables.read_fold_scores(folder, fold, members_of)
        )
    return FoldPlan(fold_of, processes.all_gather([done])[0], save)


def describe_folds(plan: FoldPlan, settings: Training) -> str:
    """One line for the log of the run."""
    last = "then one on all tweets" if settings.final_fit else "and none on all tweets"
    done = f", {len(plan.done)} of which are done" if plan.done else ""
    return f"{plan.count} adapters, each without a fold of the tweets{done}, {last}"


def out_of_fold_rows(folder: Path) -> dict[int, list[float]]:
    """The probabilities of the training tweets of a run with folds; none of a run without."""
    by_fold: dict[int, list[int]] = {}
    for number, fold in fold_tables.read_folds(folder).items():
        by_fold.setdefault(fold, []).append(number)
    rows: dict[int, list[float]] = {}
    for fold, ids in by_fold.items():
        rows |= fold_tables.read_fold_scores(folder, fold, ids)
    return rows

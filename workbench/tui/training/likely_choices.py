"""What somebody who starts a run is likely to fill in: bases used before, runs to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.runs import runs
from storage.runs.runs import Run
from storage.store import Store
from workbench.rundir.folder import ADAPTER
from workbench.rundir.log_format import duration

MOST = 6


@dataclass(frozen=True)
class LikelyChoices:
    """Bases, the ones used last first, and the runs that have an adapter, newest first."""

    bases: tuple[str, ...] = ()
    parents: tuple[Run, ...] = ()

    def parent(self, number: str) -> Run | None:
        """The run of a number, if it has an adapter."""
        return next((run for run in self.parents if str(run.id) == number.strip()), None)


def likely_choices(store: Store) -> LikelyChoices:
    """Read them from the store and the folders of its runs."""
    known = runs.every(store, metrics=False)
    bases = dict.fromkeys([run.base for run in known if run.base], None)
    parents = [run for run in known if run.kind == "qlora" and _has_adapter(store, run)]
    named = dict.fromkeys([store.config.base, *bases]) if store.config.base else bases
    return LikelyChoices(tuple(named)[:MOST], tuple(parents))


def _has_adapter(store: Store, run: Run) -> bool:
    folder: Path = store.run_folder(run.id)
    return run.state == "done" and (folder / ADAPTER).is_dir()


def about_parent(run: Run) -> str:
    """What going on from a run means."""
    took = f"; that run took {duration(run.seconds)}" if run.seconds else ""
    return f"with its recipe {run.recipe}, its base and a quarter of its steps{took}"

"""Ranking the suspects: once at a time, and in a process of its own where it takes long."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from storage import interpreter
from storage.errors import UserError
from storage.file_locks import exclusive
from storage.query.tweets import counts
from storage.runs.suspect_ranking import ranking, ranking_run, stale
from storage.store import Store

if TYPE_CHECKING:
    from workbench.evaluation.suspects import SuspectRanking

RANKING = ".ranking.lock"
AT_ONCE = 2_000
"""Labelled tweets that are ranked in less time than it takes to start a process."""


def rank(
    store: Store,
    number: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> SuspectRanking:
    """Rank the suspects, by one run only if it is named; waits for whoever does so already.

    What that process has made is taken over, if it still stands. Raises UserError as
    `workbench.evaluation.suspects.rank_suspects` does.
    """
    from workbench.evaluation.suspects import rank_suspects

    if store.read_only:
        return rank_suspects(store, number, progress)
    with exclusive(store.runs_folder / RANKING):
        return rank_suspects(store, number, progress)


def rank_again(store: Store) -> None:
    """Bring the ranking up to date with the runs that there are, if it is made from runs at all.

    Many tweets are ranked by a process of its own that nobody waits for: `workbench suspects` takes
    over what it has made.
    """
    if ranking_run(store) is None or (ranking(store) is not None and not stale(store)):
        return
    if counts(store).labelled <= AT_ONCE:
        with suppress(UserError):  # whoever asks for the suspects is told
            rank(store)
        return
    workspace = str(store.folder.absolute())
    process = interpreter.start(
        interpreter.command("workbench", "--workspace", workspace, "suspects", "--no-baseline"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    interpreter.give_way(process.pid)

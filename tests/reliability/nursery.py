"""Does what the store is for in children that are killed in the middle of it.

Started once, with everything imported; then each line of JSON on stdin is a round: `work` (a
function of this module), `folder`, `seed`, and `after_s`, the seconds until SIGKILL, null to let
the child finish. The answer, a line of JSON too, says what the child reported before it died, one
report after each commit, whether it came to its end, and the seconds that it lived.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import storage.migrations  # noqa: F401 - so that no child has to
from storage.history import labels
from storage.store import Store, open_store
from storage.transfer import importing, unimporting
from storage.transfer.merging import UPDATES

LABELS = ("positive", "negative")
MARKS = ("excluded", "review", "ambiguous")
READY, END = "ready", "end"


def label(folder: Path, seed: int) -> Iterator[object]:
    """One small change after another, each reported with its action and how many it changed."""
    store, chance = open_store(folder, "ana"), random.Random(seed)
    yield READY
    for _ in range(12):
        change = _small_change(store, chance)
        yield [change.action, len(change.tweets)]
    store.close()


def _small_change(store: Store, chance: random.Random) -> labels.Change:
    ids = chance.sample(range(1, 21), chance.choice((1, 1, 1, 5)))
    kind = chance.choice(("set", "set", "set", "mark", "note", "undo", "redo"))
    if kind == "undo" and labels.events_to_undo(store, "undo"):
        return labels.undo(store)
    if kind == "redo" and labels.events_to_undo(store, "redo"):
        return labels.redo(store)
    if kind == "mark":
        return labels.mark(store, ids, chance.choice(MARKS), chance.random() < 0.5)
    if kind == "note":
        return labels.annotate(store, ids[0], f"note {chance.random()}")
    return labels.assign(store, ids, chance.choice((*LABELS, None)))


def bulk(folder: Path, seed: int) -> Iterator[object]:
    """One change of all tweets, and its undo."""
    store, chance = open_store(folder, "ana"), random.Random(seed)
    ids = range(1, 1 + store.db.execute("SELECT max(id) FROM tweets").fetchone()[0])
    yield READY
    for change in (labels.assign(store, ids, chance.choice(LABELS)), labels.undo(store)):
        yield [change.action, len(change.tweets)]
    store.close()


def take_in(folder: Path, seed: int) -> Iterator[object]:
    """The import of a file named after the seed; reports how many tweets it added."""
    store = open_store(folder, "ana")
    yield READY
    plan = importing.plan(store.config, folder.parent / f"{seed}.csv", importing.ImportOptions())
    yield importing.run(store, plan).added
    store.close()


def update(folder: Path, seed: int) -> Iterator[object]:
    """The import of a file that has another label, note and split for each tweet that is there."""
    store = open_store(folder, "ana")
    yield READY
    options = importing.ImportOptions(update=frozenset(UPDATES))
    plan = importing.plan(store.config, folder.parent / "update.csv", options)
    yield importing.run(store, plan).merged.updated["labels"]
    store.close()


def remove(folder: Path, seed: int) -> Iterator[object]:
    """The only import is taken back; reports how many tweets went."""
    store = open_store(folder, "ana")
    yield READY
    yield unimporting.unimport(store, 1).tweets
    store.close()


def migrate(folder: Path, seed: int) -> Iterator[object]:
    """What opening a database of an older version does."""
    yield READY
    open_store(folder, "ana").close()
    yield "migrated"


def play(work: str, folder: str, seed: int, after_s: float | None) -> dict[str, object]:
    """One round, in a child."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.close(read)
        with os.fdopen(write, "w", buffering=1) as reports:
            for report in globals()[work](Path(folder), seed):
                print(json.dumps(report), file=reports)
            print(json.dumps(END), file=reports)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as reports:
        assert json.loads(reports.readline()) == READY
        started = time.monotonic()
        if after_s is not None:
            time.sleep(after_s)
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        lived = time.monotonic() - started
        told = [json.loads(line) for line in reports]
    assert status in (0, -signal.SIGKILL), f"{work} with seed {seed} ended with status {status}"
    return {"reports": [t for t in told if t != END], "ended": END in told, "seconds": lived}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(play(**json.loads(line))), flush=True)

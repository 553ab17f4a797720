"""Somebody who labels in rounds, perhaps with a second store of the same process beside the first.

Started once with a workspace; then each line of JSON on stdin is a round: `first` and `last`, the
tweets to label one by one, and `pollers`, how many threads open the workspace, read from it and
close it again meanwhile. The answer to each is a line with what went wrong, an empty list if all
was saved.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from pathlib import Path

from storage.history import labels
from storage.runs import runs
from storage.store import open_store

PAUSE_S = 0.001


def work(folder: Path, first: int, last: int, pollers: int) -> list[str]:
    """One round."""
    errors: list[str] = []
    over = threading.Event()
    threads = [threading.Thread(target=poll, args=[folder, over, errors]) for _ in range(pollers)]
    try:
        store = open_store(folder)
        for thread in threads:
            thread.start()
        for number in range(first, last + 1):
            labels.assign(store, [number], "negative")
            time.sleep(PAUSE_S)
        over.set()
        for thread in threads:
            thread.join()
        store.close()
    except Exception:
        over.set()
        errors.append(traceback.format_exc())
    return errors


def poll(folder: Path, over: threading.Event, errors: list[str]) -> None:
    """Look at the runs of a workspace again and again, as a screen does."""
    try:
        while not over.is_set():
            store = open_store(folder)
            runs.every(store)
            store.close()
    except Exception:
        errors.append(traceback.format_exc())


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(work(Path(sys.argv[1]), **json.loads(line))), flush=True)

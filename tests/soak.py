"""Random keys over all places, and terminals of all sizes, as somebody who never stops would press.

    .venv/bin/python tests/soak.py WORKSPACE --seconds 600 --seed 1

It works on a copy of the workspace, and says what the process held in the beginning, in the middle
and in the end. What it looks for: an exception, a place that no longer answers, a label that the
history does not explain.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from textual.pilot import Pilot

from storage.history import integrity
from storage.store import open_store
from workbench.tui.app import WorkbenchApp

KEYS = (
    *"qjkJKgGvVyxfae12390uosnmdrbtcCADUXSO*;,=][?/.BQETR",
    *("enter", "escape", "space", "tab", "shift+tab", "up", "down", "left", "right", "home", "end"),
    *("pageup", "pagedown", "ctrl+d", "ctrl+u", "ctrl+r", "ctrl+l", "ctrl+p", "f1", "f2"),
)
TEXTS = ("label:neg", "queue of", "moon", "lable:x", '"', "sort by", "theme", "what a tweet", "1 2")
SIZES = ((80, 24), (120, 40), (200, 60), (60, 15), (40, 10), (20, 5))
BURST = 12
"""Keys that are pressed before it is looked whether all of them were taken."""


def presses(chance: random.Random) -> Iterator[Sequence[str]]:
    """Keys without end: single ones mostly, a text and its end now and then."""
    while True:
        if chance.random() < 0.06:
            yield [*chance.choice(TEXTS), chance.choice(("enter", "escape"))]
        else:
            yield [chance.choice(KEYS)]


async def soak(pilot: Pilot[None], chance: random.Random, goes_on: Iterator[object]) -> int:
    """Press keys as long as it goes on; returns how many. Raises what the application raises."""
    app, pressed = pilot.app, 0
    setattr(app, "action_quit", _stay)  # noqa: B010 - which q and the palette find too
    for _ in goes_on:
        for keys, _ in zip(presses(chance), range(BURST), strict=False):
            await pilot.press(*keys)
            pressed += len(keys)
        if chance.random() < 0.3:
            await pilot.resize_terminal(*chance.choice(SIZES))
        await asyncio.wait_for(pilot.pause(), 30)
        assert app.is_running, f"a key has ended the program: {app.return_code}"
    await pilot.resize_terminal(120, 40)
    return pressed


async def _stay() -> None:
    """Quit nothing."""


def problems(folder: Path) -> list[str]:
    """What is in the store that the history does not explain."""
    store = open_store(folder)
    try:
        return integrity.check(store)
    finally:
        store.close()


def _held() -> str:
    """What this process holds by now."""
    gc.collect()
    process = psutil.Process()
    memory, files = process.memory_info().rss / 2**20, process.num_fds()
    return f"{memory:.0f} MiB, {files} open files, {threading.active_count()} threads"


def _history(folder: Path) -> str:
    """How many labels differ from the imported ones, and how many events there are of labels."""
    store = open_store(folder)
    try:
        events, tweets = store.db.execute(
            "SELECT count(*), count(DISTINCT tweet) FROM label_events WHERE field = 'label'"
        ).fetchone()
        changed = store.db.execute("SELECT count(*) FROM current WHERE label IS NOT gold")
        return (
            f"{events:,} events of labels, of {tweets:,} tweets; {changed.fetchone()[0]:,} differ"
        )
    finally:
        store.close()


def _seconds(length: float) -> Iterator[float]:
    end = time.monotonic() + length
    while (left := end - time.monotonic()) > 0:
        yield left


async def _run(folder: Path, seconds: float, seed: int) -> None:
    first = min(30.0, seconds / 4)
    half = (seconds - first) / 2
    chance, pressed = random.Random(seed), 0
    app = WorkbenchApp(folder, "soak")
    async with app.run_test(size=(120, 40)) as pilot:
        for length in (first, half, half):
            pressed += await soak(pilot, chance, _seconds(length))
            print(f"{pressed:,} keys: {_held()}", flush=True)


def main() -> None:
    """Press keys on a copy of a workspace."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        copy = shutil.copytree(options.workspace, Path(name) / "workspace")
        asyncio.run(_run(copy, options.seconds, options.seed))
        print(_history(copy))
        found = problems(copy)
    print("\n".join(found) or "The history explains every label.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

"""The backup of the day: a small one at once, a large one in a process that nobody waits for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from storage import interpreter
from storage.safety import backups
from storage.store import DATABASE, Store, now
from storage.transfer import traces

SMALL = 16 * 2**20
"""Bytes that are copied in less time than it takes to start a process."""


def start(folder: Path) -> subprocess.Popen[str] | None:
    """Make the backup if there is none of today, or start a process that does.

    Raises UserError if it cannot be written; work goes on without it.
    """
    database, at = folder / DATABASE, now()
    if not backups.due(folder, at):
        return None
    if database.stat().st_size <= SMALL:
        backups.make(database, backups.DAILY, at)
        return None
    backups.require_space(folder, database.stat().st_size)
    workspace = str(folder.absolute())
    return interpreter.start(
        interpreter.command("workbench", "--workspace", workspace, "backup", "--daily"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


async def complaint(store: Store) -> str:
    """Make the backup beside other work and return what went wrong; raises UserError as well.

    When the screen closes in between, the process goes on.
    """
    import asyncio  # which commands, that do not wait beside other work, start without

    if not store.read_only and traces.left(store):
        await asyncio.to_thread(traces.wipe_rest, store)
    process = await asyncio.to_thread(start, store.folder)
    while process is not None and process.poll() is None:
        await asyncio.sleep(0.5)
    if process is None or not process.returncode or process.stderr is None:
        return ""
    return (process.stderr.read().strip().splitlines() or ["The daily backup failed."])[-1]

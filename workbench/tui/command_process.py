"""Commands of the command line that the screen has done by a process of their own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage import interpreter
from storage.errors import UserError
from workbench.tui.background_calls import in_background

WORKBENCH = tuple(interpreter.command("workbench"))
"""The start of this program."""
PROGRAM_PREFIX = "workbench: "
"""The prefix of the message of a command that has failed."""


async def run_command(
    command: Sequence[str], folder: Path, *arguments: str, let_finish: bool = False
) -> Any:
    """What a command of the command line prints as JSON; raises UserError with its complaint.

    When the screen closes in between, the command is stopped unless it shall finish.
    """
    process = interpreter.start(
        [*command, "--workspace", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    interpreter.give_way(process.pid)
    try:
        printed, complaint = await in_background(process.communicate)
    except asyncio.CancelledError:
        if not let_finish:
            process.terminate()
        raise
    if process.returncode:
        raise UserError(_sentence(complaint) or f"{arguments[0]} ended with an error.")
    try:
        return json.loads(printed) if printed.strip() else None
    except ValueError:
        raise UserError(f"{arguments[0]} printed something that is no JSON.") from None


def _sentence(complaint: str) -> str:
    """What a command complains of, without the name of the program before it."""
    lines = complaint.strip().splitlines()
    said = [line.removeprefix(PROGRAM_PREFIX) for line in lines if line.startswith(PROGRAM_PREFIX)]
    return (said or lines or [""])[-1]

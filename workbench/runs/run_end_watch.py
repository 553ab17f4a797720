"""Has the end of a run waited for by a process of its own, so that no screen has to be open."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from storage import config, interpreter
from storage.errors import UserError
from workbench.runs.login_sessions import logout_effect

RUN_END = "workbench.runs.run_end"


def watch_end(folder: Path) -> None:
    """Have the end of a run waited for, if `on_run_end` of its workspace names a command."""
    workspace = folder.absolute().parent.parent
    with suppress(UserError):  # a folder that is in no workspace has no such command
        if config.load(workspace).on_run_end:
            interpreter.start(
                [
                    *logout_effect().prefix,
                    *interpreter.command(RUN_END, str(workspace), folder.name),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

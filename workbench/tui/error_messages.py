"""Errors that nobody has caught become messages on a screen, whichever worker or key it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from textual.app import App
from textual.worker import WorkerFailed, get_current_worker

from storage.errors import UserError, os_error_message
from storage.safety.damage import explain
from storage.store import DATABASE, SQLiteError
from workbench.tui import updated_program
from workbench.tui.host import host
from workbench.tui.screen_stack import ShowsMessages

EXPECTED = (UserError, SQLiteError, OSError)
"""What the user, or somebody else, can do something about; anything else is a fault of ours."""


def sentence_of(error: BaseException, workspace: Path) -> str:
    """The message for one of the expected errors: what is wrong and what to do."""
    if isinstance(error, SQLiteError):
        error = explain(error, workspace / DATABASE)
    return os_error_message(error) if isinstance(error, OSError) else str(error)


def last_sentence(error: BaseException, workspace: Path) -> str | None:
    """What is said where an error ends the screen; None for a fault of ours, which is shown."""
    if isinstance(error, EXPECTED):
        return sentence_of(error, workspace)
    if updated_program.was_updated() and "--debug" not in sys.argv:
        return updated_program.SENTENCE
    return None


def say_worker_error(app: App[Any], failed: WorkerFailed) -> bool:
    """Show why a worker failed on the screen that it belongs to; False if that was not expected."""
    if not isinstance(failed.error, EXPECTED):
        return False
    node = get_current_worker().node
    place = node if isinstance(node, ShowsMessages) else host(app)
    place.say(sentence_of(failed.error, host(app).store.folder), problem=True)
    return True

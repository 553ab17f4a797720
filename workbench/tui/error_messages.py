"""What goes wrong beside the screen becomes a message on it, whichever worker or key it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.worker import WorkerFailed, get_current_worker

from storage.errors import UserError, refused
from storage.safety.damage import explain
from storage.store import DATABASE, SQLiteError
from workbench.tui.screen_stack import HasPlace

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

EXPECTED = (UserError, SQLiteError, OSError)
"""What the user, or somebody else, can do something about; anything else is a fault of ours."""


def sentence(app: WorkbenchApp, error: BaseException) -> str:
    """What is wrong and what to do, for one of the expected errors."""
    if isinstance(error, SQLiteError):
        error = explain(error, app.store.folder / DATABASE)
    return refused(error) if isinstance(error, OSError) else str(error)


def told(app: WorkbenchApp, error: Exception) -> bool:
    """Deal with an error that nobody has caught; False for one that the program has to end with.

    The screen that the worker belongs to says it, and goes on. An error of the screen itself, such
    as a damaged page of what it shows, closes it with a sentence.
    """
    cause = error.error if isinstance(error, WorkerFailed) else error
    if not isinstance(cause, EXPECTED):
        return False
    text = sentence(app, cause)
    if isinstance(error, WorkerFailed):
        node = get_current_worker().node
        place = node if isinstance(node, HasPlace) else app
        place.say(text, problem=True)
    else:
        app.problem = text
        app.exit(return_code=1)
    return True

"""The terminal screen, opened by `workbench` alone and at the end of the demo."""

from __future__ import annotations

import sys

from storage.errors import UserError
from storage.store import find_workspace, open_store
from workbench.console.errors import fail
from workbench.console.options import Settings


def open_screen(settings: Settings, mouse: bool = True) -> None:
    """Run the terminal screen on the workspace of the settings."""
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.terminal import terminal_problem

    folder = find_workspace(settings.workspace)
    if (problem := terminal_problem()) is not None:
        raise UserError(problem)
    open_store(
        folder, settings.annotator
    ).close()  # says what is wrong before the screen is taken over
    app = WorkbenchApp(folder, settings.annotator)
    app.run(mouse=mouse)
    if app.problem is not None:
        fail(app.problem, app.return_code or 1)
    sys.exit(app.return_code or 0)

"""The terminal screen, opened by `workbench` alone, on a file, and at the end of the demo."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from storage.errors import UserError
from storage.store import find_workspace, open_store
from workbench.console.errors import fail
from workbench.console.options import Settings

if TYPE_CHECKING:  # it reads files of all kinds, which an open workspace does not need
    from workbench.opened_files import OpenedFile


def open_screen(
    settings: Settings,
    mouse: bool = True,
    place: str = "",
    file: OpenedFile | None = None,
) -> None:
    """Run the terminal screen on the workspace of the settings; a file is taken in there."""
    gc.disable()  # until the screen is drawn, as all that is made before stays
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.unmarked_paste import know_pastes

    folder = find_workspace(settings.workspace)
    require_terminal()
    know_pastes()
    while True:
        # says what is wrong before the screen is taken over
        open_store(folder, settings.annotator).close()
        app = WorkbenchApp(folder, settings.annotator, place=place, file=file)
        app.run(mouse=mouse)
        if app.other_columns is None:
            break
        from workbench import opened_files

        file = app.other_columns
        opened_files.discard(folder)
        opened_files.make_workspace(folder, file, settings.annotator)
    if app.problem is not None:
        fail(app.problem, app.return_code or 1)
    sys.exit(app.return_code or 0)


def require_terminal() -> None:
    """Raise UserError where the screen cannot be shown."""
    from workbench.tui.terminal import terminal_problem

    if (problem := terminal_problem()) is not None:
        raise UserError(problem)

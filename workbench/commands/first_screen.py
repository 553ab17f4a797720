"""What `workbench` alone does: open the workspace that there is, or else ask for a file."""

from __future__ import annotations

from storage.errors import UserError
from storage.store import find_workspace
from workbench.commands.screen import open_screen
from workbench.console.options import Settings


def open_found_workspace(settings: Settings, mouse: bool = True) -> None:
    """Open the workspace that is named or found from here upward; else a file that is asked for."""
    from workbench.tui.terminal import terminal_problem

    if settings.plain:
        from workbench.commands.plain_review import review

        review(settings)
        return
    try:
        find_workspace(settings.workspace)
    except UserError:
        if settings.named_workspace() is not None or terminal_problem() is not None:
            raise
        from workbench.commands.opening import open_path
        from workbench.opened_files import OpenedFile
        from workbench.tui.first_app import FirstApp

        app = FirstApp()
        if (chosen := app.run(mouse=mouse)) is not None:
            open_path(settings, OpenedFile(chosen), mouse)
    else:
        open_screen(settings, mouse)

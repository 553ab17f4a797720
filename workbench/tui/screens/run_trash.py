"""Runs that are moved into the trash and brought back, by commands that outlive the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from storage.errors import UserError
from storage.runs.runs import Run
from workbench import escaping
from workbench.runs.description import describe_recipe
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.dialogs.confirm import ConfirmDialog
from workbench.tui.host import host


class RunTrash:
    """Asks on a screen; what comes of it is said wherever the user is then."""

    def __init__(
        self, screen: Screen[None], say: Callable[[str], None], changed: Callable[[], Any]
    ) -> None:
        self._screen = screen
        self._say = say
        self._changed = changed
        """Called when there are other runs, as long as the screen is there."""

    def ask_to_delete(self, run: Run) -> None:
        """Ask, and move a run into the trash."""
        app = self._screen.app

        def answered(yes: bool | None) -> None:
            if yes:
                app.run_worker(self._delete(run.id), group="delete")

        question = f"Delete run {run.id} ({run.recipe}, {run.state})?"
        app.push_screen(ConfirmDialog(question, "move it into the trash", "keep it"), answered)

    async def _delete(self, number: int) -> None:
        workbench = host(self._screen)
        try:
            await workbench.command("delete", str(number), "--yes", "--json", let_finish=True)
        except UserError as error:
            workbench.say(str(error), problem=True)
        else:
            instead = workbench.forget_run(number)
            back = f"{key_for('undelete')} brings it back"
            workbench.say(f"Run {number} is deleted; {back}. {instead}".strip())
            self._report()

    def choose_to_restore(self) -> None:
        """Choose a run from the trash, and bring it back."""
        self._screen.run_worker(self._choose(), group="undelete", exclusive=True)

    async def _choose(self) -> None:
        app, workbench = self._screen.app, host(self._screen)
        deleted = await workbench.command("undelete", "--json")
        if not deleted:
            self._say("No run is in the trash.")
            return
        choices = [
            (str(run["id"]), escaping.line(describe_recipe(run["kind"], run["recipe"])))
            for run in reversed(deleted)
        ]

        def chosen(number: str | None) -> None:
            if number is not None:
                app.run_worker(self._restore(number), group="undelete")

        if self._screen.is_current:  # nobody who has gone elsewhere waits for it
            app.push_screen(ChoiceDialog("Bring back the run", choices, choices[0][0]), chosen)

    async def _restore(self, number: str) -> None:
        workbench = host(self._screen)
        try:
            run = await workbench.command("undelete", number, "--json", let_finish=True)
        except UserError as error:
            workbench.say(str(error), problem=True)
        else:
            again = "; it is promoted again" if run["promoted"] else ""
            shown = workbench.recall_run(run["id"])
            workbench.say(f"Run {number} is back ({run['state']}){again}. {shown}".strip())
            self._report()

    def _report(self) -> None:
        if self._screen.is_attached:
            self._changed()

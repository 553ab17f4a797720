"""Labels that are named on the screen: the first ones, others later, and one that was not found."""

from __future__ import annotations

from collections.abc import Callable

from storage import label_names
from storage.errors import UserError
from storage.history import label_set
from workbench.tui.dialogs.confirm import ConfirmDialog
from workbench.tui.list_screen import ListScreen
from workbench.tui.widgets.prompt import PromptRequest

HINT = "with commas between them, such as positive, negative  esc leaves"


def ask_for_labels(screen: ListScreen) -> None:
    """Have labels named, which go behind those that there are."""

    def accept(typed: str) -> bool:
        names = [name for name in typed.split(",") if name.strip()]
        if not names:
            return False
        try:
            label_set.add(screen.store, *names)
        except UserError as error:
            screen.prompt.hint(str(error))
            return False
        screen.prompt.close(cancelled=False)
        screen.look_again()
        screen.say(f"Labels: {', '.join(screen.store.config.labels)}; digits give them.")
        return True

    screen.prompt.ask(PromptRequest("labels", HINT, accept))


def ask_to_add(screen: ListScreen, typed: str, give: Callable[[str], None]) -> None:
    """Ask whether a label that there is not shall be one, and give it then."""
    name = label_names.clean(typed)

    def answered(yes: bool | None) -> None:
        if not yes:
            screen.say("Nothing is changed.")
            return
        try:
            label_set.add(screen.store, name)
        except UserError as error:
            screen.say(str(error), problem=True)
            return
        screen.look_again()
        give(name)

    question = f"There is no label “{name}”. Add it, and give it?"
    screen.app.push_screen(ConfirmDialog(question, "add it and give it"), answered)


def hint(found: bool) -> str:
    """What enter does in the menu of labels, where one matches what is typed or none does."""
    gives = "enter gives the label  ↑ ↓ choose" if found else "enter adds a label of this name"
    return f"{gives}  esc leaves"

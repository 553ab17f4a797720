"""What becomes of the keys that edit: a question where many tweets are meant, and the step."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, TypeVar

from storage.errors import UserError
from storage.history import labels
from storage.history.edit_conflicts import Overtaken
from storage.history.events import Progress
from storage.history.labels import Change, Outlook
from storage.query.tweets import window
from storage.store import Store
from storage.tweet import Tweet
from workbench.tui.editing import edits, wording
from workbench.tui.editing.edits import ON_SCREEN, Done, Plan, Targets
from workbench.tui.editing.refusals import overtaking, refusal
from workbench.tui.editing.saving import Edit
from workbench.tui.screens.ask import AskScreen
from workbench.tui.widgets.prompt import Request
from workbench.tui.widgets.tweet_list import first_row, row_of

if TYPE_CHECKING:
    from workbench.tui.editing.label_keys import Editing

T = TypeVar("T")
Planning = Callable[[Store, Collection[int]], Plan]
"""Plans a step, knowing the actions of the edits that it waited for."""
TURNS = {
    "undo": ("Undoing", "Undone", "u", labels.undo),
    "redo": ("Redoing", "Done again", "ctrl+r", labels.redo),
}


def make(screen: Editing, targets: Targets, plan: Planning, key: str, rows_down: int = 0) -> None:
    """Do what a key means to some tweets; the cursor goes down so many rows.

    Where they are many, what would become what is counted and asked first.
    """
    if targets.many:
        _ask(screen, targets, plan, key)
    else:
        _save(screen, targets, plan, key, rows_down)


def _save(
    screen: Editing,
    targets: Targets,
    plan: Planning,
    key: str,
    rows_down: int = 0,
    overtaken: Callable[[str], None] | None = None,
) -> None:
    """Save a step; where it was `overtaken` that is called with the reason, else it is said."""
    tweets, shown = screen.tweets, screen.shown
    marked = set() if tweets.covered else tweets.marked

    def act(store: Store, own: Collection[int], progress: Progress | None) -> Done:
        return edits.write(store, plan(store, own), shown, progress)

    def go_on() -> None:
        if marked:
            tweets.unmark()
        tweets.action_move(rows_down)

    def finish(done: Done) -> None:
        screen.look_again()
        screen.comment(done.said)

    def refuse(error: UserError, after: int) -> None:
        tweets.marked |= marked
        if not marked and (row := row_of(tweets.ids, targets.ids[0])) is not None:
            tweets.go(row)
        screen.look_again()
        if overtaken is not None and isinstance(error, Overtaken):
            overtaken(overtaking(error, targets.ids))
        else:
            screen.comment(refusal(error, targets.ids, key, after), problem=True)

    size, ids = len(targets.ids), frozenset(targets.ids)
    screen.saving.save(Edit("Changing", size, ids, act, go_on, finish, refuse))


def _ask(screen: Editing, targets: Targets, plan: Planning, key: str, why: str = "") -> None:
    """Count what would become what, ask, and do exactly that; `why` it is asked once more."""

    def count(store: Store, own: Collection[int], progress: Progress | None) -> Plan:
        return plan(store, own)

    def ask(found: Plan) -> None:
        def again(reason: str) -> None:
            _ask(screen, targets, plan, key, f"{reason}.\n")

        def agreed() -> None:
            _save(screen, targets, lambda store, own: found, key, overtaken=again)

        _put(screen, why + wording.question(found.changes), key, agreed)

    _look(screen, len(targets.ids), count, ask)


def _look(
    screen: Editing,
    size: int,
    look: Callable[[Store, Collection[int], Progress | None], T],
    finish: Callable[[T], None],
) -> None:
    """Read something in the order of the edits."""

    def refuse(error: UserError, after: int) -> None:
        screen.comment(refusal(error, [], "", after), problem=True)

    screen.saving.save(Edit("Counting", size, (), look, lambda: None, finish, refuse, writes=False))


def _put(screen: Editing, question: str, key: str, agreed: Callable[[], None]) -> None:
    """Ask in the last lines, unless the user is at something else by now."""
    if screen.app.screen is not screen or screen.prompt.request is not None:
        screen.app.say(f"Nothing is changed yet; {key} in the list asks again.")
        return
    screen.say("")

    def answered(yes: bool | None) -> None:
        if yes:
            agreed()
        else:
            screen.say("Nothing is changed.")

    screen.app.push_screen(AskScreen(question, "go on, as one undo step"), answered)


def turn(screen: Editing, kind: str) -> None:
    """Undo or redo; a step of many tweets is asked for first."""
    size, key = labels.extent(screen.store, kind), TURNS[kind][2]
    if size <= ON_SCREEN:
        _turn(screen, kind, size)
        return

    def look(store: Store, own: Collection[int], progress: Progress | None) -> Outlook:
        return labels.outlook(store, kind)

    def ask(found: Outlook) -> None:
        question = wording.outlook(kind, found)
        _put(screen, question, key, lambda: _turn(screen, kind, size, found.step))

    _look(screen, size, look, ask)


def _turn(screen: Editing, kind: str, size: int, step: int | None = None) -> None:
    verb, said, _, turn_step = TURNS[kind]

    def act(store: Store, own: Collection[int], progress: Progress | None) -> Change:
        return turn_step(store, progress, step)

    def finish(change: Change) -> None:
        row = first_row(screen.tweets.ids, change.tweets)
        if row is not None:
            screen.tweets.go(row)
        screen.look_again()
        listed = row is not None or not change.tweets
        screen.comment(edits.turned(said, change, listed))

    def refuse(error: UserError, after: int) -> None:
        screen.comment(refusal(error, [], "", after), problem=True)

    screen.saving.save(Edit(verb, size, (), act, lambda: None, finish, refuse))


def ask_note(screen: Editing, tweet: Tweet, text: str, hint: str) -> None:
    """Ask for the note of a tweet, beginning with a text."""
    targets, shown = Targets([tweet.id], [tweet], None), screen.shown

    def accept(written: str) -> bool:
        def act(store: Store, own: Collection[int], progress: Progress | None) -> Done:
            return edits.note(store, targets, own, written.strip(), shown)

        def finish(done: Done) -> None:
            screen.look_again()
            screen.comment(done.said)

        def refuse(error: UserError, after: int) -> None:
            """Put what was written back before the user, unless something else is asked."""
            screen.look_again()
            why = refusal(error, [tweet.id], "enter", after)
            if screen.prompt.request in (None, request):
                ask_note(screen, window(screen.store, [tweet.id], None)[0], written, why)
            else:
                screen.say(f"{why} The note was “{written}”.", problem=True)

        return screen.saving.save(
            Edit("Writing", 1, (tweet.id,), act, lambda: None, finish, refuse)
        )

    request = Request("note", hint, accept)
    screen.prompt.ask(request, text)

"""Edits of the tweets of a list: the question where there are many, the saved step, the message."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from storage.errors import UserError
from storage.history import labels
from storage.history.edit_conflicts import EditConflict
from storage.history.events import Progress
from storage.history.labels import Change, UndoPreview
from storage.query.tweets import window
from storage.store import Store
from storage.tweet import Tweet
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.confirm import ConfirmDialog
from workbench.tui.editing import change_sentences, edits
from workbench.tui.editing.edits import MAX_UNASKED, EditPlan, SavedEdit, Targets
from workbench.tui.editing.refusal_sentences import conflict_sentence, refusal_sentence
from workbench.tui.editing.save_queue import QueuedEdit, SaveQueue
from workbench.tui.host import host
from workbench.tui.list_screen import ListScreen
from workbench.tui.widgets.prompt import PromptRequest
from workbench.tui.widgets.row_of_tweet import first_row, row_of

T = TypeVar("T")
MakePlan = Callable[[Store, Collection[int]], EditPlan]
"""Plans an edit, knowing the actions of the edits that it waited for."""


@dataclass(frozen=True)
class Direction:
    """Undo or redo: its action, the words for it, and the step of the history."""

    kind: str
    verb: str
    done: str
    step: Callable[[Store, Progress | None, int | None], Change]


UNDO = Direction("undo", "Undoing", "Undone", labels.undo)
REDO = Direction("redo", "Redoing", "Done again", labels.redo)


@dataclass(frozen=True)
class Editor:
    """Makes the edits that the keys of a list ask for."""

    screen: ListScreen
    queue: SaveQueue

    def change(self, targets: Targets, plan: MakePlan, key: str, rows_down: int = 0) -> None:
        """Change some tweets as planned; the cursor goes down so many rows.

        Where they are many, how many would become what is counted and asked first.
        """
        if targets.many:
            self._count_and_ask(targets, plan, key)
        else:
            self._save(targets, plan, key, rows_down)

    def _save(
        self,
        targets: Targets,
        plan: MakePlan,
        key: str,
        rows_down: int = 0,
        on_conflict: Callable[[str], None] | None = None,
    ) -> None:
        """Save an edit; on a conflict `on_conflict` is called with the reason, or it is said."""
        screen, tweets, shown = self.screen, self.screen.tweets, self.screen.shown
        marked = set() if tweets.covered else tweets.marked

        def act(store: Store, own: Collection[int], progress: Progress | None) -> SavedEdit:
            return edits.save_plan(store, plan(store, own), shown, progress)

        def go_on() -> None:
            if marked:
                tweets.unmark()
            tweets.action_move(rows_down)

        def finish(saved: SavedEdit) -> None:
            screen.look_again()
            screen.comment(saved.message)

        def refuse(error: UserError, after: int) -> None:
            tweets.marked |= marked
            if not marked and (row := row_of(tweets.ids, targets.ids[0])) is not None:
                tweets.go(row)
            screen.look_again()
            if on_conflict is not None and isinstance(error, EditConflict):
                on_conflict(conflict_sentence(error, targets.ids))
            else:
                screen.say_unchanged(refusal_sentence(error, targets.ids, key, after))

        size, ids = len(targets.ids), frozenset(targets.ids)
        self.queue.save(QueuedEdit("Changing", size, ids, act, go_on, finish, refuse))

    def _count_and_ask(self, targets: Targets, plan: MakePlan, key: str, reason: str = "") -> None:
        """Count how many tweets would become what, ask, and save exactly that.

        `reason` is why it is asked once more.
        """

        def count(store: Store, own: Collection[int], progress: Progress | None) -> EditPlan:
            return plan(store, own)

        def ask(counted: EditPlan) -> None:
            def ask_again(conflict: str) -> None:
                self._count_and_ask(targets, plan, key, f"{conflict}.\n")

            def save() -> None:
                self._save(targets, lambda store, own: counted, key, on_conflict=ask_again)

            question = change_sentences.confirm_question(counted.changes)
            self._confirm(reason + question, key, save)

        self._count(len(targets.ids), count, ask)

    def _count(
        self,
        size: int,
        count: Callable[[Store, Collection[int], Progress | None], T],
        finish: Callable[[T], None],
    ) -> None:
        """Read something about so many tweets, after the edits that are not saved yet."""
        self.queue.save(
            QueuedEdit(
                "Counting", size, (), count, lambda: None, finish, self._refused, writes=False
            )
        )

    def _refused(self, error: UserError, after: int) -> None:
        self.screen.say_unchanged(refusal_sentence(error, [], "", after))

    def _confirm(self, question: str, key: str, agreed: Callable[[], None]) -> None:
        """Ask in the last lines, unless the user is at something else by now."""
        screen = self.screen
        if screen.app.screen is not screen or screen.prompt.request is not None:
            host(screen).say(f"Nothing is changed yet; {key} in the list asks again.")
            return
        screen.say("")

        def answered(yes: bool | None) -> None:
            if yes:
                agreed()
            else:
                screen.say("Nothing is changed.")

        screen.app.push_screen(ConfirmDialog(question, "go on, as one undo step"), answered)

    def undo(self) -> None:
        """Undo the last step; a step of many tweets is asked for first."""
        self._step(UNDO)

    def redo(self) -> None:
        """Redo the step undone last; a step of many tweets is asked for first."""
        self._step(REDO)

    def _step(self, direction: Direction) -> None:
        size = labels.events_to_undo(self.screen.store, direction.kind)
        if size <= MAX_UNASKED:
            self._save_step(direction, size)
            return

        def count(store: Store, own: Collection[int], progress: Progress | None) -> UndoPreview:
            return labels.undo_preview(store, direction.kind)

        def ask(outlook: UndoPreview) -> None:
            question = change_sentences.undo_question(direction.kind, outlook)
            self._confirm(
                question,
                key_for(direction.kind),
                lambda: self._save_step(direction, size, outlook.step),
            )

        self._count(size, count, ask)

    def _save_step(self, direction: Direction, size: int, step: int | None = None) -> None:
        screen = self.screen

        def act(store: Store, own: Collection[int], progress: Progress | None) -> Change:
            return direction.step(store, progress, step)

        def finish(change: Change) -> None:
            row = first_row(screen.tweets.ids, change.tweets)
            if row is not None:
                screen.tweets.go(row)
            screen.look_again()
            listed = row is not None or not change.tweets
            text = edits.undo_sentence(direction.done, change, listed)
            screen.say_unchanged(text) if change.skipped else screen.comment(text)

        self.queue.save(
            QueuedEdit(direction.verb, size, (), act, lambda: None, finish, self._refused)
        )

    def ask_note(self, tweet: Tweet, text: str, hint: str) -> None:
        """Ask for the note of a tweet, beginning with a text."""
        screen, shown = self.screen, self.screen.shown
        targets = Targets([tweet.id], [tweet], None)

        def accept(written: str) -> bool:
            def act(store: Store, own: Collection[int], progress: Progress | None) -> SavedEdit:
                return edits.save_note(store, targets, own, written.strip(), shown)

            def finish(saved: SavedEdit) -> None:
                screen.look_again()
                screen.comment(saved.message)

            def refuse(error: UserError, after: int) -> None:
                """Put what was written back before the user, unless something else is asked."""
                screen.look_again()
                why = refusal_sentence(error, [tweet.id], "enter", after)
                if screen.prompt.request in (None, request):
                    self.ask_note(window(screen.store, [tweet.id], None)[0], written, why)
                else:
                    screen.say_unchanged(f"{why} The note was “{written}”.")

            return self.queue.save(
                QueuedEdit("Writing", 1, (tweet.id,), act, lambda: None, finish, refuse)
            )

        request = PromptRequest("note", hint, accept)
        screen.prompt.ask(request, text)

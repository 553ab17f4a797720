"""The keys that change labels, marks and notes: each is one saved step before the next key."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from textual.binding import BindingsMap

from storage.store import Store
from workbench.tui.acting_keys import key_for
from workbench.tui.editing import edits, new_labels
from workbench.tui.editing.editor import Editor
from workbench.tui.editing.edits import ChooseLabel, EditPlan, Targets
from workbench.tui.editing.save_queue import SaveQueue
from workbench.tui.host import host
from workbench.tui.list_screen import ListScreen
from workbench.tui.widgets.keys import KeyHelp, key
from workbench.tui.widgets.label_menu import LabelMenu
from workbench.tui.widgets.prompt import PromptRequest

MARK_ACTIONS = {"excluded": "exclude", "review": "flag", "ambiguous": "ambiguous"}
"""The actions that set a mark or take it away."""


class LabelKeys(ListScreen):
    """A list of tweets whose labels, marks and notes are changed by keys."""

    BINDINGS: ClassVar = [
        *(key(str(n), f"label({n})", f"label {n}", show=False) for n in range(1, 10)),
        key("comma", "menu", "label by name: a menu that filters as you type", key_display=","),
        key("space", "suggestion", "take the model's prediction as the label"),
        key("0", "clear", "take the label away"),
        key("x", "flag('excluded')", "exclude from training, or include again"),
        key("f", "flag('review')", "flag for review, or not"),
        key("a", "flag('ambiguous')", "ambiguous, or not"),
        key("e", "note", "write a note"),
        key("u", "undo", "undo"),
        key("ctrl+r", "redo", "redo"),
    ]

    def __init__(
        self, store: Store, name: str = "browse", save_queue: SaveQueue | None = None
    ) -> None:
        """A screen of this name, which saves its edits behind those of another if that is given."""
        super().__init__(store, name)
        self.save_queue = save_queue or SaveQueue(self, store)
        self._editor = Editor(self, self.save_queue)
        self._own_bindings = self._bindings
        self._bind_letters()

    def _bind_letters(self) -> None:
        """Have the letters label that the settings give the labels."""
        self._keys_of = config = self.store.config
        chosen = config.key_of()
        letters = [
            key(chosen[label], f"label({number})", f"label {label}", show=False)
            for number, label in enumerate(config.labels, start=1)
            if label in chosen
        ]
        self._bindings = BindingsMap.merge([self._own_bindings, BindingsMap(letters)])

    def look_again(self) -> None:
        """Read what is on the screen again, and the keys where the labels have changed."""
        super().look_again()
        if self.store.config is not self._keys_of:
            self.go_by_settings()

    def go_by_settings(self) -> None:
        """Have the letters label that the settings name now."""
        self._bind_letters()
        if self.is_mounted:
            self.show_keys()

    def show_keys(self) -> None:
        """Name the keys of the screen in its last line."""

    def help_keys(self) -> list[KeyHelp]:
        """The keys of the labels, for the help screen."""
        config, shown = self.store.config, []
        letters = config.key_of()
        for number, label in enumerate(config.labels, start=1):
            digit = key_for(f"label_{number}" if number <= 9 else "menu")
            keys = f"{digit} {letters.get(label, '')}".strip()
            shown.append(KeyHelp(keys, f"label {label} and go on"))
            meaning = [config.definitions.get(label), *map(_quoted, config.examples.get(label, ()))]
            shown += [KeyHelp("", f"  {text}") for text in meaning if text]
        return shown

    def action_label(self, number: int) -> None:
        """Give the label with this number and go on."""
        names = self.store.config.labels
        if number > len(names):
            text = f"There is no label {number}; this workspace has {len(names)}."
            self.say_unchanged(text)
            return
        self._assign(key_for(f"label_{number}"), lambda tweet: names[number - 1])

    def action_menu(self) -> None:
        """Have a label chosen by its name, and go on."""
        config, menu = self.store.config, self.query_one(LabelMenu)
        if not config.labels:
            self.ask_for_labels()
            return
        if not self.has_tweets():
            return

        def accept(typed: str) -> bool:
            menu.filter(typed)
            label = menu.chosen
            if label is None and not typed.strip():
                return False
            menu.close()
            self.prompt.close(cancelled=False)  # the question about many tweets needs the place
            if label is None:
                new_labels.ask_to_add(self, typed, give)
            else:
                give(label)
            return True

        def give(label: str) -> None:
            self._assign(key_for("menu"), lambda tweet: label)

        def show(typed: str) -> None:
            menu.filter(typed)
            self.prompt.hint(new_labels.hint(menu.chosen is not None))

        menu.open(config.labels, config.definitions)
        request = PromptRequest(
            "label", new_labels.hint(True), accept, cancel=menu.close, typed=show, move=menu.move
        )
        self.prompt.ask(request)

    def ask_for_labels(self) -> None:
        """Have labels named, the first ones or others."""
        new_labels.ask_for_labels(self)

    def action_suggestion(self) -> None:
        """Take the predictions as labels and go on."""
        goes_on = any(each.live for each in host(self).run_progress.values())
        makes = "shows the run that goes on" if goes_on else "trains a model"
        missing = f"There is no prediction to take; {key_for('place_train')} {makes}."
        self._assign(key_for("suggestion"), lambda tweet: tweet.pred, missing)

    def action_keep(self) -> None:
        """Record that the label was looked at and is right, and go on."""
        without = f"{key_for('clear')} leaves the tweet without"
        missing = f"There is no label to keep; give one with a digit, or {without}."
        self._assign("enter", lambda tweet: tweet.label, missing)

    def action_clear(self) -> None:
        """Take the label away."""
        self._assign(key_for("clear"), lambda tweet: None)

    def action_flag(self, mark: str) -> None:
        """Set a mark, or take it away where all have it."""
        if self.has_tweets():
            targets = self._targets()

            def plan(store: Store, own: Collection[int]) -> EditPlan:
                return edits.plan_mark(store, targets, own, mark)

            self._editor.change(targets, plan, key_for(MARK_ACTIONS[mark]))

    def action_note(self) -> None:
        """Ask for a note."""
        if self.has_tweets() and (tweet := self.tweets.current) is not None:
            hint = "enter saves, esc leaves it as it was"
            self._editor.ask_note(tweet, tweet.note or "", hint)

    def action_undo(self) -> None:
        """Undo the last step."""
        self._editor.undo()

    def action_redo(self) -> None:
        """Redo the step undone last."""
        self._editor.redo()

    def _assign(self, key: str, choose: ChooseLabel, missing: str | None = None) -> None:
        if self.has_tweets():
            targets = self._targets()

            def plan(store: Store, own: Collection[int]) -> EditPlan:
                return edits.plan_labels(store, targets, own, choose, missing)

            self._editor.change(targets, plan, key, rows_down=int(len(targets.ids) == 1))

    def _targets(self) -> Targets:
        """The tweets that a key acts on; those on the screen are taken as they are shown."""
        current = self.tweets.current
        if self.tweets.marked and not self.tweets.covered:
            ids = self.tweets.target_ids()
            return Targets(ids, self.tweets.in_view(ids), self.run)
        shown = [] if current is None else [current]
        return Targets([tweet.id for tweet in shown], shown, self.run)


def _quoted(example: str) -> str:
    return f"“{example}”"

"""The terminal application: it opens the screens, and what works beside them hangs on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from textual import events, work
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.screen import Screen
from textual.worker import WorkerFailed

from storage.plurals import counted
from storage.runs import runs
from storage.store import open_store
from workbench import daily_backup, opened_mark
from workbench.tui import (
    error_messages,
    garbage,
    last_view,
    places,
    recent_actions,
    screen_stack,
)
from workbench.tui.acting_keys import key_for
from workbench.tui.command_process import WORKBENCH, run_command
from workbench.tui.dialogs.palette import PaletteDialog, PaletteEntry
from workbench.tui.ending_workers import EndingWorkers
from workbench.tui.engine_status import EngineStatus
from workbench.tui.file_commands import FileCommands
from workbench.tui.message_log import MessageLog
from workbench.tui.painted_cells import PaintedCells
from workbench.tui.places import Places
from workbench.tui.screens import on_demand
from workbench.tui.screens.browse import NARROW, BrowseScreen
from workbench.tui.screens.too_small import TooSmallScreen
from workbench.tui.settings_in_force import SettingsInForce
from workbench.tui.terminal import COLUMNS, ERASE, ROWS, end_with_terminal, erases_in_colour
from workbench.tui.widgets.clipboard import call_sequence, clipboard_sequence, multiplexer
from workbench.tui.widgets.keys import key

if TYPE_CHECKING:
    from workbench.opened_files import OpenedFile
    from workbench.tui.host import Host
    from workbench.tui.run_progress import RunProgress
    from workbench.tui.run_watcher import RunWatcher


class WorkbenchApp(App[None]):
    """The workbench on one workspace."""

    CSS_PATH = "app.tcss"
    TITLE = "workbench"
    ENABLE_COMMAND_PALETTE = False  # of Textual, for whose theme and size it is not made
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]  # noqa: RUF012 - a constant
    BINDINGS: ClassVar = [
        Binding("question_mark,f1", "help", "this help", key_display="? F1", id="help"),
        key(
            "ctrl+p,colon",
            "palette",
            "all actions by name, also labels, runs and files",
            key_display="ctrl+p :",
        ),
        *places.bindings(),
        Binding("ctrl+l", "redraw", "draw the screen anew, if others wrote over it", id="redraw"),
        key(
            "f2",
            "settings",
            "settings: theme, keys, labels, blind share, training",
            key_display="F2",
        ),
        key("f3", "messages", "the last messages, whole", key_display="F3"),
        key("q", "leave", "leave what lies on top; quit, when that is the list of tweets"),
        key("ctrl+q", "quit", "quit from anywhere; nothing is ever unsaved"),
    ]

    def __init__(
        self,
        folder: Path,
        annotator: str | None = None,
        program: Sequence[str] = WORKBENCH,
        place: str = "",
        file: OpenedFile | None = None,
    ) -> None:
        plain = "NO_COLOR" in os.environ  # before the parent takes it out of the environment
        super().__init__(ansi_color=True if plain else None)
        self.animation_level = "none"
        self._workers: EndingWorkers = EndingWorkers(self)
        self.store = open_store(folder, annotator)
        self.problem: str | None = None
        """Why the screen had to close, in one sentence."""
        self.other_columns: OpenedFile | None = None
        """The file of the workspace with other columns, to be taken in anew by the next screen."""
        view = last_view.read(self.store.folder)
        self._begins_at, self._file = place or view.place, file
        self._painted = PaintedCells(erases_in_colour())
        self._program = program
        self._browse = BrowseScreen(self.store, view)
        self.places = Places(self, self._browse)
        self.engine_status = EngineStatus(self, self._browse.refresh_status)
        self._file_commands = FileCommands(self, self._browse)
        self.message_log = MessageLog()
        self.inputs = 0
        """Keys and clicks until now."""
        self._at_next_key: list[Callable[[], None]] = []
        self._settings = SettingsInForce(self, self.places, self.engine_status.go_by_settings)

    def get_default_screen(self) -> Screen[Any]:
        """The list of tweets lies under all other screens."""
        return self._browse

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """The screens that are seen below the top one: none but below a menu or a question.

        Textual counts the next one among them in any case, and paints over what lies on it whenever
        something changes there.
        """
        return super()._background_screens if self.screen.is_modal else []

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Send the cells that differ from what the terminal shows.

        Textual sends all of a screen whenever a menu, a question or a place opens or closes.
        """
        if isinstance(renderable, CompositorUpdate):
            renderable = self._painted.difference(renderable)
        super()._display(screen, renderable)

    def pop_screen(self) -> AwaitComplete:
        """Forget the lines of a menu or question that goes.

        The cache of colours in which Textual looks for them would keep those of the last thousand.
        """
        screen = self.screen
        popped = super().pop_screen()
        if not self.is_screen_installed(screen):
            for widget in screen.query("*"):
                widget._styles_cache.clear()
        return popped

    def _prune(self, *nodes: Any, parent: Any = None) -> Any:
        """End the work of screens and widgets before they go."""
        self._workers.end(*nodes)
        return super()._prune(*nodes, parent=parent)

    async def _shutdown(self) -> None:
        """End all work before the screens go, also where Textual does not, at the end of a test."""
        self._workers.cancel_all()
        await super()._shutdown()

    def action_redraw(self) -> None:
        """Send all of the screen, as others may have written over it."""
        self._painted.forget()
        self.screen.refresh()

    def on_mount(self) -> None:
        """Say what is wrong with the settings, and have the rest begin when the list is drawn."""
        self.call_after_refresh(self._settings.say_problems)
        self.call_after_refresh(self._begin)
        self.call_after_refresh(self.places.begin_at, self._begins_at, self._file)
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())
        if not self.is_headless:
            end_with_terminal(self.exit)

    def _begin(self) -> None:
        """Begin what goes on beside the screen, when that has been drawn."""
        if not self.is_headless:
            garbage.begin()
            self.set_interval(garbage.RESTS_S, garbage.RestingSearch(lambda: self.inputs).look)
        self.run_watcher.begin()
        self.engine_status.begin()
        if (file := opened_mark.changed_file(self.store.folder)) is not None:
            self.say(
                f"{file.path.name} has changed: “take the changes” is in the palette "
                f"({key_for('palette')})."
            )
        if not self.store.read_only:
            self.back_up()

    @cached_property
    def run_watcher(self) -> RunWatcher:
        """The watcher of the runs that go on."""
        from workbench.tui.run_watcher import RunWatcher

        return RunWatcher(self, self._browse.displayed_run)

    async def on_event(self, event: events.Event) -> None:
        """Count what somebody does, which tells answers from what is said by itself.

        What is typed ahead waits for the screen that it is meant for, which has no list before.
        """
        if isinstance(event, events.InputEvent) and not event.is_forwarded:
            await self.screen._mounted_event.wait()
        if isinstance(event, events.Key | events.MouseDown):
            self.inputs += 1
            if not event.is_forwarded:
                waiting, self._at_next_key = self._at_next_key, []
                for each in waiting:
                    each()
        await super().on_event(event)

    def at_next_key(self, act: Callable[[], None]) -> None:
        """Do something as soon as the next key or click comes, before it does what it means."""
        self._at_next_key.append(act)

    async def action_quit(self) -> None:
        """Leave once everything is saved."""
        if not self._browse.save_queue.delays_leaving():
            self.exit()

    def exit(self, *arguments: Any, **more: Any) -> None:
        """End, and remember where somebody was."""
        if self._browse.is_mounted:
            last_view.remember(self.store.folder, self.places.view())
        super().exit(*arguments, **more)

    async def on_unmount(self) -> None:
        """Close the workspace, and say how many edits could not be saved."""
        if unsaved := await self._browse.save_queue.close():
            edits = counted(unsaved, "edit was", "edits were")
            self.problem = f"{edits} not saved, as the program was closed before."
        self.store.close()
        if self._driver is not None:
            self._driver.write(ERASE)

    @work(group="backup")
    async def back_up(self) -> None:
        """Make the backup of the day once the list is there; work goes on without it."""
        if complaint := await daily_backup.complaint(self.store):
            self.say(complaint, problem=True)

    def _handle_exception(self, error: Exception) -> None:
        """Say what went wrong; a fault of our own ends it, one of the screen with a sentence."""
        if isinstance(error, WorkerFailed) and error_messages.say_worker_error(self, error):
            return
        if (sentence := error_messages.last_sentence(error, self.store.folder)) is not None:
            self.problem = sentence
            self.exit(return_code=1)
        else:
            super()._handle_exception(error)

    async def run_action(self, *arguments: Any, **more: Any) -> bool:
        """Do what a key means; what goes wrong is said, and the screen stays."""
        try:
            return await super().run_action(*arguments, **more)
        except error_messages.EXPECTED as error:
            self.say(error_messages.sentence_of(error, self.store.folder), problem=True)
            return True

    def on_resize(self, event: events.Resize) -> None:
        """Show a sentence instead of a broken layout."""
        self._painted.forget()
        small = event.size.width < COLUMNS or event.size.height < ROWS
        covered = self.screen.name == "too small"
        if small and not covered:
            self.push_screen(TooSmallScreen(COLUMNS, ROWS))
        elif covered and not small:
            self.pop_screen()

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message on the screens that have a place for one."""
        screen_stack.say(self, text, problem)

    def on_paste(self) -> None:
        """Say that what was pasted is no keys, where no line takes it."""
        line = f"a line, such as that of {key_for('filter')}"
        self.say(f"What was pasted does nothing here; it goes into {line}.", problem=True)

    def action_help_quit(self) -> None:
        """`ctrl+c`, which ends other programs, names the key that ends this one."""
        self.say(f"{key_for('quit')} quits.")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A question or menu is answered or left before somebody goes anywhere else."""
        return action not in ("place", "palette") or not self.screen.is_modal

    def on_key(self, event: events.Key) -> None:
        """Say so when a key means nothing."""
        screen_stack.report_unused_key(self, event)

    async def action_leave(self) -> None:
        """Leave the top screen."""
        await screen_stack.leave_top(self)

    def action_place(self, name: str) -> None:
        """Go to one of the places of the program, from wherever the user is."""
        self.places.go(name)

    def action_help(self) -> None:
        """Show all keys of the screen."""
        if self.screen.name not in ("help", "too small"):
            self.push_screen(on_demand.help_screen(self.screen))

    def action_messages(self) -> None:
        """Show what was said, from when the screen opened."""
        if self.screen.name not in ("messages", "too small"):
            self.push_screen(on_demand.messages_screen(self.message_log))

    def action_take_offer(self) -> None:
        """Show the predictions of the run that is offered."""
        self._browse.displayed_run.take_offer()

    def action_leave_offer(self) -> None:
        """Go on with the run that is shown."""
        self._browse.displayed_run.leave_offer()

    def action_settings(self) -> None:
        """Show the settings."""
        self.places.show_settings()

    def go_by_settings(self) -> None:
        """Have what the settings say now hold at once."""
        self._settings.follow()

    def action_new_run(self) -> None:
        """Show the form that starts a run."""
        self.places.show_train_form()

    async def action_palette(self) -> None:
        """Offer every action by name, the last ones first."""
        from workbench.tui import command_palette  # with the screens of all places

        offered = command_palette.entries(
            self, self._browse, self._file_commands, self.engine_status
        )
        recent = recent_actions.read()
        palette = PaletteDialog(command_palette.by_recency(offered, recent))
        await self.push_screen(palette, self._do_entry)

    def _do_entry(self, entry: PaletteEntry | None) -> None:
        if entry is not None:
            recent_actions.remember(entry.name)
            entry.do()

    def copy_to_clipboard(self, text: str) -> None:
        """Send text to the terminal's clipboard, through tmux or GNU screen where there is one."""
        if self._driver is not None:
            self._driver.write(clipboard_sequence(text, multiplexer()))

    def call_user(self, text: str) -> None:
        """Have the terminal call whoever is elsewhere, if the settings say so."""
        if self._driver is not None:
            how = self.store.config.notify
            self._driver.write(call_sequence(how, text, multiplexer()))

    @property
    def engine_word(self) -> str:
        """What the warm engine does, in a word; empty where there was none."""
        return self.engine_status.words

    @property
    def run_progress(self) -> Mapping[int, RunProgress]:
        """How far the runs are that are followed, by number; none before the first picture."""
        return self.run_watcher.progress if "run_watcher" in self.__dict__ else {}

    def start_engine(self, base: str) -> None:
        """Have the engine begin and get ready for a base, unless it runs already."""
        self.engine_status.turn("start", *(["--base", base] if base else []))

    def follow_runs(self) -> None:
        """Look for runs that have begun, and follow them."""
        self.run_watcher.follow()

    def forget_run(self, run: int) -> str:
        """Leave a deleted run aside, and say what is shown in its place if it was shown."""
        self.run_watcher.forget(run)
        return self._browse.displayed_run.forget(run)

    def recall_run(self, run: int) -> str:
        """Show a run that is back if it was shown until it was deleted, and say so."""
        return self._browse.displayed_run.recall(run)

    def take_other_columns(self, file: OpenedFile) -> None:
        """Close this screen, and have the file taken in anew."""
        self.other_columns = file
        self.exit()

    def run_started(self, run: int) -> None:
        """Watch a run that has just been started, unless the screens are being closed."""
        if not self.is_running:
            return
        self.engine_status.look()
        self._browse.say("")
        self.run_watcher.follow()
        self.places.show_run(runs.get(self.store, run))

    async def command(self, *arguments: str, let_finish: bool = False) -> Any:
        """Run a command of the command line on this workspace."""
        return await run_command(
            self._program, self.store.folder, *arguments, let_finish=let_finish
        )


if TYPE_CHECKING:
    _host: type[Host] = WorkbenchApp  # has all that screens ask of it

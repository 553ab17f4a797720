"""All runs in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Static

from storage.errors import UserError
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import open_store
from workbench import escaping
from workbench.rundir.folder import DONE, IMPORTED
from workbench.tui.host import host
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.run_trash import RunTrash
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.runs_table import RunsTable
from workbench.tui.widgets.top_line import TopLine

NO_RUNS = "There are no runs yet; t starts one."


class RunsScreen(Screen[None]):
    """Enter opens the run under the cursor, and each other key does something with it."""

    BINDINGS: ClassVar = [
        key("enter", "open", "open: curves and log"),
        key("o", "show", "show this run's predictions in the list"),
        key("t", "app.place('train')", "train"),
        key("v", "mark", "mark: c compares the marked run with the one under the cursor"),
        key("c", "compare", "compare with the marked run, the promoted one, or the one below"),
        key(
            "asterisk",
            "promote",
            "promote: others are compared with it, and commands take it",
            key_display="*",
        ),
        key("C", "clone", "clone: train again on the same data, with other settings"),
        key("A", "train_on", "train on from its adapter, on the labels as they are now"),
        key("D", "delete", "delete the run"),
        key("U", "undelete", "bring a deleted run back"),
        key("j,down", "move(1)", "next run", key_display="j"),
        key("k,up", "move(-1)", "previous run", key_display="k"),
        key("ctrl+d,pagedown", "move(10)", "ten runs down", key_display="ctrl+d"),
        key("ctrl+u,pageup", "move(-10)", "ten runs up", key_display="ctrl+u"),
        key("g,home,ctrl+home", "move(-9999)", "first run", key_display="g"),
        key("G,end,ctrl+end", "move(9999)", "last run", key_display="G"),
        key("left,ctrl+pageup", "sideways(-1)", "scroll a wide table", key_display="← →"),
        key("right,ctrl+pagedown", "sideways(1)", "scroll a wide table", show=False),
        key("escape,r", "back", "back to the tweets", key_display="esc q r"),
    ]

    class Read(Message):
        """The runs have been read."""

        def __init__(self, known: list[Run]) -> None:
            super().__init__()
            self.known = known

    def __init__(self, displayed_run: DisplayedRun) -> None:
        super().__init__(name="runs")
        self._displayed_run = displayed_run
        self._trash = RunTrash(self, self.say, self._read)
        self._said = self._reason = ""
        self._early: Callable[[], None] | None = None
        self._were_read = False

    def compose(self) -> ComposeResult:
        """The places, a table, a message and a line of keys."""
        yield TopLine("runs")
        yield RunsTable(lambda: self._displayed_run.run, id="runs")
        yield Static(id="runs-message", markup=False)
        yield Static(
            "enter open  o show  * promote  c compare  C clone  E errors  esc back  ? help",
            classes="hint",
        )

    def on_screen_resume(self) -> None:
        """Read the runs whenever somebody comes here; counting predictions takes a moment."""
        self._read()

    @work(thread=True, group="runs", exclusive=True)
    def _read(self) -> None:
        store = open_store(host(self).store.folder)
        try:
            self.post_message(self.Read(runs.every(store)))
        finally:
            store.close()

    @on(Read)
    def _show(self, event: Read) -> None:
        self._table.show(event.known)
        self._were_read, early, self._early = True, self._early, None
        if not event.known:
            self.say(NO_RUNS)
        elif early is not None:
            early()

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self._said = text
        self.query_one("#runs-message", Static).update(
            escaping.line(f"! {text}" if problem and text else text)
        )

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        if self._said == text:
            self.say("")

    def on_run_progressed(self, event: RunProgressed) -> None:
        """A run has moved on: the state of its row may have changed, or it is a new one."""
        if event.progress.run not in {run.id for run in self._table.runs}:
            self._read()
        self._table.show_progress(event.progress)

    def on_runs_collected(self, event: RunsCollected) -> None:
        """Runs have ended."""
        self._read()

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        """Mark the run under the cursor, and say its reason, which the table may cut."""
        self._table.show_marks()
        current, before = self._table.current, self._reason
        self._reason = ""
        if current is not None and current.reason:
            self._reason = f"Run {current.id}: {current.reason}"
        if self._reason != before and (self._reason or self._said == before):
            self.say(self._reason)

    @property
    def _table(self) -> RunsTable:
        return self.query_one(RunsTable)

    def _require_run(self, action: Callable[[], None]) -> Run | None:
        """The run under the cursor; says so if there is none.

        An action whose key comes before the runs have been read is done as soon as they are.
        """
        run = self._table.current
        if run is None and not self._were_read:
            self._early = action
        elif run is None:
            self.say(NO_RUNS)
        return run

    def action_show(self) -> None:
        """Show the predictions of the run under the cursor."""
        run = self._require_run(self.action_show)
        if run is not None and not run.predictions:
            self.say(f"Run {run.id} ({run.state}) has no predictions to show.", problem=True)
        elif run is not None:
            self._displayed_run.show(run)
            self.app.pop_screen()

    def action_mark(self) -> None:
        """Mark the run under the cursor, to be compared with another, or take the mark away."""
        if (run := self._require_run(self.action_mark)) is not None:
            marks = self._table.marked != run.id
            self._table.mark(run.id if marks else None)
            gone = f"Run {run.id} is no longer marked."
            self.say(f"Run {run.id} is marked; c on another run compares them." if marks else gone)

    def action_compare(self) -> None:
        """Compare the run under the cursor with the marked, the promoted or the earlier one."""
        run, table = self._require_run(self.action_compare), self._table
        if run is None:
            return
        promoted = [other.id for other in table.runs if other.promoted]
        earlier = [other.id for other in table.runs[table.cursor_row + 1 :][:1]]
        if table.marked is not None:
            pair = sorted({table.marked, run.id})
        elif promoted and promoted != [run.id]:
            pair = [*promoted, run.id]
        else:
            pair = [*earlier, run.id]
        if len(pair) < 2:
            self.say("Mark a run with v and go to another one to compare them.", problem=True)
        else:
            self.say(f"Comparing run {pair[0]} with run {pair[1]}…")
            self._compare(*pair)

    @work(group="compare", exclusive=True)
    async def _compare(self, first: int, second: int) -> None:
        found = await host(self).command("compare", str(first), str(second), "--json")
        self.say("")
        self._read()  # an accuracy may have been stale
        self.app.push_screen(CompareScreen(found))

    def action_promote(self) -> None:
        """Promote the run under the cursor, or take that back."""
        if (run := self._require_run(self.action_promote)) is None:
            return
        if host(self).store.read_only:
            self.say("This workspace is read-only for you, so nothing can be promoted.", True)
        elif run.state != DONE:
            self.say(f"Run {run.id} is {run.state}; only a run that is done can be promoted.", True)
        else:
            self._displayed_run.promote(run, lambda: self._promoted(run))

    def _promoted(self, run: Run) -> None:
        self.say(f"Run {run.id} is {'no longer ' if run.promoted else ''}promoted.")
        self._read()

    def action_clone(self) -> None:
        """Open the form for a clone of the run under the cursor."""
        if (run := self._require_run(self.action_clone)) is not None and run.kind in (
            "predict",
            IMPORTED,
        ):
            what = "only predicts" if run.kind == "predict" else "was imported"
            self.say(f"Run {run.id} {what}, so there is nothing to clone.", problem=True)
        elif run is not None:
            host(self).places.show_clone_form(run)

    def action_train_on(self) -> None:
        """Start a run that begins with the adapter of the one under the cursor."""
        if (run := self._require_run(self.action_train_on)) is not None:
            self.say(f"Freezing the labels and going on from the adapter of run {run.id}…")
            self.app.run_worker(self._train_on(run.id), group="start")

    async def _train_on(self, number: int) -> None:
        app = host(self)
        try:
            started = await app.command("train", "--from", str(number), "--json", let_finish=True)
        except UserError as error:
            app.say(str(error), problem=True)
            return
        app.run_started(int(started["id"]))

    def action_delete(self) -> None:
        """Ask, and move the run under the cursor into the trash."""
        if (run := self._require_run(self.action_delete)) is not None:
            self._trash.ask_to_delete(run)

    def action_undelete(self) -> None:
        """Choose a run from the trash, and bring it back."""
        self._trash.choose_to_restore()

    @property
    def run_to_examine(self) -> int | None:
        """The run under the cursor, whose errors are looked at from here."""
        return None if (run := self._table.current) is None else run.id

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        """Open the run under the cursor."""
        if (run := self._require_run(self.action_open)) is not None:
            host(self).places.show_run(run)

    def action_move(self, rows: int) -> None:
        """Move the cursor."""

        def again() -> None:
            self.action_move(rows)

        if not self._table.move(rows) and self._require_run(again) is not None:
            self.say(f"This is the {'last' if rows > 0 else 'first'} run of the list.")

    def action_sideways(self, way: int) -> None:
        """Scroll a table that is wider than the screen."""
        if not self._table.scroll_sideways(way):
            self.say(f"The table has nothing more to the {'right' if way > 0 else 'left'}.")

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.app.pop_screen()

"""The place of the runs: all of them, and how the one under the cursor fares against another."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from storage.errors import UserError
from storage.runs import runs
from storage.runs.runs import Run
from storage.store import open_store
from workbench.rundir.folder import DONE
from workbench.runs.trash import deleted_runs
from workbench.tui.acting_keys import key_for
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.examining.run_comparison import RunComparison
from workbench.tui.host import host
from workbench.tui.listing import run_offers, runs_keys
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.screens.adapter_export import AdapterExport
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.run_trash import RunTrash
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.line_list import LineList
from workbench.tui.widgets.line_lists import LineLists
from workbench.tui.widgets.prompt import PromptLine
from workbench.tui.widgets.runs_list import MARKED, PROMOTED, SHOWN, RunsList
from workbench.tui.widgets.top_line import TopLine

RUNS_STATUS = f" ▸ {SHOWN} shown in Browse   {MARKED} marked   {PROMOTED} promoted"


def no_runs() -> str:
    """That there are no runs, and what starts one."""
    return f"There are no runs yet; {key_for('place_train')} starts one."


class RunsScreen(Screen[None]):
    """Enter opens the run under the cursor, and each other key does something with it."""

    BINDINGS: ClassVar = [
        key("enter", "open", "open: curves and log; of a flipped tweet, the tweet in the list"),
        key("o", "show", "show this run's predictions in the list"),
        key("t", "app.place('train')", "train"),
        key("v", "mark", "mark, to compare the marked run with the one under the cursor"),
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
        run_offers.LEAVE,
        key("X", "export", "export the adapter, for plain transformers and peft"),
        key("escape,r", "back", "back to the tweets", key_display="esc q r"),
    ]

    class Read(Message):
        """The runs have been read, and how many are in the trash."""

        def __init__(self, known: list[Run], trash: int) -> None:
            super().__init__()
            self.known, self.trash = known, trash

    def __init__(self, displayed_run: DisplayedRun) -> None:
        super().__init__(name="runs")
        self._displayed_run = displayed_run
        self._trash = RunTrash(self, self.say, self._read)
        self._export = AdapterExport(self)
        self._early: Callable[[], None] | None = None
        self._were_read = False
        self._trash_count = 0

    def compose(self) -> ComposeResult:
        """The places, the runs above the comparison of two, and two lines of text."""
        yield TopLine("runs")
        with LineLists(id="runs-boxes"):
            yield RunsList(lambda: self._displayed_run.run, id="runs")
            yield RunComparison(id="runs-versus")
            yield LineList(id="runs-flips")
        yield PromptLine(Static(id="runs-status", markup=False), id="prompt")

    def on_mount(self) -> None:
        """The keys move in the list at once."""
        self._boxes.focus()
        self._boxes.before_next = self._catch_up

    def on_resize(self) -> None:
        """Give the list the rows it needs, and compare again for the new width."""
        self.call_after_refresh(self._fit)
        self.call_after_refresh(self._show_status)

    def on_screen_resume(self) -> None:
        """Read the runs whenever somebody comes here; counting predictions takes a moment."""
        self._read()

    @work(thread=True, group="runs", exclusive=True)
    def _read(self) -> None:
        store = open_store(host(self).store.folder)
        try:
            self.post_message(self.Read(runs.every(store), len(deleted_runs(store))))
        finally:
            store.close()

    @on(Read)
    def _show(self, event: Read) -> None:
        self._table.show_runs(event.known, host(self).run_progress)
        self._trash_count = event.trash
        self._fit()
        self._show_status()
        self._boxes.keep_active()
        self._moved()
        self._were_read, early, self._early = True, self._early, None
        if not event.known:
            self.say(no_runs())
        elif early is not None and self.is_current:
            early()

    def _show_status(self) -> None:
        """Say what the signs of the list mean, and how many runs are in the trash."""
        known, trash = RUNS_STATUS, self._trash_count
        right = f"trash {trash:,} " if trash else ""
        line = known.ljust(max(0, self.size.width - len(right))) + right if trash else known
        self.query_one("#runs-status", Static).update(line, layout=False)

    def _fit(self) -> None:
        """Give the list the rows that it needs, as far as there are any."""
        rows = 2 + max(2, len(self._table.runs))
        half = max(4, (self.size.height - 4) // 2)
        other = "1fr" if not self.has_class("-narrow") else "9 1fr"
        wanted = f"{min(rows, half)} {other}"
        if wanted != self._rows_of_grid:
            self._rows_of_grid = wanted
            self._boxes.styles.grid_rows = wanted
        self.query_one(RunComparison).draw()

    _rows_of_grid = ""

    @property
    def prompt(self) -> PromptLine:
        """The line for messages and input."""
        return self.query_one(PromptLine)

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.prompt.say(text, problem)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        self.prompt.retract(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key acts on a run while text is being typed."""
        asking = self.is_mounted and self.prompt.request is not None
        return not asking or action in ("back", "help")

    def on_run_progressed(self, event: RunProgressed) -> None:
        """A run has moved on: the state of its row may have changed, or it is a new one."""
        if event.progress.run not in {run.id for run in self._table.runs}:
            self._read()
        before = self._table.current_run
        self._table.show_progress(event.progress)
        if before != self._table.current_run:
            self._moved()

    def on_runs_collected(self, event: RunsCollected) -> None:
        """Runs have ended."""
        self._read()

    @on(LineList.Settled)
    def _settled(self, event: LineList.Settled) -> None:
        if event.of is self._table:
            self._moved()

    def _moved(self) -> None:
        """Tell of the run under the cursor, and compare it with the reference."""
        run, writable = self._table.current_run, not host(self).store.read_only
        alone = len(self._table.runs) == 1
        self.prompt.name_keys(runs_keys.of_run(run, self._trash_count > 0, writable, alone))
        flips = self.query_one("#runs-flips", LineList)
        self.query_one(RunComparison).compare(run, self._pair(), flips)

    def _catch_up(self) -> None:
        """Show what follows the cursor at once, as somebody goes there."""
        if self._table.settles:
            self._moved()
        self.query_one(RunComparison).show_flips()

    def _pair(self) -> tuple[Run, Run] | None:
        """The reference and the run under the cursor; None if there are no two of them."""
        run, runs_here = self._table.current_run, self._table.runs
        if run is None:
            return None
        promoted = [other for other in runs_here if other.promoted]
        marked = [other for other in runs_here if other.id == self._table.marked]
        known = runs.comparable([other for other in runs_here if other.id != run.id])
        earlier = [other for other in known if other.id < run.id]
        for other in (*marked, *promoted, *earlier, *known):
            if other.id != run.id:
                return other, run
        return None

    @on(LineList.Stuck)
    def _stuck(self, event: LineList.Stuck) -> None:
        if event.across:
            self.say(f"There is nothing more to the {'right' if event.way > 0 else 'left'}.")
        elif event.of is self._table:
            self.say(f"This is the {'last' if event.way > 0 else 'first'} run of the list.")
        else:
            self.say("There is nothing more that way; tab goes back to the runs.")

    @on(RunComparison.Drawn)
    def _drawn(self) -> None:
        self._boxes.keep_active()

    @on(LineLists.Idle)
    def _idle(self, event: LineLists.Idle) -> None:
        self._require_run(event.again)

    @property
    def _boxes(self) -> LineLists:
        return self.query_one(LineLists)

    @property
    def _table(self) -> RunsList:
        return self.query_one(RunsList)

    def _require_run(self, action: Callable[[], None]) -> Run | None:
        """The run under the cursor; says so if there is none.

        An action whose key comes before the runs have been read is done as soon as they are.
        """
        run = self._table.current_run
        if run is None and not self._were_read:
            self._early = action
        elif run is None:
            self.say(no_runs())
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
            self.say(
                f"Run {run.id} is marked; {key_for('compare')} on another run compares them."
                if marks
                else gone
            )

    def action_compare(self) -> None:
        """Compare the run under the cursor with the marked, the promoted or the earlier one."""
        if self._require_run(self.action_compare) is None:
            return
        pair = sorted(each.id for each in self._pair() or ())
        if len(pair) < 2:
            self.say(
                f"Mark a run with {key_for('mark')} and go to another one to compare them.",
                problem=True,
            )
        else:
            self.say(f"Comparing run {pair[0]} with run {pair[1]}…")
            self._compare(*pair)

    @work(group="compare", exclusive=True)
    async def _compare(self, first: int, second: int) -> None:
        found = await host(self).command("compare", str(first), str(second), "--json")
        self.say("")
        self._read()  # an accuracy may have been stale
        if self.is_current:  # nobody who has gone elsewhere waits for it
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
        if (
            run := self._require_run(self.action_clone)
        ) is not None and run.kind in runs_keys.WITHOUT_TRAINING:
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
        return None if (run := self._table.current_run) is None else run.id

    @property
    def marked_run(self) -> int | None:
        """The run that is marked, to be compared with another."""
        return self._table.marked

    def action_open(self) -> None:
        """Open the run under the cursor, or the flipped tweet."""
        active = self._boxes.active
        here = None if active is None else active.current
        if here is not None and isinstance(here.opens, OpenedTweets):
            wanted = here.opens
            host(self).places.open_tweets(wanted.filter, wanted.sort, wanted.what, wanted.tweet)
        elif (run := self._require_run(self.action_open)) is not None:
            host(self).places.show_run(run)

    def action_export(self) -> None:
        """Ask for a folder, and write the adapter of the run under the cursor to it."""
        if (run := self._require_run(self.action_export)) is not None:
            self._export.ask(run)

    def action_back(self) -> None:
        """Leave the input, else go back to where the user came from."""
        if self.prompt.request is not None:
            self.prompt.close()
        else:
            self.app.pop_screen()

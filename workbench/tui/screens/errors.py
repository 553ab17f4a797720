"""The place that shows where a run is wrong; every figure opens the tweets that it is of."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from storage.errors import UserError
from storage.history.external_changes import data_version
from storage.runs import runs
from storage.runs.runs import Run
from storage.transactions import read_transaction
from workbench import escaping
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.examining import page
from workbench.tui.examining.findings import (
    ANALYSES,
    COMPARISON,
    EVALUATION,
    Finding,
    Subject,
    command,
    other_run,
    read_finding,
)
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.examining.page import BOXES
from workbench.tui.examining.preview import TweetPreview
from workbench.tui.helping_keys import no_predictions
from workbench.tui.host import host
from workbench.tui.listing import run_offers
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.widgets.key_line import KeyLine, Keys
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.line_list import LineList, Stop
from workbench.tui.widgets.line_lists import LineLists
from workbench.tui.widgets.top_line import TopLine

KEYS = (
    ("↑↓←→", "move"),
    ("tab", "box"),
    ("↵", "tweets"),
    ("r", "run"),
    ("s", "split"),
    ("v", "versus"),
    ("y", "copy"),
    ("?", "more"),
)
OF_SEVERAL_RUNS = frozenset(("r", "v"))
"""Keys that do nothing where one run alone has predictions."""
IN_A_BOX = frozenset(("↑↓←→", "tab", "y"))
"""Keys that do nothing before there is something in a box."""
KEYS_WITHOUT_RUN = (("T", "train"), ("esc q", "back"), ("?", "more"))
SPLITS = ("test", "dev", "train")
LOOK_S = 1.0
"""Seconds between two looks at whether labels have changed."""


class ErrorsScreen(Screen[None]):
    """Boxes of figures; what is not known or has become stale is worked out beside the screen."""

    BINDINGS: ClassVar = [
        key("enter", "open", "open these tweets in the list; esc there comes back"),
        key("r", "examine", "choose another run"),
        key("s,d", "split", "test, dev or train tweets", key_display="s d"),
        key("v", "versus", "choose the run to compare with"),
        key("y", "copy", "copy the box to the terminal's clipboard"),
        key("o", "take_offer", "show the run that is offered, here and in the list"),
        run_offers.LEAVE,
        key("ctrl+l", "work_out", "work out anew what is stale"),
        key("escape", "back", "back to the tweets", key_display="esc q"),
    ]

    def __init__(self, displayed_run: DisplayedRun) -> None:
        super().__init__(name="errors")
        self._displayed_run = displayed_run
        self._chosen: int | None = None
        """The run that somebody wants to look at, whichever the list shows."""
        self._subject: Subject | None = None
        self._run: Run | None = None
        self._findings: dict[str, Finding] = {}
        self._awaited: frozenset[str] = frozenset()
        """The analyses that are being worked out."""
        self._version: object = None

    def look_at(self, run: int) -> None:
        """Be about this run instead of the one whose predictions the list shows."""
        self._chosen = run

    def compose(self) -> ComposeResult:
        """The places, what the figures are about, the boxes, and two lines of text."""
        yield TopLine("errors")
        yield Static(id="errors-about", markup=False)
        with LineLists(id="errors-boxes"):
            for box in BOXES:
                yield LineList(id=box)
            yield TweetPreview(id="errors-tweets")
        yield Static(id="errors-status", markup=False)
        yield KeyLine(KEYS)

    def on_mount(self) -> None:
        """Have the keys move in the boxes; look from time to time whether labels have changed."""
        self._boxes.focus()
        self.set_interval(LOOK_S, self._look_for_changes)

    def on_screen_resume(self) -> None:
        """Show what is kept by now, and have the rest worked out."""
        self._findings = {}
        self._read_kept()
        self._begin_work()

    def on_resize(self) -> None:
        """Lay the figures out for the new size."""
        self.call_after_refresh(self._draw)

    def _read_subject(self) -> None:
        """Keep to the run that was chosen while it is there; else take the one that is shown."""
        store = host(self).store
        known = {run.id for run in runs.every(store, metrics=False) if run.predictions}
        if self._chosen not in known:
            self._chosen = None
        run, subject = self._chosen or self._displayed_run.run, self._subject
        if run is None:
            self._subject = None
        elif subject is None or subject.run != run:
            split = "test" if subject is None else subject.split
            self._subject = Subject(run, split, other_run(store, run))
        elif subject.versus not in known - {run}:
            self._subject = replace(subject, versus=other_run(store, run))

    def _read_kept(self) -> None:
        """Show what is kept by now about the run that is there by now."""
        store, before = host(self).store, self._subject
        self._version = data_version(store)  # before anything is read, or a change were lost
        with read_transaction(store.db):
            self._read_subject()
            refused = {name: each for name, each in self._findings.items() if each.problem}
            self._show_kept(refused if self._subject == before else {})

    def _show_kept(self, findings: dict[str, Finding]) -> None:
        """Show these findings and what is kept about the run, and why it is stale."""
        store, self._run, self._findings = host(self).store, None, findings
        if (subject := self._subject) is not None:
            self._run = runs.get(store, subject.run)
            for analysis in ANALYSES:
                if (finding := read_finding(store, subject, analysis)) is not None:
                    self._findings[analysis] = finding
        self._draw()

    def _look_for_changes(self) -> None:
        """Say what has become stale while somebody looks, and show the first run once it ends."""
        if not self.is_current or self._awaited:
            return
        if self._subject is None:
            if self._displayed_run.run is not None:
                self.on_screen_resume()
        else:
            version = data_version(host(self).store)
            if version not in (None, self._version):
                self._read_kept()

    # Working out.

    def action_work_out(self) -> None:
        """Have worked out what is not kept or stale, and say so where nothing is."""
        if self._subject is None:
            self.say(self._without_predictions)
        elif not self._begin_work():
            self.say("All figures are of the labels as they are now.")

    def _begin_work(self) -> bool:
        """Begin to work out what is not kept or stale; whether there is anything."""
        missing = [name for name in ANALYSES if self._wants(name)]
        if self._subject is not None and missing:
            self._work_out(self._subject, missing)
        return bool(missing)

    def _wants(self, analysis: str) -> bool:
        finding = self._findings.get(analysis)
        return finding is None or bool(finding.stale)

    @work(group="errors", exclusive=True)
    async def _work_out(self, subject: Subject, missing: list[str]) -> None:
        try:
            for at, analysis in enumerate(missing):
                self._awaited = frozenset(missing[at:])
                self._draw()
                finding = await self._made(subject, analysis)
                if subject != self._subject:
                    break  # by now somebody looks at others, whose findings are all there
                self._findings[analysis] = finding
                if analysis == EVALUATION and finding.problem:
                    break  # there is nothing that the others could be about
        finally:
            self._awaited = frozenset()
        self._draw()

    async def _made(self, subject: Subject, analysis: str) -> Finding:
        try:
            found = await host(self).command(*command(subject, analysis))
        except UserError as error:
            return Finding(problem=str(error))
        return Finding(found) if found else Finding(problem=f"The {analysis} came to nothing.")

    # Showing.

    @property
    def _without_predictions(self) -> str:
        return no_predictions(any(each.live for each in host(self).run_progress.values()))

    def _draw(self) -> None:
        """Show what is known in the boxes."""
        if not self.query("#errors-about"):
            return
        narrow = self.has_class("-narrow")
        about = f" {self._without_predictions}"
        if self._run is not None and self._subject is not None:
            about = page.about(self._run, self._subject, self._findings, self.size.width)
        self.query_one("#errors-about", Static).update(about, layout=False)
        if self._run is None or self._subject is None:
            contents = page.nothing()
        else:
            widths = [self.query_one(f"#{box}").size.width or self.size.width for box in BOXES]
            view = page.View(self._run, self._subject, self._findings, self._awaited)
            contents = page.contents(view, dict(zip(BOXES, widths, strict=True)))
        for box, content in contents.items():
            self.query_one(f"#{box}", LineList).show(content)
        self._fit_matrix(narrow)
        self._boxes.keep_active()
        self._follow()

    def _fit_matrix(self, narrow: bool) -> None:
        """Give the matrix the rows it needs where the screen is small, and the others the rest."""
        alone = self._subject is not None and self._subject.versus is None
        matrix = self.query_one(f"#{page.MATRIX}", LineList).content
        rows = page.grid_rows(matrix, alone, narrow)
        grid = self._boxes
        if self._rows_of_grid != rows:
            self._rows_of_grid = rows
            grid.styles.grid_rows = rows

    _rows_of_grid = ""

    @property
    def _boxes(self) -> LineLists:
        return self.query_one(LineLists)

    @property
    def _box(self) -> LineList | None:
        """The box that has the cursor."""
        return self._boxes.active

    @property
    def _here(self) -> Stop | None:
        return None if self._box is None else self._box.current

    @on(LineList.Settled)
    def _settled(self) -> None:
        self._follow()

    def _name_keys(self) -> None:
        """Name the keys that do something with the runs that there are."""
        keys: Keys = KEYS_WITHOUT_RUN
        if self._subject is not None:
            here = self._here
            idle = OF_SEVERAL_RUNS if self._subject.versus is None else frozenset[str]()
            idle |= IN_A_BOX if here is None else frozenset()
            opens = here is not None and isinstance(here.opens, OpenedTweets)
            idle |= frozenset() if opens else {"↵"}
            keys = [each for each in KEYS if each[0] not in idle]
        self.query_one(KeyLine).name_keys(keys)

    def _follow(self) -> None:
        """Say what is under the cursor and which keys act on it, and show its first tweets."""
        self._name_keys()
        here = self._here
        opened = here.opens if here is not None else None
        self.query_one("#errors-status", Static).update(
            page.status(here, self._findings.get(COMPARISON), self._subject, self.size.width),
            layout=False,
        )
        preview = self.query_one(TweetPreview)
        if preview.display:
            preview.show_first(opened if isinstance(opened, OpenedTweets) else None, self._version)

    @on(LineLists.Idle)
    def _idle(self) -> None:
        self.say(
            self._without_predictions
            if self._subject is None
            else "There is nothing to move in here yet."
        )

    @on(LineList.Stuck)
    def _stuck(self) -> None:
        self.say("There is nothing more that way; tab goes to the next box.")

    # Keys.

    def action_open(self) -> None:
        """Show the tweets under the cursor in the list."""
        here = self._here
        if here is None:
            self.say("There is nothing to open here.")
        elif not isinstance(here.opens, OpenedTweets):
            self.say("There are no such tweets.")
        else:
            wanted = here.opens
            host(self).places.open_tweets(wanted.filter, wanted.sort, wanted.what, wanted.tweet)

    def action_examine(self) -> None:
        """Choose the run whose errors are shown."""
        self._choose("Errors of which run?", None)

    def action_take_offer(self) -> None:
        """Show the errors of the run that is offered, and its predictions in the list."""
        if (run := self._displayed_run.take_offer()) is not None:
            self.look_at(run.id)
            self.on_screen_resume()

    def action_versus(self) -> None:
        """Choose the run that it is compared with."""
        if self._subject is None:
            self.say(self._without_predictions)
        else:
            self._choose(f"Compare run {self._subject.run} with which run?", self._subject.run)

    def _choose(self, title: str, without: int | None) -> None:
        subject = self._subject
        known = [run for run in runs.every(host(self).store) if run.predictions]
        choices = page.run_choices([run for run in known if run.id != without], subject)
        if not choices:
            self.say(
                self._without_predictions
                if without is None
                else "There is no other run to compare with."
            )
            return

        def chosen(number: str | None) -> None:
            if number is None:
                return
            if without is None:
                self.look_at(int(number))
            elif subject is not None:
                self._subject = replace(subject, versus=int(number))
            # The screen is shown again when the menu closes, which has the rest worked out.

        current = "" if subject is None else str(subject.run if without is None else subject.versus)
        self.app.push_screen(ChoiceDialog(title, choices, current), chosen)

    def action_split(self) -> None:
        """Look at the tweets of the next split."""
        if self._subject is None:
            self.say(self._without_predictions)
            return
        split = SPLITS[(SPLITS.index(self._subject.split) + 1) % len(SPLITS)]
        self._subject = replace(self._subject, split=split)
        self._show_kept({})
        self._begin_work()

    def action_copy(self) -> None:
        """Send the box that has the cursor to the clipboard of the terminal."""
        if (box := self._box) is None:
            self.say("There is nothing to copy here.")
            return
        self.app.copy_to_clipboard(escaping.lines(box.content.text))
        self.say("The box is sent to the terminal's clipboard.")

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def action_back(self) -> None:
        """Back to the tweets."""
        self.app.pop_screen()

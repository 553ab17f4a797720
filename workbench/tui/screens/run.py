"""The page of a run: its curves, what it costs, what comes next, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.timer import Timer

from storage.errors import UserError
from storage.query import tweets
from storage.runs import displayed_run, runs
from storage.runs.runs import Run
from storage.store import open_store
from workbench.rundir.folder import FAILED, QUEUED, RUNNING, STOPPED, read_job
from workbench.tui.acting_keys import key_for
from workbench.tui.host import host
from workbench.tui.listing import run_offers
from workbench.tui.run_folder_reader import RunFolderReader
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.run_progress import RunProgress
from workbench.tui.screens.report import ReportScreen
from workbench.tui.training import page
from workbench.tui.training.curves import (
    MOST_OTHERS,
    CurveFrames,
    OtherRun,
    Reference,
    other_run,
    others_to_compare,
    reference,
)
from workbench.tui.training.gpu import GpuReading, read_gpu
from workbench.tui.training.plan import Plan
from workbench.tui.widgets.key_line import KeyLine, Keys
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.tone_lines import ToneLines
from workbench.tui.widgets.top_line import TopLine

REDRAWN_S = 1.0
"""Seconds between two redraws of a run that goes on."""
LOW = 24
"""Lines below which there is no air between the parts, so that the keys are seen."""
GPU_S = 3.0
"""Seconds between two looks at the GPU."""
MOST_BUSY = 20


@dataclass(frozen=True)
class Known:
    """What the store knows about a run, read when somebody comes and when a run has ended."""

    run: Run
    plan: Plan = field(default_factory=Plan)
    against: Reference = field(default_factory=Reference)
    has_others: bool = False
    """Whether there are other runs that may have curves."""


class RunScreen(Screen[None]):
    """Shows a run while it goes on, redrawn once a second at most, and when it is over."""

    BINDINGS: ClassVar = [
        key("S", "stop", "stop the run, which saves first; or go on with one that has stopped"),
        key("n", "app.new_run", "start another run"),
        key("c", "curves", "curves of other runs in the same frame, or of this one alone"),
        key("l", "log", "the log, as far as it is kept here"),
        run_offers.TAKE,
        run_offers.LEAVE,
        key("r", "app.place('runs')", "all runs"),
        key("escape,t", "back", "back to the tweets; the run goes on", key_display="esc q t"),
    ]

    def __init__(self, run: Run, name: str | None = None) -> None:
        super().__init__(name=name)
        self.run = run
        self._known = Known(run)
        self._progress: RunProgress | None = host(self).run_progress.get(run.id)
        self._problem = ""
        self._frames = CurveFrames()
        self._others: Sequence[OtherRun] = ()
        self._gpu: GpuReading | None = None
        self._busy: list[int] = []
        self._hardest: object = None
        self._labels_now: dict[int, str | None] | None = None
        self._drawn_at = 0.0
        self._redraw: Timer | None = None

    def compose(self) -> ComposeResult:
        """The places, the run, two charts, facts beside the hardest tweets, the log, the keys."""
        yield TopLine("train")
        yield ToneLines(id="run-head")
        with Horizontal(id="run-charts"):
            yield ToneLines(id="run-loss")
            yield ToneLines(id="run-dev")
        yield ToneLines(classes="rule")
        with Horizontal(id="run-middle"):
            yield ToneLines(id="run-facts")
            yield ToneLines(id="run-hardest")
        yield ToneLines(classes="rule")
        yield ToneLines(id="run-log")
        yield ToneLines(id="run-status")
        yield KeyLine()

    def on_mount(self) -> None:
        """Look at the GPU from time to time."""
        self.set_interval(GPU_S, self._look_at_gpu)

    def on_screen_resume(self) -> None:
        """Read what the store knows; a run that nobody follows is read from its folder."""
        self._read_store()
        self._hardest = None
        self._read_labels()
        if self._progress is None or not self._progress.live:
            self._read_folder()
        self._look_at_gpu()
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """Lay everything out for the new size."""
        self.set_class(self.size.height < LOW, "-low")
        self.call_after_refresh(self._draw)

    # What is known.

    @work(thread=True, group="store", exclusive=True)
    def _read_store(self) -> None:
        store = open_store(host(self).store.folder)
        try:
            run = runs.get(store, self.run.id)
            against = reference(store, displayed_run.promoted_run(store))
            others = others_to_compare(runs.every(store, metrics=False), run.id, None)
            count = tweets.counts(store).tweets
            try:
                plan = Plan.of(read_job(store.run_folder(run.id)).recipe, count)
            except (UserError, OSError):  # said when the folder is read
                plan = Plan(trains=run.kind == "qlora", tweets=count)
        except UserError:  # deleted meanwhile; the folder says so too
            return
        finally:
            store.close()
        self.app.call_from_thread(self._learnt, Known(run, plan, against, bool(others)))

    def _learnt(self, known: Known) -> None:
        self._known = known
        self._draw()

    @work(thread=True, group="read", exclusive=True)
    def _read_folder(self) -> None:
        folder = host(self).store.run_folder(self.run.id)
        try:
            progress = RunFolderReader(folder, self.run.id).read()
        except (UserError, OSError) as error:
            self.app.call_from_thread(self._fail, str(error))
            return
        self.post_message(RunProgressed(progress))

    def _fail(self, problem: str) -> None:
        """Say that the folder cannot be read, instead of figures that may be old."""
        self._problem = problem
        self._draw()

    def on_run_progressed(self, event: RunProgressed) -> None:
        """The run has moved on: redraw now if it was long ago, else when it is time."""
        if event.progress.run != self.run.id:
            return
        before, self._progress, self._problem = self._progress, event.progress, ""
        self._read_labels()
        ended = before is None or before.state.state != event.progress.state.state
        wait = 0.0 if ended else self._drawn_at + REDRAWN_S - monotonic()
        if wait <= 0:
            self._draw()
        elif self._redraw is None:
            self._redraw = self.set_timer(wait, self._draw)

    def on_runs_collected(self, event: RunsCollected) -> None:
        """Runs have ended, this one perhaps, or its folder is gone."""
        self._read_store()
        self._read_folder()

    def _read_labels(self) -> None:
        """Read the present labels of the hardest tweets, where there are others than before."""
        progress = self._progress
        if progress is None or progress.hardest == self._hardest:
            return
        self._hardest = progress.hardest
        store, found = host(self).store, {}
        for hard in progress.hardest:
            try:
                tweet = tweets.tweet(store, hard.id)
            except UserError:
                continue
            if tweet.text.startswith(hard.text):  # a run from elsewhere has other numbers
                found[hard.id] = tweet.label
        self._labels_now = found

    @work(group="gpu", exclusive=True)
    async def _look_at_gpu(self) -> None:
        progress = self._progress
        if not self.is_current or progress is None:
            return
        if not progress.live or progress.state.elsewhere:
            self._gpu = None
            return
        self._gpu = await read_gpu()
        if self._gpu is not None:
            self._busy = [*self._busy, self._gpu.busy][-MOST_BUSY:]

    # Showing.

    def _draw(self) -> None:
        """Show what is known in the panels; what has not changed is not painted."""
        if self._redraw is not None:
            self._redraw.stop()
            self._redraw = None
        if not self.is_current or not self.query("#run-status"):
            return  # it is drawn when somebody comes back
        self._drawn_at = monotonic()
        self.query_one(KeyLine).name_keys(self._keys())
        if self._progress is None or self._problem:
            self._draw_problem(self._problem)
            return
        view = page.View(
            self._known.run,
            self._progress,
            self._known.plan,
            self.size.width,
            not self.has_class("-narrow"),
            not (self.has_class("-narrow") or self.has_class("-low")),
            self._others,
            self._gpu,
            self._busy,
            self._labels_now,
        )
        self._panel("run-head").show(page.head(view))
        self._draw_charts(view)
        for name, lines in (("facts", page.facts), ("log", page.log)):
            panel = self._panel(f"run-{name}")
            shown = lines(view, panel.size.height)
            panel.show(shown)
        beside = self._panel("run-hardest")
        beside.show(page.hardest(view, *beside.size))
        self._panel("run-status").show([page.status(view)])
        for line in self.query(".rule").results(ToneLines):
            line.show([page.rule(view.width)])

    def _panel(self, name: str) -> ToneLines:
        return self.query_one(f"#{name}", ToneLines)

    def _draw_charts(self, view: page.View) -> None:
        loss, dev = self._panel("run-loss"), self._panel("run-dev")
        progress, others, frames = view.progress, view.others, self._frames
        lines = [[(page.no_chart(view), "dim")]]
        if progress.courses.loss or any(other.loss for other in others):
            lines = frames.loss(_room(loss), progress, others)
        loss.show([page.loss_title(view), *lines])
        lines = [[(page.no_dev_chart(view), "dim")]]
        if progress.courses.dev or any(other.dev for other in others) or progress.data.get("dev"):
            lines = frames.dev(_room(dev), progress, others, self._known.against)
        dev.show([page.dev_title(view), *lines])

    def _draw_problem(self, problem: str) -> None:
        """Say in the place of the page why there is none."""
        for panel in self.query(ToneLines):
            panel.show([])
        run = self._known.run
        self._panel("run-head").show([[(f" run {run.id} · {run.recipe}", "bold")]])
        log = self._panel("run-log")
        wrapped = Text(problem).wrap(self.app.console, max(20, log.size.width - 2))
        log.show([[(f" {line.plain}", "")] for line in wrapped])

    def _keys(self) -> Keys:
        """The keys that do something, which those of a run whose folder is gone do not."""
        narrow, writable = self.has_class("-narrow"), not host(self).store.read_only
        stop = {"stop": "stop and save", "resume": "go on"}.get(self._stop_or_resume, "")
        live = not self._problem and self._progress is not None and self._progress.live
        log = self._progress is not None and bool(self._progress.lines)
        goes_on = ", labelling goes on" if live and not narrow else ""
        keys = (
            ("S", stop, bool(stop) and writable),
            ("n", "new" if narrow else "new run", writable),
            ("c", "compare", self._known.has_others and not self._problem),
            ("l", "log", log),
            ("B", f"back to the tweets{goes_on}", True),
            ("?", "more", True),
        )
        return [(name, word) for name, word, does_something in keys if does_something]

    # Keys.

    @property
    def run_to_examine(self) -> int | None:
        """The run whose errors are looked at from here."""
        return self.run.id

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.app.pop_screen()

    def action_log(self) -> None:
        """Show the lines of the log, the last ones at the bottom."""
        lines = () if self._progress is None else self._progress.lines
        if not lines:
            self.say("The log is empty so far.")
            return
        self.app.push_screen(ReportScreen((Text(line) for line in lines), "train", at_end=True))

    def action_curves(self) -> None:
        """Show the curves of other runs too, or this run's alone."""
        if self._problem:
            self.say(f"There are no curves: {self._problem}")
        elif self._others:
            self._others = ()
            self._draw()
        else:
            self._read_others(host(self).places.marked_run)

    @work(thread=True, group="others", exclusive=True)
    def _read_others(self, marked: int | None) -> None:
        store = open_store(host(self).store.folder)
        try:
            wanted = others_to_compare(runs.every(store, metrics=False), self.run.id, marked)
            read = (other_run(store, number) for number in wanted)
            found = [other for other in read if other.loss or other.dev][:MOST_OTHERS]
        finally:
            store.close()
        self.app.call_from_thread(self._compare, found)

    def _compare(self, found: Sequence[OtherRun]) -> None:
        if not found:
            self.say(
                f"There is no other run with curves yet; Runs marks one with {key_for('mark')}."
            )
            return
        self._others = found
        self._draw()

    @property
    def _stop_or_resume(self) -> str:
        """What S does: a run is stopped while it goes on, and resumed when it has broken off."""
        if self._problem:
            return ""
        state = None if self._progress is None else self._progress.state.state
        if state in (QUEUED, RUNNING):
            return "stop"
        return "resume" if state in (STOPPED, FAILED) else ""

    def action_stop(self) -> None:
        """Ask the run to save and stop, or go on with it."""
        run = self.run.id
        if self._stop_or_resume == "stop":
            self.say("Asking the run to save and stop…")
            self._command("stop", f"Run {run} saves and stops.")
        elif self._stop_or_resume == "resume":
            self.say("Resuming the run…")
            self._command("resume", f"Run {run} goes on.")
        elif self._problem:
            self.say(f"There is nothing to stop or to go on with: {self._problem}")
        elif self._progress is None:
            self.say(f"Nothing is known of run {run} yet.")
        else:
            self.say(f"Run {run} is {self._progress.state.state}; there is nothing to stop.")

    def _command(self, name: str, said: str) -> None:
        """Have the application run it: the result is said wherever the user is then."""
        self.app.run_worker(self._run_command(name, said), group="command")

    async def _run_command(self, name: str, said: str) -> None:
        try:
            await host(self).command(name, str(self.run.id), "--json", let_finish=True)
        except UserError as error:
            host(self).say(str(error), problem=True)
            return
        host(self).say(said)
        if name == "resume":
            host(self).follow_runs()

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self.query_one(KeyLine).say(text, problem)

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        self.query_one(KeyLine).retract(text)


def _room(panel: ToneLines) -> tuple[int, int]:
    """The cells of a chart, below its title and before the column of air at the right."""
    return max(12, panel.size.width - 1), max(3, panel.size.height - 1)

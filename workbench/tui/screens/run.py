"""One run, live: how far it is, its curves, the end of its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

from rich.console import Group
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from storage.errors import UserError
from storage.runs.runs import Run
from workbench import escaping
from workbench.figures import percent
from workbench.rundir.folder import FAILED, QUEUED, RUNNING, STOPPED
from workbench.rundir.log_format import duration, format_estimate
from workbench.tui.host import host
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.run_progress import (
    RunFolderReader,
    RunProgress,
    outcome,
)
from workbench.tui.widgets.detail import share_bar
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.top_line import TopLine

LEVELS = "▁▂▃▄▅▆▇█"


class RunScreen(Screen[None]):
    """Shows a run; refreshed as its folder changes, twice a second at most."""

    BINDINGS: ClassVar = [
        key("S", "stop", "stop the run, which saves first; or go on with one that has stopped"),
        key("n", "app.new_run", "start another run"),
        key("r", "app.place('runs')", "all runs"),
        key("escape,t", "back", "back to the tweets; the run goes on", key_display="esc q t"),
    ]

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self._progress: RunProgress | None = host(self).run_progress.get(run.id)
        self._said = ""

    def compose(self) -> ComposeResult:
        """How the run stands, all else that is known of it, and a line of keys."""
        yield TopLine("train")
        yield Static(id="run-title", markup=False)
        yield Static(id="run-state", markup=False)
        yield Static(id="run-view", markup=False)
        yield Static(id="run-keys", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Show what is known; a run that is over is read once."""
        self._draw()
        if self._progress is None:
            self._read()

    def on_resize(self) -> None:
        """Fit the curve and the log to the new size."""
        self._draw()

    def on_run_progressed(self, event: RunProgressed) -> None:
        """The run has moved on."""
        if event.progress.run == self.run.id:
            before, self._progress = self._progress, event.progress
            if before is None or replace(before, seconds=event.progress.seconds) != event.progress:
                self._draw()
            else:
                self._draw_state()  # the clock alone, once a second

    def on_runs_collected(self, event: RunsCollected) -> None:
        """The run has ended."""
        for ended in event.ended:
            if ended["id"] == self.run.id:
                self.say(outcome(ended))

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message."""
        self._said = f"! {text}" if problem else text
        self._draw()

    def retract(self, text: str) -> None:
        """Take a message away if it is still there."""
        if self._said in (text, f"! {text}"):
            self.say("")

    @property
    def run_to_examine(self) -> int:
        """The run whose errors are looked at from here."""
        return self.run.id

    def action_back(self) -> None:
        """Back to where the user came from."""
        self.app.pop_screen()

    @property
    def _stop_or_resume(self) -> str:
        """What S does: a run is stopped while it goes on, and resumed when it has broken off."""
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

    @work(thread=True, group="read")
    def _read(self) -> None:
        folder = host(self).store.run_folder(self.run.id)
        self.post_message(RunProgressed(RunFolderReader(folder, self.run.id).read()))

    def _draw(self) -> None:
        if not self.query("#run-view"):  # news may come before the first layout
            return
        run, width = self.run, max(20, self.size.width - 16)
        base = f" on {escaping.line(run.base)}" if run.base else ""
        title = Text(f"run {run.id}  {run.kind}  {escaping.line(run.recipe)}{base}", "bold")
        self.query_one("#run-title", Static).update(title, layout=False)
        self._draw_state()
        parts = []
        if (progress := self._progress) is not None:
            parts += _facts(progress, width)
        reason = progress.state.reason if progress is not None else None
        if self._said and not (reason and reason in self._said):  # it is shown above already
            parts.append(Text(escaping.line(self._said), "bold"))
        log_lines = max(0, self.size.height - len(parts) - 8)
        if progress is not None and log_lines:
            parts.append(Text("\nlog", "bold"))
            parts += [
                Text(escaping.line(line), no_wrap=True, overflow="ellipsis")
                for line in progress.lines[-log_lines:]
            ]
        self.query_one("#run-view", Static).update(Group(*parts), layout=False)
        self.query_one("#run-keys", Static).update(self._keys(), layout=False)

    def _draw_state(self) -> None:
        if not self.query("#run-state"):
            return
        line = Text()
        if (progress := self._progress) is not None:
            state = progress.state
            parts = [state.state]
            parts += [state.phase] if state.phase and progress.live else []
            if progress.seconds is not None:
                parts.append(f"{duration(progress.seconds)}{' so far' if progress.live else ''}")
            if progress.live and state.eta_s:
                parts.append(f"about {duration(state.eta_s)} left")
            line = _fact("state", ", ".join(parts))
        self.query_one("#run-state", Static).update(line, layout=False)

    def _keys(self) -> str:
        live = self._progress is not None and self._progress.live
        keys = [f"S {self._stop_or_resume}"] if self._stop_or_resume else []
        keys += [f"esc back{' (the run goes on)' if live else ''}", "n new run", "r runs", "? help"]
        return "  ".join(keys)


def _facts(progress: RunProgress, width: int) -> list[Text]:
    state = progress.state
    facts = []
    if state.steps:
        share = state.step / state.steps
        facts.append(
            ("steps", f"{share_bar(share, min(40, width - 12))} {state.step}/{state.steps}")
        )
    if progress.losses:
        curve = sparkline(progress.losses, min(60, width - 16))
        facts.append(("loss", f"{curve} {progress.losses[0]:.3f} → {progress.losses[-1]:.3f}"))
    if progress.dev:
        dev = progress.dev
        n = f" on {dev['n']:,.0f} dev tweets" if "n" in dev else ""
        loss = f", loss {dev['loss']:.3f}" if "loss" in dev else ""
        best = f", the best at step {dev['best_step']:,.0f}" if dev.get("best_step") else ""
        facts.append(("accuracy", f"{percent(dev.get('accuracy'))}{n}{loss}{best}"))
    speed = [
        f"learning rate {progress.rate:.2e}" if progress.rate is not None else "",
        f"{progress.speed:,.1f} tweets/s" if progress.speed is not None else "",
        f"{progress.memory:.1f} GiB" if progress.memory is not None else "",
    ]
    if any(speed):
        facts.append(("speed", "  ".join(filter(None, speed))))
    if state.linear_total:
        facts.append(("4-bit", f"{state.linear4bit} of {state.linear_total} linear layers"))
    estimate = format_estimate(progress.expected, progress.seconds, state.eta_s)
    if progress.live and estimate:
        facts.append(("estimate", estimate))
    if state.reason:
        facts.append(("reason", state.reason))
    return [_fact(name, value) for name, value in facts]


def _fact(name: str, value: str) -> Text:
    return Text(f"{name:<10}{escaping.line(value)}", overflow="fold")


def sparkline(values: Sequence[float], cells: int) -> str:
    """A curve one line high; several values that fall on one cell are averaged."""
    cells = max(1, min(cells, len(values)))
    bounds = [len(values) * at // cells for at in range(cells + 1)]
    means = [sum(values[start:stop]) / (stop - start) for start, stop in pairwise(bounds)]
    low, high = min(means), max(means)
    scale = (len(LEVELS) - 1) / (high - low) if high > low else 0
    return "".join(LEVELS[round((mean - low) * scale)] for mean in means)

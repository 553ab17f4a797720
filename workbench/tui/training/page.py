"""The page of a run in lines: its head, the facts, what it learns hardest, the log."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rich.cells import cell_len

from storage.runs.runs import Run
from workbench import escaping
from workbench.figures import accuracy, probability
from workbench.rundir.folder import DONE, FAILED, IMPORTED, STOPPED
from workbench.rundir.hard_tweets import HardTweet
from workbench.rundir.log_format import duration, format_estimate
from workbench.tui.charts.axes import short_number
from workbench.tui.charts.chart import Line
from workbench.tui.run_progress import Points, RunProgress
from workbench.tui.training.curves import OTHERS, OWN_SIGN, OWN_TONE, OtherRun
from workbench.tui.training.gpu import GpuReading
from workbench.tui.training.plan import Plan, what_is_next
from workbench.tui.widgets.cut_text import fitted, padded
from workbench.tui.widgets.detail import share_bar

LEVELS = "▁▂▃▄▅▆▇█"
SPARKS = 10
NAME_WIDTH = 10
BAR, SHORT_BAR = 20, 10
LABEL_WIDTH = 10
GOES_ON = "goes on without this screen"
ENDED = {DONE: "is done", FAILED: "failed", STOPPED: "has stopped"}
NO_STEPS = {
    "baseline": "A baseline is fitted without steps.",
    "predict": "A run that only predicts has no steps.",
    IMPORTED: "Imported from a file, without steps.",
}
"""Why runs of these kinds have no curve."""
SPLITS = ("test", "dev", "train")
"""The tweets whose accuracy is told of, the first that there is."""


@dataclass(frozen=True)
class View:
    """All that the page of a run shows, and how wide the screen is."""

    run: Run
    progress: RunProgress
    plan: Plan
    width: int
    wide: bool
    airy: bool = True
    """Whether there is room for empty lines."""
    others: Sequence[OtherRun] = ()
    gpu: GpuReading | None = None
    busy: Sequence[int] = ()
    """How busy the GPU was at the last looks."""
    labels_now: dict[int, str | None] | None = None
    """The present labels of the tweets that it learns hardest, by number, of this workspace."""


def sides(left: Line, right: Line, width: int) -> Line:
    """One line with something at both ends; what is at the left is cut where they would meet."""
    room = max(0, width - _cells(right))
    kept: Line = []
    for text, tone in left:
        text = fitted(text, room)
        room -= cell_len(text)
        kept.append((text, tone))
    return [*kept, (" " * room, ""), *right]


def _cells(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


def rule(width: int) -> Line:
    """A thin line with a column of air at both ends."""
    return [(" " + "─" * max(0, width - 2) + " ", "dim")]


# The head.


def head(view: View) -> list[Line]:
    """What run it is, and how far it is, above a rule."""
    about = f" run {view.run.id} · {escaping.line(view.run.recipe)}"
    if view.run.base:
        about += f" on {escaping.line(PurePath(view.run.base).name or view.run.base)}"
    if tweets := view.progress.data.get("train"):
        about += f" · {tweets:,.0f} tweets"
    line = sides([(about, "bold")], [(f"  {_how_far(view)} ", "")], view.width)
    lines = [line, rule(view.width)]
    return [[("", "")], *lines] if view.airy else lines


def _how_far(view: View) -> str:
    state, seconds = view.progress.state, view.progress.seconds
    gone = "" if seconds is None else duration(seconds)
    at = state.started
    began = f"started {time.strftime('%H:%M', time.localtime(at))}" if at and view.wide else ""
    if not view.progress.live:
        took = f"{state.state} {'in' if state.state == DONE else 'after'} {gone}"
        return "   ".join(filter(None, (took if gone else state.state, began)))
    done, total = view.progress.scored or (state.step, state.steps)
    bar = (
        f"{share_bar(done / total, BAR if view.wide else SHORT_BAR)} {done}/{total}"
        if total
        else ""
    )
    phase = (state.phase or state.state) if view.wide or not bar else ""
    phase = phase.split(" of ")[0].rstrip("0123456789, ") if bar else phase
    left = f"{duration(state.eta_s)} left" if state.eta_s else f"{gone} so far" if gone else ""
    parts = filter(None, (escaping.line(phase), bar, left, began))
    return ("   " if view.wide else " · ").join(parts)


# The titles of the charts.


def loss_title(view: View) -> Line:
    """What the first chart shows, and whose curves there are."""
    points = view.progress.courses.loss
    title: Line = [("LOSS per step" if view.wide else "LOSS", "bold")]
    if points and not view.others:
        ends = [_short(points[0][1])] + ([_short(points[-1][1])] if len(points) > 1 else [])
        title.append((f"  {' → '.join(ends)}", ""))
    if view.progress.cut:
        title.append((f"  from step {points[0][0]:,.0f} on" if points else "  of the end", "dim"))
    return [*title, *_legend(view)]


def dev_title(view: View) -> Line:
    """What the second chart shows."""
    every = view.plan.save_steps
    title: Line = [("DEV ACCURACY", "bold")]
    if n := view.progress.dev.get("n", view.progress.data.get("dev")):
        title.append((f"  {n:,.0f} tweets", "dim"))
    if every and view.wide:
        once = 0 < view.progress.state.steps <= every
        title.append((" at the last step" if once else f" every {every} steps", "dim"))
    return title


def _legend(view: View) -> Line:
    if not view.others:
        return []
    named: Line = [(f"  {OWN_SIGN} run {view.run.id}", OWN_TONE)]
    for other, (sign, tone) in zip(view.others, OTHERS, strict=False):
        named.append((f"  {sign} run {other.id}", tone))
    return named


def no_chart(view: View) -> str:
    """Why there is no curve yet, or ever."""
    if view.run.kind in NO_STEPS:
        return NO_STEPS[view.run.kind]
    if view.progress.live:
        return "The curve begins with the first steps."
    return "It has no steps to show."


def no_dev_chart(view: View) -> str:
    """Why there is no accuracy on dev tweets."""
    if view.progress.data.get("dev") == 0:
        return "This run has no dev tweets."
    if view.run.kind in NO_STEPS:
        return "Without steps there is no curve of it."
    first = view.plan.first_look(view.progress.state.steps)
    return f"The first is at step {first}." if view.progress.live else ""


def _short(value: float) -> str:
    digits = 2 if abs(value) < 10 else 1
    return short_number(value, digits)


# The facts.


def facts(view: View, height: int) -> list[Line]:
    """Speed, memory, 4-bit layers and what is next: a line each, or together where it is narrow."""
    if view.wide:
        pairs = [(name, text) for name, text in _facts(view) if text]
        return [[(f" {name:<{NAME_WIDTH}}", "dim"), (text, "")] for name, text in pairs][:height]
    told = dict(_facts(view))
    first = [told[name] for name in ("speed", "memory", "4-bit") if told.get(name)]
    second = [f"{name} {told[name]}" for name in ("estimate", "next") if told.get(name)]
    lines = (" · ".join(first), " · ".join(second))
    return [[(f" {line}", "")] for line in lines if line][:height]


def _facts(view: View) -> Iterator[tuple[str, str]]:
    progress, state = view.progress, view.progress.state
    yield "speed", "   ".join(filter(None, (_speed(view), _rate(progress))))
    yield "memory", _memory(view)
    if state.linear_total:
        layers = f"{state.linear4bit} of {state.linear_total}"
        yield "4-bit", f"{layers} layers" if view.wide else f"4-bit {layers.replace(' of ', '/')}"
    estimate = format_estimate(progress.expected, progress.seconds, state.eta_s)
    yield "estimate", estimate if progress.live else ""
    yield "next", what_is_next(progress, view.plan)


def _speed(view: View) -> str:
    speed = view.progress.step.get("tweets_per_s")
    if speed is None:
        return ""
    sparks = sparkline([value for _, value in view.progress.courses.speed][-SPARKS:])
    return "  ".join(filter(None, (f"{speed:,.{0 if speed >= 100 else 1}f} tweets/s", sparks)))


def _rate(progress: RunProgress) -> str:
    rate = progress.step.get("learning_rate")
    return "" if rate is None else f"lr {rate:.1e} {direction(progress.courses.rate)}"


def direction(points: Points) -> str:
    """Where a figure goes, by its last two points."""
    if len(points) < 2 or points[-1][1] == points[-2][1]:
        return "→"
    return "↗" if points[-1][1] > points[-2][1] else "↘"


def _memory(view: View) -> str:
    if (gpu := view.gpu) is not None:
        bar = share_bar(gpu.used_gib / gpu.total_gib if gpu.total_gib else 0.0, SHORT_BAR)
        used = f"{gpu.used_gib:.1f} of {gpu.total_gib:.0f} GiB"
        if not view.wide:
            return f"{gpu.name} {used.replace(' of ', '/')} {gpu.busy} %"
        busy = sparkline(view.busy[-SPARKS:], most=100)
        return f"{used} {bar}  {gpu.name} {gpu.busy} % busy  {busy}"
    used_gib = view.progress.step.get("memory_gib")
    return "" if used_gib is None else f"{used_gib:.1f} GiB at most"


def sparkline(values: Sequence[float], most: float = 0.0) -> str:
    """A value a cell, as high as its share of the highest, or of `most` where that is given."""
    top = most or max(values, default=0.0)
    if top <= 0:
        return ""
    last = len(LEVELS) - 1
    return "".join(LEVELS[max(0, min(last, round(value / top * last)))] for value in values)


# What it learns hardest.


def hardest(view: View, width: int, height: int) -> list[Line]:
    """The tweets whose given label it has found least probable, in so many lines."""
    title: Line = [("WHAT IT LEARNS HARDEST", "bold"), ("   p of the given label", "dim")]
    tweets = view.progress.hardest[: max(0, height - 1)]
    if tweets:
        return [title, *(_hard_line(view, tweet, width) for tweet in tweets)]
    if view.progress.live and view.plan.save_steps:
        known = view.plan.first_look(view.progress.state.steps)
        return [title, [(f"Known at step {known}.", "dim")]]
    return [title, [("This run has not noted it.", "dim")]]


def _hard_line(view: View, tweet: HardTweet, width: int) -> Line:
    label = escaping.line(tweet.label)
    sign, tone, number = " ", "", ""
    if view.labels_now is not None and tweet.id in view.labels_now:
        number = f"#{tweet.id}"
        if view.labels_now[tweet.id] != tweet.label:
            sign, tone = "✓", "good"
    label = padded(label, LABEL_WIDTH)
    start = f"{number:<7} {probability(tweet.probability):>3}  {sign} {label}  "
    text = fitted(escaping.line(tweet.text), max(4, width - cell_len(start) - 1))
    return [(start, tone), (text, "")]


# The log, and how it stands.


def log(view: View, height: int) -> list[Line]:
    """Why the run ended, where the status has no room for it, and the end of the log."""
    title: Line = [(" LOG", "bold")] if view.wide else []
    why = [] if view.progress.live else textwrap.wrap(_ending(view), max(20, view.width - 3))
    above: list[Line] = [[(f" {text}", "differs")] for text in (why if len(why) > 1 else [])]
    above += [title] if title else []
    rows = max(1, height - len(above))
    news = view.progress.news[first_line(len(view.progress.news), rows) :]
    return [*above, *([(f" {fitted(escaping.line(text), view.width - 2)}", "")] for text in news)]


def first_line(lines: int, rows: int) -> int:
    """The first line that is shown of so many: steps of half the room, so that few are sent."""
    half = max(1, rows // 2)
    return 0 if lines <= rows else -(-(lines - rows) // half) * half


def status(view: View) -> Line:
    """How the run stands, in a sentence, and where it would go on from."""
    state = view.progress.state.state
    text = f"run {view.run.id} {GOES_ON}" if view.progress.live else _ending(view)
    saved = view.progress.saved if state != DONE else None
    right: Line = [(f"  saved at step {saved} ", "dim")] if saved else [(" ", "")]
    return sides([(f" ▸ {text}", "differs" if state == FAILED else "")], right, view.width)


def _ending(view: View) -> str:
    """How a run ended, in a sentence."""
    state, metrics = view.progress.state, view.run.metrics or {}
    said = f"run {view.run.id} {ENDED.get(state.state, state.state)}"
    split = next((split for split in SPLITS if split in metrics), None)
    if state.state == DONE and split is not None:
        return f"{said}: accuracy {accuracy(metrics[split], split)}"
    return f"{said}: {escaping.line(state.reason)}" if state.reason else said

"""The log of a run as lines for people, in columns that stay where they are."""

from __future__ import annotations

import math
import time
from typing import Any

from storage.plurals import counted
from workbench.figures import percent, probability
from workbench.rundir.expected_time import ExpectedTime
from workbench.rundir.folder import LIVE, State
from workbench.rundir.hard_tweets import hardest_tweets

NAMED = 4
"""Tweets that a line of the log names."""
MOST_DEVIATION = 0.2
"""How far an estimate may be off and still be called right."""


def format_event(values: dict[str, Any]) -> str:
    """An event of the log as a line: the time, and what happened then."""
    at, event = values.get("at"), values.get("event", "")
    clock = time.strftime("%H:%M:%S", time.localtime(at)) if isinstance(at, int | float) else ""
    text = FORMATS[event](values) if event in FORMATS else _format_other(values)
    return f"{clock:<8}  {text}".rstrip()


def format_status(state: State, so_far: float | None = None, expected: str = "") -> str:
    """How a run ended; of one that goes on its progress, its elapsed and its expected time."""
    after = f" after {duration(state.seconds)}" if state.seconds is not None else ""
    if state.state not in LIVE:
        return f"{state.state}{after}" + (f": {state.reason}" if state.reason else "")
    steps = f", step {state.step} of {state.steps}" if state.steps else ""
    left = f", about {duration(state.eta_s)} left" if state.eta_s else ""
    phase = f", {state.phase}" if state.phase else ""
    gone = "" if so_far is None else f", {duration(so_far)} so far"
    estimate = f", estimate: {expected}" if expected else ""
    return f"{state.state}{phase}{steps}{gone}{left}{estimate}"


def format_estimate(
    expected: ExpectedTime, so_far: float | None = None, left: float | None = None
) -> str:
    """What a run is expected to take, empty where nothing was estimated.

    After the first steps it is the time that has passed and the time that they say is left.
    """
    if expected.estimate is None:
        return ""
    before = duration(expected.estimate.seconds)
    if expected.revised is None:
        return f"about {before} in all ({expected.estimate.source})"
    seconds = expected.revised if so_far is None or left is None else so_far + left
    return f"about {duration(seconds)} in all by its steps, {before} before"


def duration(seconds: float) -> str:
    """Seconds as 0:45, 12:03 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _format_step(values: dict[str, Any]) -> str:
    step, steps = values.get("step", 0), values.get("steps", 0)
    parts = [f"{_progress('step', step, steps)}  loss {_number(values, 'loss'):>6.4f}"]
    if "learning_rate" in values:
        parts.append(f"lr {_number(values, 'learning_rate'):.2e}")
    if "tweets_per_s" in values:
        parts.append(f"{_number(values, 'tweets_per_s'):>7,.1f} tweets/s")
    left = (steps - step) * _number(values, "step_s")
    if "eta_s" in values:  # which counts what follows the last step; null until it is known
        left = _number(values, "eta_s")
    if steps > step and math.isfinite(left):
        parts.append(f"eta {duration(left)}")
    elif steps > step and values.get("eta_s", left) is None:
        parts.append("eta …")
    return "  ".join(parts)


def _format_dev(values: dict[str, Any]) -> str:
    loss = f"loss {_number(values, 'loss'):>6.4f}  " if "loss" in values else ""
    best = "  lowest loss so far" if values.get("best_step") == values.get("step", 0) else ""
    return (
        f"{_progress('dev', values.get('step', 0), values.get('steps', 0))}  {loss}"
        f"accuracy {percent(_number(values, 'accuracy'))} "
        f"on {counted(values.get('n', 0), 'dev tweet')}{best}"
    )


def _format_scored(values: dict[str, Any]) -> str:
    done, total = values.get("done", 0), values.get("total", 0)
    rate = _number(values, "tweets_per_s")
    eta = f"  eta {duration((total - done) / rate)}" if rate and done < total else ""
    return f"{_progress('scored', done, total)}  {rate:>7,.1f} tweets/s{eta}"


def _format_estimate_event(values: dict[str, Any]) -> str:
    seconds, before = _number(values, "seconds"), _number(values, "before")
    if not math.isfinite(seconds):
        return _format_other(values)
    if not math.isfinite(before):
        return f"estimate: about {duration(seconds)} in all ({values.get('source', '')})"
    holds = abs(seconds - before) <= MOST_DEVIATION * before
    said = f"as estimated ({duration(before)})" if holds else f"not {duration(before)}"
    return f"estimate after step {values.get('step', 0)}: about {duration(seconds)} in all, {said}"


def _progress(what: str, done: int, total: int) -> str:
    """`step 5/80` with room for both numbers, so that the next column does not move."""
    width = len(str(total or done))
    place = f"{done:>{width}}/{total}" if total else f"{done}"
    return f"{what:<6} {place}"


def _format_other(values: dict[str, Any]) -> str:
    """An event of another version of the program: its values as they are."""
    rest = (
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
        if name not in ("at", "event") and not isinstance(value, dict | list)
    )
    return "  ".join([str(values.get("event", "")), *rest])


def _number(values: dict[str, Any], name: str) -> float:
    value = values.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _format_data(values: dict[str, Any]) -> str:
    train, dev = (counted(values.get(name, 0), f"{name} tweet") for name in ("train", "dev"))
    share = _number(values, "majority")
    most = f", {percent(share)} of them of one label" if math.isfinite(share) else ""
    return f"{train}, {dev}{most}"


def _format_hardest(values: dict[str, Any]) -> str:
    named = [
        f"#{tweet.id} {probability(tweet.probability)}" for tweet in hardest_tweets(values)[:NAMED]
    ]
    return f"hardest so far, by p of the given label: {', '.join(named)}" if named else ""


FORMATS = {
    "phase": lambda values: str(values.get("phase", "")),
    "note": lambda values: str(values.get("text", "")),
    "step": _format_step,
    "dev": _format_dev,
    "scored": _format_scored,
    "estimate": _format_estimate_event,
    "data": _format_data,
    "hardest": _format_hardest,
}
"""The functions that format the events of a log, by name."""

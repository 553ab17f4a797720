"""The command that says which tweets to label next: queue."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import UsageError
from storage.query import tweets
from storage.store import Store
from workbench import figures
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import spinner

STRATEGIES = (
    "mix",
    "diverse",
    "margin",
    "least-confidence",
    "entropy",
    "disagreement",
    "forgotten",
    "novel",
    "random",
    "cover",
)


@click.command("queue")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="mix",
    show_default=True,
    help="How to choose.",
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--run", type=int, help="Whose predictions to use (otherwise the strongest run's).")
@click.option("--weights", metavar="SOURCE=N,…", help="The shares of a mix.")
@click.option(
    "--blind",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="The share whose predictions are hidden until they have a label.",
)
@click.option("--kept", is_flag=True, help="Show the queue as it was made last.")
@click.option("--stop", is_flag=True, help="Only say whether labelling more is worth it.")
@click.option("--wrap", is_flag=True, help="Show whole texts, on as many lines as they take.")
@common_options
@click.pass_obj
def show_queue(
    settings: Settings,
    strategy: str,
    limit: int,
    run: int | None,
    weights: str | None,
    blind: float,
    kept: bool,
    stop: bool,
    wrap: bool,
) -> None:
    """Say which tweets to label next: those that teach a model most, and some beside them.

    A mix is 70 % `diverse` (unsure and unlike each other), 15 % `suspects` and 15 % `random`, whose
    labels alone tell the accuracy on all tweets. `label ID LABEL --queue mix` keeps with a label
    where it came from.

    Example: workbench queue

    Example: workbench queue --strategy margin --limit 50

    Example: workbench queue --weights diverse=50,forgotten=30,random=20
    """
    from workbench.evaluation.label_next import MIX, kept_queue, make_queue
    from workbench.evaluation.stopping import stop_signal
    from workbench.runs.collecting import collect

    shares = MIX if weights is None else _weights(weights, strategy)
    with settings.store() as store, spinner("choosing"):
        collect(store)
        signal = stop_signal(store)
        if not stop:
            if kept:
                queue = kept_queue(store, strategy, limit)
            else:
                queue = make_queue(store, strategy, limit, run, shares, blind)
            rows = _rows(store, queue)
    if stop:
        print_json(signal) if settings.as_json else say(signal["sentence"])
        return
    if settings.as_json:
        print_json(rows)
    else:
        _print(rows, wrap)
    by = "" if queue.run is None else f" By run {queue.run}."
    for sentence in (
        f"{_told(rows, queue.pool)}.{by} `workbench label ID LABEL --queue {strategy}` labels one.",
        *queue.notes,
        signal["sentence"],
    ):
        say(sentence, err=settings.as_json)


def _told(rows: list[dict[str, Any]], pool: int) -> str:
    """How many of the tweets without a label these are, and how many have one."""
    fresh = sum(row["label"] is None for row in rows)
    first = f"{fresh:,} of {pool:,} without a label" if pool else "No tweet is without a label"
    again = len(rows) - fresh
    return f"{first}; {again:,} to look at again" if again else first


def _weights(text: str, strategy: str) -> dict[str, float]:
    """The shares of a mix as they were typed; raises UsageError."""
    known = [*(name for name in STRATEGIES if name != "mix"), "suspects"]
    found: dict[str, float] = {}
    if strategy != "mix":
        raise UsageError("--weights are those of a mix; leave --strategy out.")
    for part in text.split(","):
        name, _, share = part.strip().partition("=")
        if name not in known or not share.isdecimal() or len(share) > 6:
            raise UsageError(
                f"{part.strip()!r} is not a share of a mix: write a source and a whole number, "
                f"such as diverse=70 (sources: {', '.join(known)})."
            )
        found[name] = float(share)
    if not sum(found.values()):
        raise UsageError("The shares of a mix are all 0; give one of them more.")
    return found


def _rows(store: Store, queue: Any) -> list[dict[str, Any]]:
    """The tweets of a queue as JSON; the prediction of a blind one is left out."""
    shown = tweets.window(store, [one.tweet for one in queue.tweets], queue.run, characters=None)
    rows = []
    for rank, (tweet, one) in enumerate(zip(shown, queue.tweets, strict=True), start=1):
        hidden = {"pred": None, "confidence": None} if one.blind else {}
        place = {"rank": rank, "score": one.score, "source": one.source, "blind": one.blind}
        rows.append(tweet.as_json() | hidden | place)
    return rows


def _print(rows: list[dict[str, Any]], wrap: bool) -> None:
    table(
        None,
        (">rank", ">id", "label", "pred", ">conf", ">score", "source", "text"),
        (
            (
                row["rank"],
                row["id"],
                row["label"],
                "(blind)" if row["blind"] else row["pred"],
                figures.probability(row["confidence"]),
                figures.score(row["score"]),
                row["source"],
                row["text"],
            )
            for row in rows
        ),
        wrap,
    )


COMMANDS = (show_queue,)

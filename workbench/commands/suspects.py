"""The command that ranks the labels that are most likely wrong: suspects."""

from __future__ import annotations

from typing import Any

import click

from storage.errors import MissingPrerequisite
from storage.history import decisions
from storage.query import tweets
from workbench import figures
from workbench.commands.baseline_on_demand import make_baseline
from workbench.console.options import Settings, common_options
from workbench.console.printing import print_json, say, table
from workbench.console.progress import progress_bar, spinner


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--run", type=int, help="Rank by this run alone (otherwise by all that there is).")
@click.option("--all", "with_decided", is_flag=True, help="Also those that are decided already.")
@click.option(
    "--baseline/--no-baseline", "makes", default=True, help="Make a baseline if nothing can vote."
)
@click.option("--why/--no-why", default=True, help="The reasons on a line below each text.")
@click.option("--wrap", is_flag=True, help="Show whole texts, on as many lines as they take.")
@common_options
@click.pass_obj
def suspects(
    settings: Settings,
    limit: int,
    run: int | None,
    with_decided: bool,
    makes: bool,
    why: bool,
    wrap: bool,
) -> None:
    """Rank the labels that are most likely wrong, by votes of what did not learn from them.

    The promoted run votes, or the newest baseline, which is made where there is none, with other
    runs, similar texts and embeddings where a run keeps some. A tweet that somebody has decided
    about (given or kept its label, or marked it as ambiguous or excluded) is left out until its
    label changes or another run does the ranking.

    Example: workbench suspects --limit 50
    """
    from workbench.evaluation.review_precision import review_precision
    from workbench.evaluation.suspect_reasons import suspect_reasons
    from workbench.runs.collecting import collect
    from workbench.runs.ranking import rank

    with settings.store() as store:
        with spinner("reading what runs produced"):
            collect(store, ranks=False)  # which follows, and is to be seen
        try:
            with progress_bar("ranking") as progress:
                found = rank(store, run, progress)
        except MissingPrerequisite as error:
            if not makes or run is not None or error.lacks != "baseline" or store.read_only:
                raise
            make_baseline(settings, store)
            with progress_bar("ranking") as progress:
                found = rank(store, None, progress)
        done = decisions.decided(store, found.run)
        left = [place for place in found.tweets if place.tweet not in done]
        listed = (found.tweets if with_decided else left)[:limit]
        ids = [place.tweet for place in listed]
        answers = decisions.describe(store, ids, found.run)
        reasons = suspect_reasons(store, ids, found.details)
        shown = tweets.window(store, ids, found.run, characters=None)
        precision = review_precision(store)
    rows = [
        tweet.as_json()
        | {
            "rank": rank,
            "score": place.score,
            "source": place.source,
            "decided": answers.get(tweet.id),
            "precision": precision,
        }
        | (reasons[tweet.id].as_json() if tweet.id in reasons else {})
        for rank, (tweet, place) in enumerate(zip(shown, listed, strict=True), start=1)
    ]
    if settings.as_json:
        print_json(rows)
        return
    _print(rows, with_decided, why, wrap)
    answered = len(found.tweets) - len(left)
    hidden = " (--all shows them)" if answered and not with_decided else ""
    say(
        f"By {', '.join(found.voters)}. {len(left):,} left, {answered:,} decided{hidden}. "
        f"{precision['sentence']} `workbench label ID LABEL --queue suspects` corrects one."
    )


def _print(rows: list[dict[str, Any]], with_decided: bool, why: bool, wrap: bool) -> None:
    """Each suspect, and below its text the reasons, as far as they were kept."""
    headings = [">rank", ">id", "label", "pred", ">conf", ">score"]
    headings += ["decided", "text"] if with_decided else ["text"]
    cells: list[list[object]] = []
    for row in rows:
        cells.append(
            [
                row["rank"],
                row["id"],
                row["label"],
                row["pred"],
                figures.probability(row["confidence"]),
                figures.score(row["score"]),
                *([row["decided"] or ""] if with_decided else []),
                row["text"],
            ]
        )
        if why and "reason" in row:
            cells.append([""] * (len(headings) - 1) + [row["reason"]])
    table(None, headings, cells, wrap)


COMMANDS = (suspects,)

"""What the screen of the queue shows, read from the store and put into words."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len

from storage.plurals import ordinal
from storage.store import Store
from workbench.evaluation.suspect_reasons import suspect_reasons
from workbench.runs.description import describe_recipe
from workbench.tui.reviewing import progress, queue_text
from workbench.tui.reviewing.progress import Answer, Pace
from workbench.tui.reviewing.reasons import Reasons
from workbench.tui.reviewing.sources import ReviewQueue
from workbench.tui.widgets import detail
from workbench.tui.widgets.queue_card import WIDE, QueueHead, QueueTweet

STRIP_CELLS, LEAST_STRIP_CELLS = 34, 10
PLACE_CELLS, BRIEF_PLACE_CELLS = 50, 28
"""The room for how far a queue is and how long it takes, so that its strip keeps its length."""


def read_tweet(
    store: Store, queue: ReviewQueue, reasons: Reasons, number: int, blind: bool, waits: bool
) -> QueueTweet | None:
    """A tweet of the queue with all that is known of it; None for one that has been taken out."""
    if (details := detail.read_details(store, number, queue.run)) is None:
        return None
    by = reasons.run
    return QueueTweet(
        details,
        queue_text.given_by(details),
        queue_text.people(details),
        queue_text.twins(store, details),
        reasons.of(number),
        "" if by is None else f"r{by.id} {describe_recipe(by.kind, by.recipe)}",
        suspect_reasons(store, [number], queue.kept).get(number),
        blind,
        waits,
        store.config.labels,
    )


def head(
    queue: ReviewQueue,
    answers: Mapping[int, Answer],
    pace: Pace,
    at: int,
    at_end: bool,
    width: int,
) -> QueueHead:
    """The line above the tweet: what the queue is, how far it is and how long it takes."""
    title, brief_title = queue_text.titles(queue)
    if not (ids := queue.ids):
        return QueueHead(title, brief_title)
    wide = width >= WIDE
    room = width - cell_len(title if wide else brief_title)
    room = max(LEAST_STRIP_CELLS, room - (PLACE_CELLS if wide else BRIEF_PLACE_CELLS))
    cells = min(len(ids), room, STRIP_CELLS if wide else STRIP_CELLS // 2)
    total = f"{len(ids):,}"
    place = f"{len(ids) if at_end else at + 1:>{len(total)},} of {total}"  # or the strip moved
    rest = pace.words(len(ids) - len(answers), brief=not wide)
    place = " · ".join(filter(None, (place, rest)))
    return QueueHead(title, brief_title, progress.strip(ids, answers, at, cells), place)


def summary(queue: ReviewQueue, answers: Mapping[int, Answer], width: int) -> str:
    """How many are left, how the others were answered, and whether blind answers agree."""
    if not queue.ids:
        return ""
    left = len(queue.ids) - len(answers)
    parts = [f" {left:,} left of {len(queue.ids):,}", progress.summary(answers)]
    agreed, blind = progress.blind_agreement(queue, answers)
    if queue.blind and width < WIDE:
        told = f"{agreed} of {blind} agreed" if blind else f"1 in {queue.blind_every}"
        parts.append(f"blind: {told}")
    elif queue.blind:
        told = f": {agreed} of {blind} agreed" if blind else ""
        parts.append(f"every {ordinal(queue.blind_every)} is blind{told}")
    return "   ".join(filter(None, parts))

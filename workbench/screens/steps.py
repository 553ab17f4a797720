"""What the editing keys do to tweets; each is one undo step, and runs in any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage import labels
from storage.errors import UserError
from storage.events import Progress, Shown
from storage.store import Store
from storage.tweets import Tweet, window

MARKS = {"excluded": "excluded from training", "review": "flagged", "ambiguous": "ambiguous"}
WINDOW = 500


@dataclass(frozen=True)
class Done:
    """The tweets that a step touched, and what to tell the user."""

    tweets: Sequence[int]
    said: str = ""


def read(store: Store, ids: Sequence[int], run: int | None) -> Iterator[Tweet]:
    """The tweets with these ids, without their texts."""
    for at in range(0, len(ids), WINDOW):
        yield from window(store, ids[at : at + WINDOW], run, characters=0)


def label(
    store: Store,
    targets: Iterable[Tweet],
    choose: Callable[[Tweet], str | None],
    missing: str | None,
    shown: Shown,
    progress: Progress | None = None,
) -> Done:
    """Give each tweet the label chosen for it; raises UserError(missing) where there is none."""
    wanted: dict[int, str | None] = {}
    before: str | None = None
    for tweet in targets:
        wanted[tweet.id], before = choose(tweet), tweet.label
    if missing and None in wanted.values():
        raise UserError(missing)
    labels.assign_each(store, wanted, shown, progress)
    if len(wanted) <= 1:
        return Done(list(wanted), "".join(_said(at, before, now) for at, now in wanted.items()))
    counted = ", ".join(
        f"{count:,} {label or 'none'}" for label, count in Counter(wanted.values()).items()
    )
    return Done(list(wanted), f"Labelled {which(wanted)}: {counted} (undone in one step).")


def _said(number: int, before: str | None, now: str | None) -> str:
    what = f"kept {now}" if before == now else f"{before or 'none'} → {now or 'none'}"
    return f"Tweet {number}: {what}."


def flag(
    store: Store,
    targets: Iterable[Tweet],
    mark: str,
    shown: Shown,
    progress: Progress | None = None,
) -> Done:
    """Set a mark, or take it away where all have it."""
    states = {tweet.id: getattr(tweet, mark) for tweet in targets}
    if not states:
        return Done([])
    on = not all(states.values())
    labels.mark(store, states, mark, on, shown, progress)
    return Done(list(states), f"{which(states)} {'' if on else 'no longer '}{MARKS[mark]}.")


def which(ids: Iterable[int]) -> str:
    """Tweets by number or by how many they are."""
    ids = list(ids)
    return f"tweet {ids[0]}" if len(ids) == 1 else f"{len(ids):,} tweets"

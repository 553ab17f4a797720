"""What the editing keys do to tweets; each is one undo step, and runs in any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from storage import labels
from storage.errors import UserError
from storage.events import Progress, Shown
from storage.labels import Change
from storage.overtaken import latest
from storage.store import Store
from storage.tweets import Tweet, window
from workbench.screens.overtaken import ago
from workbench.screens.overtaken import change as what_was_done

MARKS = {"excluded": "excluded from training", "review": "flagged", "ambiguous": "ambiguous"}
WINDOW = 500


@dataclass(frozen=True)
class Done:
    """What a step has become, and what to tell the user."""

    action: int
    said: str = ""


@dataclass(frozen=True)
class Targets:
    """The tweets that a key is about."""

    ids: Sequence[int]
    shown: Sequence[Tweet] | None
    """As they are on the screen; None if some of them are not on it."""
    run: int | None

    def read(self, store: Store, field: str, own: Collection[int]) -> Iterator[Tweet]:
        """As they are shown, or as one of our `own` actions has left that field of them since."""
        if self.shown is None:
            yield from _read(store, self.ids, self.run)
        elif not own:
            yield from self.shown
        else:
            now = {tweet.id: tweet for tweet in _read(store, self.ids, self.run)}
            for tweet in self.shown:
                newest = latest(store, [tweet.id], field)
                ours = newest is not None and newest.action in own
                yield now.get(tweet.id, tweet) if ours else tweet


def _read(store: Store, ids: Sequence[int], run: int | None) -> Iterator[Tweet]:
    """The tweets with these ids, without their texts."""
    for at in range(0, len(ids), WINDOW):
        yield from window(store, ids[at : at + WINDOW], run, characters=0)


def label(
    store: Store,
    targets: Targets,
    own: Collection[int],
    choose: Callable[[Tweet], str | None],
    missing: str | None,
    shown: Shown,
    progress: Progress | None = None,
) -> Done:
    """Give each tweet the label chosen for it; raises UserError(missing) where there is none.

    Raises Overtaken where the label of a target is no longer the tweet's, as do all steps.
    """
    wanted: dict[int, str | None] = {}
    seen: dict[int, str | None] = {}
    for tweet in targets.read(store, "label", own):
        wanted[tweet.id], seen[tweet.id] = choose(tweet), tweet.label
    if missing and None in wanted.values():
        raise UserError(missing)
    action = labels.assign_each(store, wanted, shown, progress, seen).action
    if len(wanted) <= 1:
        return Done(action, "".join(_said(at, seen[at], now) for at, now in wanted.items()))
    counted = ", ".join(
        f"{count:,} {label or 'none'}" for label, count in Counter(wanted.values()).items()
    )
    return Done(action, f"Labelled {which(wanted)}: {counted} (undone in one step).")


def _said(number: int, before: str | None, now: str | None) -> str:
    what = f"kept {now}" if before == now else f"{before or 'none'} → {now or 'none'}"
    return f"Tweet {number}: {what}."


def flag(
    store: Store,
    targets: Targets,
    own: Collection[int],
    mark: str,
    shown: Shown,
    progress: Progress | None = None,
) -> Done:
    """Set a mark, or take it away where all have it."""
    states = {tweet.id: getattr(tweet, mark) for tweet in targets.read(store, mark, own)}
    if not states:
        return Done(0)
    on = not all(states.values())
    action = labels.mark(store, states, mark, on, shown, progress, states).action
    return Done(action, f"{which(states)} {'' if on else 'no longer '}{MARKS[mark]}.")


def note(store: Store, targets: Targets, own: Collection[int], text: str, shown: Shown) -> Done:
    """Write a note on the first of them, or take it away."""
    tweet = next(targets.read(store, "note", own))
    action = labels.annotate(store, tweet.id, text, shown, {tweet.id: tweet.note}).action
    return Done(action, f"Tweet {tweet.id}: note {'saved' if text else 'removed'}.")


def turned(said: str, change: Change, listed: bool) -> str:
    """What undo or redo did, to tweets that are in the list or not, and what they left alone."""
    by = change.overtaken_by
    if by is not None and change.skipped == 1 and not change.tweets:
        return f"Tweet {by.tweet} is left alone: {what_was_done(by)}."
    text = f"{said}: {which(change.tweets)}{'' if listed else ', not in this list'}"
    if change.skipped:
        who = f", last by annotator {by.annotator} {ago(by.at)}" if by else ""
        text += f"; {change.skipped:,} left alone, as somebody changed them since{who}"
    return f"{text}."


def which(ids: Iterable[int]) -> str:
    """Tweets by number or by how many they are."""
    ids = list(ids)
    return f"tweet {ids[0]}" if len(ids) == 1 else f"{len(ids):,} tweets"

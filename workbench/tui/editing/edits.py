"""What the editing keys do to tweets; each is one undo step, and runs in any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import UserError
from storage.history import labels
from storage.history.edit_conflicts import latest
from storage.history.events import Progress, Shown
from storage.history.labels import Change
from storage.query.tweets import states
from storage.store import Store
from storage.tweet import State, Tweet
from workbench.tui.editing import wording
from workbench.tui.editing.refusals import ago
from workbench.tui.editing.refusals import change as what_was_done
from workbench.tui.editing.wording import Kind

ON_SCREEN = 20
"""Tweets that a key changes without a question, if all of them are on the screen."""
Choice = Callable[[Tweet | State], str | None]


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

    @property
    def many(self) -> bool:
        """Whether a change of them has to be asked for first."""
        return self.shown is None or len(self.ids) > ON_SCREEN

    def read(self, store: Store, field: str, own: Collection[int]) -> Iterator[Tweet | State]:
        """As they are on the screen, or as one of our `own` actions has left them since.

        Many are read: the question tells what they are.
        """
        if self.shown is None or self.many:
            yield from states(store, self.ids, self.run)
        elif not own:
            yield from self.shown
        else:
            now = {state.id: state for state in states(store, self.ids, self.run)}
            for tweet in self.shown:
                newest = latest(store, [tweet.id], field)
                ours = newest is not None and newest.action in own
                yield now.get(tweet.id, tweet) if ours else tweet


@dataclass(frozen=True)
class Plan:
    """What a field of tweets is to become, and what it was when that was planned."""

    field: str
    wanted: Mapping[int, Any]
    seen: Mapping[int, Any]

    @property
    def changes(self) -> Counter[Kind]:
        """How many tweets become what."""
        field, seen = self.field, self.seen
        return Counter((field, seen[number], new) for number, new in self.wanted.items())


def label(
    store: Store,
    targets: Targets,
    own: Collection[int],
    choose: Choice,
    missing: str | None,
) -> Plan:
    """Plan the label chosen for each tweet; raises UserError(missing) where there is none."""
    wanted: dict[int, str | None] = {}
    seen: dict[int, str | None] = {}
    for tweet in targets.read(store, "label", own):
        wanted[tweet.id], seen[tweet.id] = choose(tweet), tweet.label
    if missing and None in wanted.values():
        raise UserError(missing)
    return Plan("label", wanted, seen)


def flag(store: Store, targets: Targets, own: Collection[int], mark: str) -> Plan:
    """Plan a mark for each tweet, or none where all have it."""
    seen = {tweet.id: bool(getattr(tweet, mark)) for tweet in targets.read(store, mark, own)}
    return Plan(mark, dict.fromkeys(seen, not all(seen.values())), seen)


def write(store: Store, plan: Plan, shown: Shown, progress: Progress | None) -> Done:
    """Do what was planned; raises Overtaken where a tweet is no longer as it was then."""
    numbers = list(plan.wanted)
    if plan.field == "label":
        action = labels.assign_each(store, plan.wanted, shown, progress, plan.seen).action
        if len(numbers) == 1:
            return Done(action, _said(numbers[0], plan))
        return Done(action, wording.labelled(plan.changes) if numbers else "")
    on = any(plan.wanted.values())
    action = labels.mark(store, numbers, plan.field, on, shown, progress, plan.seen).action
    single = numbers[0] if len(numbers) == 1 else None
    return Done(action, wording.marked(plan.changes, single) if numbers else "")


def _said(number: int, plan: Plan) -> str:
    before, now = plan.seen[number], plan.wanted[number]
    what = f"kept {now}" if before == now else f"{before or 'none'} → {now or 'none'}"
    return f"Tweet {number}: {what}."


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

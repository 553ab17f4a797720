"""Edits of tweets as one undo step each: planned, saved and described, in any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.errors import UserError
from storage.history import labels
from storage.history.edit_conflicts import latest_change
from storage.history.events import EditContext, Progress
from storage.history.labels import Change
from storage.plurals import tweet_count
from storage.query.tweets import states
from storage.store import Store
from storage.tweet import State, Tweet
from workbench.tui.editing import change_sentences
from workbench.tui.editing.change_sentences import FieldChange
from workbench.tui.editing.refusal_sentences import last_change, time_ago
from workbench.tui.widgets.detail import label_change

MAX_UNASKED = 20
"""Tweets that a key changes without a question, if all of them are on the screen."""
ChooseLabel = Callable[[Tweet | State], str | None]
"""The label that a tweet shall get."""


@dataclass(frozen=True)
class SavedEdit:
    """An edit that was saved as an action of the history, and the message about it."""

    action: int
    message: str = ""


@dataclass(frozen=True)
class Targets:
    """The tweets that a key is about."""

    ids: Sequence[int]
    shown: Sequence[Tweet] | None
    """The tweets as they are on the screen; None if some of them are not on it."""
    run: int | None

    @property
    def many(self) -> bool:
        """Whether a change of them has to be asked for first."""
        return self.shown is None or len(self.ids) > MAX_UNASKED

    def read(self, store: Store, field: str, own: Collection[int]) -> Iterator[Tweet | State]:
        """The tweets as they are on the screen, or as one of our `own` actions has left them since.

        Where they are many they are read from the store, as the question tells what they are.
        """
        if self.shown is None or self.many:
            yield from states(store, self.ids, self.run)
        elif not own:
            yield from self.shown
        else:
            now = {state.id: state for state in states(store, self.ids, self.run)}
            for tweet in self.shown:
                newest = latest_change(store, [tweet.id], field)
                ours = newest is not None and newest.action in own
                yield now.get(tweet.id, tweet) if ours else tweet


@dataclass(frozen=True)
class EditPlan:
    """The values that a field of tweets is to get, and those seen when that was planned."""

    field: str
    wanted: Mapping[int, Any]
    seen: Mapping[int, Any]

    @property
    def changes(self) -> Counter[FieldChange]:
        """How many tweets get each value instead of each other one."""
        field, seen = self.field, self.seen
        return Counter((field, seen[number], new) for number, new in self.wanted.items())


def plan_labels(
    store: Store,
    targets: Targets,
    own: Collection[int],
    choose: ChooseLabel,
    missing: str | None,
) -> EditPlan:
    """Plan the label chosen for each tweet; raises UserError(missing) where there is none."""
    wanted: dict[int, str | None] = {}
    seen: dict[int, str | None] = {}
    for tweet in targets.read(store, "label", own):
        wanted[tweet.id], seen[tweet.id] = choose(tweet), tweet.label
    if missing and None in wanted.values():
        raise UserError(missing)
    return EditPlan("label", wanted, seen)


def plan_mark(store: Store, targets: Targets, own: Collection[int], mark: str) -> EditPlan:
    """Plan a mark for each tweet, or none where all have it."""
    seen = {tweet.id: bool(getattr(tweet, mark)) for tweet in targets.read(store, mark, own)}
    return EditPlan(mark, dict.fromkeys(seen, not all(seen.values())), seen)


def save_plan(
    store: Store, plan: EditPlan, shown: EditContext, progress: Progress | None
) -> SavedEdit:
    """Save a plan; raises EditConflict where a tweet is no longer as it was when it was planned."""
    numbers = list(plan.wanted)
    if plan.field == "label":
        action = labels.assign_each(store, plan.wanted, shown, progress, plan.seen).action
        if len(numbers) == 1:
            return SavedEdit(action, _label_sentence(numbers[0], plan))
        return SavedEdit(action, change_sentences.labels_sentence(plan.changes) if numbers else "")
    on = any(plan.wanted.values())
    action = labels.mark(store, numbers, plan.field, on, shown, progress, plan.seen).action
    single = numbers[0] if len(numbers) == 1 else None
    return SavedEdit(
        action, change_sentences.marks_sentence(plan.changes, single) if numbers else ""
    )


def _label_sentence(number: int, plan: EditPlan) -> str:
    return f"Tweet {number}: {label_change(plan.seen[number], plan.wanted[number])}."


def save_note(
    store: Store, targets: Targets, own: Collection[int], text: str, shown: EditContext
) -> SavedEdit:
    """Write a note on the first of the targets, or take it away where the text is empty."""
    tweet = next(targets.read(store, "note", own))
    action = labels.annotate(store, tweet.id, text, shown, {tweet.id: tweet.note}).action
    return SavedEdit(action, f"Tweet {tweet.id}: note {'saved' if text else 'removed'}.")


def undo_sentence(done: str, change: Change, listed: bool) -> str:
    """Which tweets an undo or redo changed, and which it left alone.

    `listed` is whether one of them is in the list.
    """
    by = change.conflict
    if change.labels and not change.tweets:
        return f"{done}: {', '.join(change.labels)}."
    if by is not None and change.skipped == 1 and not change.tweets:
        return f"Tweet {by.tweet} is left alone: {last_change(by)}."
    text = f"{done}: {tweets_phrase(change.tweets)}{'' if listed else ', not in this list'}"
    if change.skipped:
        who = f", last by annotator {by.annotator} {time_ago(by.at)}" if by else ""
        what = "it" if change.skipped == 1 else "them"
        text += f"; {change.skipped:,} left alone, as somebody changed {what} since{who}"
    return f"{', '.join([text, *change.labels])}."


def tweets_phrase(ids: Iterable[int]) -> str:
    """A single tweet by its number, several by how many they are."""
    ids = list(ids)
    return f"tweet {ids[0]}" if len(ids) == 1 else tweet_count(len(ids))

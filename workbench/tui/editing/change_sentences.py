"""Changes of several tweets in words: the question before they are made, the message after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from storage.history.events import Value
from storage.history.labels import UndoPreview
from storage.plurals import tweet_count

FieldChange = tuple[str, Value, Value]
"""A field of a tweet, its old value and its new one."""
MARK_STATES = {
    "excluded": ("included", "excluded"),
    "review": ("not flagged", "flagged"),
    "ambiguous": ("not ambiguous", "ambiguous"),
}
MARKS = {"excluded": "excluded from training", "review": "flagged", "ambiguous": "ambiguous"}
MAX_CHANGES = 4


def confirm_question(changes: Mapping[FieldChange, int], looked_at: bool = True) -> str:
    """The question whether so many tweets shall change like that.

    `looked_at` is whether those that keep their label count as looked at then, as they do not once
    that is undone.
    """
    total = sum(changes.values())
    new = {(field, old, to): count for (field, old, to), count in changes.items() if old != to}
    if not new:
        longer = "" if looked_at else "no longer "
        if total == 1:
            return f"1 tweet would stay as it is, and {longer}counts as looked at. Go on?"
        return f"{total:,} tweets would stay as they are, and {longer}count as looked at. Go on?"
    ranked = sorted(new.items(), key=lambda item: (-item[1], _arrow(item[0])))
    parts = [f"{count:,} {_arrow(change)}" for change, count in ranked[:MAX_CHANGES]]
    if more := [count for _, count in ranked[MAX_CHANGES:]]:
        parts.append(f"{sum(more):,} in {len(more):,} other ways")
    if same := total - sum(new.values()):
        parts.append("1 stays as it is" if same == 1 else f"{same:,} stay as they are")
    return f"{sum(new.values()):,} of {tweet_count(total)} would change: {', '.join(parts)}. Go on?"


def undo_question(kind: str, outlook: UndoPreview) -> str:
    """The question whether the next undo or redo, named by its kind, shall be done."""
    alone = "1 is left alone, as somebody changed it since."
    if outlook.left != 1:
        alone = f"{outlook.left:,} are left alone, as somebody changed them since."
    left = f" {alone}" if outlook.left else ""
    asked = confirm_question(outlook.changes, looked_at=kind != "undo")
    return f"{kind}: {asked}{left}"


def labels_sentence(changes: Mapping[FieldChange, int]) -> str:
    """What has become of the labels of several tweets."""
    total = sum(changes.values())
    became: Counter[Value] = Counter()
    for (_, old, new), count in changes.items():
        became[new] += count * (old != new)
    became = +became
    same = total - became.total()
    tweets = f"{became.total():,} of {tweet_count(total)}" if same else tweet_count(total)
    if not became:
        had = f"{tweet_count(total)} had it, and {'counts' if total == 1 else 'count'}"
        return f"No label changed: {had} as looked at (one undo step)."
    if len(became) == 1:
        (label,) = became
        kept = {old for _, old, new in changes if old == new}
        had = "theirs already" if kept - {label} else "it" if label else "none"
        text = f"{tweets} changed to {label}" if label else f"{tweets} lost their label"
        text += f", {same:,} had {had}" if same else ""
    else:
        each = ", ".join(f"{count:,} to {label or 'no label'}" for label, count in became.items())
        text = f"{tweets} changed: {each}" + (f"; {same:,} had theirs already" if same else "")
    return f"{text} (one undo step)."


def marks_sentence(changes: Mapping[FieldChange, int], number: int | None) -> str:
    """What has become of a mark of the tweet with this number, or of several tweets."""
    total = sum(changes.values())
    ((field, on),) = {(field, new) for field, _, new in changes}
    same = sum(count for (_, old, new), count in changes.items() if old == new)
    what = f"{'' if on else 'no longer '}{MARKS[field]}"
    if number is not None:
        return f"Tweet {number} {what}."
    if not same:
        return f"{tweet_count(total)} {what} (one undo step)."
    were = "was" if same == 1 else "were"
    return (
        f"{total - same:,} of {tweet_count(total)} {what}, {same:,} {were} already (one undo step)."
    )


def _arrow(change: FieldChange) -> str:
    field, *values = change
    if field in MARK_STATES:
        old, new = (MARK_STATES[field][bool(value)] for value in values)
    elif field == "note":
        old, new = ("a note" if value else "no note" for value in values)
    else:
        old, new = (str(value or "none") for value in values)
    return f"{old} → {new}"

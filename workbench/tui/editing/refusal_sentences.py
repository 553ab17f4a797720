"""Why an edit was not made: who changed the tweet since it was shown, or what else is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.errors import UserError
from storage.history.edit_conflicts import EditConflict, LatestChange
from storage.plurals import counted
from storage.store import now

MARK_CHANGES = {
    "excluded": ("excluded it", "included it again"),
    "review": ("flagged it", "took its flag away"),
    "ambiguous": ("marked it as ambiguous", "marked it as not ambiguous"),
}
"""What was done by setting each mark, and by taking it away."""


def refusal_sentence(error: UserError, tweets: Sequence[int], again: str, after: int) -> str:
    """Why an edit of these tweets was not made, and the key that makes it nevertheless.

    `after` is how many edits behind it were given up with it.
    """
    text = str(error)
    if isinstance(error, EditConflict):
        text = f"{conflict_sentence(error, tweets)}: {again} again to overrule."
    if after:
        text += f" {counted(after, 'edit')} after it not made either."
    return text


def conflict_sentence(error: EditConflict, tweets: Sequence[int]) -> str:
    """How many of these tweets others have changed, or what somebody did to a single one."""
    if len(tweets) > 1:
        by = f", last by annotator {error.latest.annotator}" if error.latest else ""
        when = f" {time_ago(error.latest.at)}" if error.latest else ""
        were = "was" if error.tweets == 1 else "were"
        return f"{error.tweets:,} of {len(tweets):,} tweets {were} changed meanwhile{by}{when}"
    what = "it is no longer as it was shown" if error.latest is None else last_change(error.latest)
    return f"Tweet {tweets[0]}: {what}"


def last_change(latest: LatestChange, kept: bool = False) -> str:
    """Who changed a tweet last, how, and when; `kept` if the label is the one of before."""
    value = latest.value
    if kept:
        did = f"kept it {value}" if value else "left it without a label"
    elif latest.field == "label":
        did = f"made it {value}" if value else "took its label away"
    elif latest.field == "note":
        did = f"wrote the note “{value}”" if value else "removed its note"
    else:
        did = MARK_CHANGES[latest.field][0 if value else 1]
    return f"annotator {latest.annotator} {did} {time_ago(latest.at)}"


def time_ago(at: int) -> str:
    """How long ago something was; when it was, if that is a day ago or yet to come by this clock.

    Times are in milliseconds.
    """
    seconds = (now() - at) // 1000
    for unit, length in (("h", 3600), ("min", 60), ("s", 1)):
        if length <= seconds < 24 * 3600:
            return f"{seconds // length} {unit} ago"
    if seconds == 0:
        return "just now"
    return datetime.fromtimestamp(at / 1000).strftime("on %m-%d at %H:%M")

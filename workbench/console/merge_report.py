"""What an import says of tweets that were there already, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from storage.plurals import counted, tweet_count
from storage.transfer.merging import OTHERWISE, MergeDifference, MergeReport, ValueDifference

MOST_CHANGES = 4
"""Changes of one kind that are told one by one."""
TAKEN = {
    "labels": "the label",
    "flags": "the flags",
    "notes": "the note",
    "splits": "the split (with all of its group)",
}


def sentences(merged: MergeReport, dry_run: bool) -> list[str]:
    """What was merged, or would be, and what differs."""
    said = []
    if merged.events:
        came = "would come" if dry_run else "came"
        changed = (
            f"{tweet_count(merged.settled)} {'would change' if dry_run else 'changed'} by that"
        )
        events = counted(merged.events, "new event")
        said.append(
            f"{events} of the exported history "
            f"{came} to tweets that were there; {changed}, as the newest decision counts."
        )
    for found in merged.differences:
        said.append(
            f"{tweet_count(found.tweets, 'has', 'have')} {OTHERWISE[found.kind]} "
            f"in this file{_changes(found)}."
        )
    if merged.labelled:
        have = "would get the label of this file" if dry_run else "have the label of this file now"
        said.append(
            f"{tweet_count(merged.labelled)} without a label {_agree(have, merged.labelled)}."
        )
    for kind, number in merged.updated.items():
        would = "would get" if dry_run else "got"
        said.append(f"{tweet_count(number)} {would} {TAKEN[kind]} that the file says.")
    if (merged.updated or merged.labelled) and not dry_run:
        said.append("`workbench undo` takes that back as one step.")
    return said


def left(reports: Iterable[MergeReport]) -> str:
    """How what differs can be taken after all; nothing where all of it was."""
    kinds = dict.fromkeys(
        found.kind
        for merged in reports
        for found in merged.differences
        if found.kind not in merged.updated
    )
    if not kinds:
        return ""
    return (
        "What differs stays as it is in the workspace; repeat the import with "
        f"--update {','.join(kinds)} to take what the file says."
    )


def _changes(found: MergeDifference) -> str:
    told = [_change(change) for change in found.changes if change.field != "note"]
    more = ", …" if len(told) > MOST_CHANGES else ""
    return f" ({', '.join(told[:MOST_CHANGES])}{more})" if told else ""


def _change(change: ValueDifference) -> str:
    if change.field in ("label", "split"):
        what = f"{change.new or 'none'} in place of {change.old or 'none'}"
    else:
        what = f"{change.field} {'on' if change.new else 'off'}"
    return f"{what}: {change.tweets:,}"


def _agree(words: str, number: int) -> str:
    return words.replace("have", "has", 1) if number == 1 else words

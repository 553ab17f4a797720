"""What an import has found in a file, in sentences for whoever imports it."""

from __future__ import annotations

from collections.abc import Sequence

from storage.formats.columns import Columns
from storage.formats.position import Fault
from storage.plurals import counted, tweet_count
from storage.transfer.judgements import Judged
from storage.transfer.parsing import Tally

MAJORITY = "the label that most annotators gave counts"


def of_rows(tally: Tally, faults: Sequence[Fault], names_people: bool) -> tuple[str, ...]:
    """What was found while the rows were read, in sentences.

    `names_people` where the file says who judged, or brings histories.
    """
    said = [f"{counted(number, 'record')}: {remark}." for remark, number in tally.remarks.items()]
    if (repeated := tally.repeated - tally.judging) > tally.judging and not names_people:
        rows = counted(repeated, "row repeats", "rows repeat")
        said.append(
            f"{rows} the id and text of an earlier row and its label or none, and the tweet counts "
            "once; where they are of several people, --annotator-column COL says whose they are."
        )
    if tally.in_several_splits:
        rows = counted(tally.in_several_splits, "row names", "rows name")
        names = ", ".join(map(repr, tally.several_splits_names))
        others = tally.in_several_splits - len(tally.several_splits_names)
        more = f" and {others:,} more" if others else ""
        said.append(
            f"{rows} another split for a tweet that the file has already ({names}{more}): test "
            "counts before dev, and dev before train."
        )
    if tally.wrong:
        more = f" and {tally.wrong - len(faults):,} more" if tally.wrong > len(faults) else ""
        shown = "; ".join(map(str, faults))
        wrong = counted(tally.wrong, "wrong record is", "wrong records are")
        said.append(f"{wrong} left out ({shown}{more}).")
    return tuple(said)


def of_judgements(judged: Judged, columns: Columns) -> tuple[str, ...]:
    """What came of several judgements of a tweet, in a sentence."""
    if not judged.tweets:
        return ()
    several = tweet_count(judged.tweets, "has", "have")
    ties = []
    if none := judged.tied - judged.kept:
        ties.append(counted(none, "is tied and has no label", "are tied and have no label"))
    if judged.kept:
        keeps = ("is tied and keeps the label that it had", "are tied and keep the label they had")
        ties.append(counted(judged.kept, *keeps))
    majority = MAJORITY
    if columns.judgements and columns.label:
        majority = f"where column {columns.label!r} is empty, {MAJORITY}"
    tied = f"{' and '.join(ties)} (`workbench conflicts`)" if ties else majority
    return (f"{several} several judgements; {tied}.",)


def of_ids(tweets: int, column: str | None) -> tuple[str, ...]:
    """That tweets came in under ids which others have."""
    if not tweets:
        return ()
    added = tweet_count(tweets, "has", "have")
    return (
        f"{added} an id (column {column!r}) that a tweet with another text has too: tweets are "
        "told apart by id and text together.",
    )

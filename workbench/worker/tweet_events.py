"""Events of a training that tell of tweets: how many there are, and which are the hardest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from storage.plurals import tweet_count
from workbench.rundir.tables import SnapshotTable

SHOWN = 160
"""Characters of a text that the log repeats, by which it is known without the snapshot."""
Report = Callable[..., None]


def report_counts(report: Report, train: Sequence[int], dev: Sequence[int]) -> None:
    """Report how many tweets are trained on and evaluated on, given the labels of both."""
    counts = {"train": len(train), "dev": len(dev)}
    most = max(Counter(dev).values(), default=0)
    report("data", **counts, **({"majority": most / len(dev)} if dev else {}))


def report_cut(report: Report, tweets: int, max_length: int) -> None:
    """Note how many tweets to train on are longer than a run reads, if any are."""
    if tweets:
        report(
            "note",
            text=f"the end of {tweet_count(tweets)} to train on is left out: with the prompt that "
            f"is more than training.max_length, {max_length:,} tokens",
        )


def with_tweets(report: Report, snapshot: SnapshotTable) -> Report:
    """A report that says which tweets the hardest examples are."""

    def reported(event: str, **values: object) -> None:
        if event == "hardest":
            hardest = values.pop("examples")
            assert isinstance(hardest, list)  # noqa: S101 - of pairs, from the training loop
            values["tweets"] = [
                {
                    "id": snapshot.ids[number],
                    "label": snapshot.labels[number],
                    "text": snapshot.texts[number][:SHOWN],
                    "probability": probability,
                }
                for number, probability in hardest
            ]
        report(event, **values)

    return reported

"""Everything that is known about a tweet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.history import labels
from storage.query import tweets
from storage.runs.predictions import predictions_for
from storage.runs.runs import Run
from storage.store import Store
from storage.transactions import read_transaction
from storage.tweet import Tweet
from workbench import escaping

BAR_CELLS = 10
MAX_DUPLICATES = 20
MOST_TWINS, TWIN_CHARACTERS = 5, 100
"""Equal or nearly equal tweets that are read, and how much of each."""
ON_OFF = {"excluded": "exclude", "review": "flag", "ambiguous": "ambiguous"}


@dataclass(frozen=True)
class RunPrediction:
    """The prediction of one run for the tweet."""

    run: Run
    label: str
    chances: dict[str, float]
    in_sample: bool

    @property
    def chance(self) -> float:
        """How probable its label is for the run."""
        return self.chances[self.label]


@dataclass(frozen=True)
class TweetDetails:
    """One tweet with its predictions, history, equal texts and other columns."""

    tweet: Tweet
    predictions: tuple[RunPrediction, ...]
    history: tuple[dict[str, Any], ...]
    duplicates: tuple[int, ...]
    twins: tuple[Tweet, ...]
    """The first of the duplicates."""
    source: dict[str, str]


def read_details(store: Store, number: int, run: int | None) -> TweetDetails | None:
    """Gather what the store knows about a tweet; the shown run's prediction comes first.

    None for a tweet that has been taken out.
    """
    with read_transaction(store.db):
        found = tweets.window(store, [number], run or tweets.shown_run(store), characters=None)
        return _details(store, found[0], run) if found else None


def _details(store: Store, tweet: Tweet, run: int | None) -> TweetDetails:
    number = tweet.id
    predictions = [
        RunPrediction(by, label, dict(zip(by.labels, chances, strict=True)), in_sample)
        for by, label, chances, in_sample in predictions_for(store, number)
    ]
    predictions.sort(key=lambda prediction: prediction.run.id != tweet.run)
    same_text = [other for other in tweets.duplicates(store, tweet.group) if other != number]
    return TweetDetails(
        tweet,
        tuple(predictions),
        tuple(labels.history(store, number)),
        tuple(same_text),
        tuple(tweets.window(store, same_text[:MOST_TWINS], run, TWIN_CHARACTERS)),
        tweets.source_columns(store, number),
    )


def labels_in_words(store: Store, ids: Sequence[int]) -> str:
    """How many of some tweets have which label, the most frequent first."""
    counted = Counter(state.label or "none" for state in tweets.states(store, ids, None))
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {label}" for label, count in ranked)


def share_bar(share: float, cells: int = BAR_CELLS) -> str:
    """A share between 0 and 1 as a bar."""
    filled = round(share * cells)
    return "█" * filled + "·" * (cells - filled)


def seen_by(prediction: RunPrediction, split: str) -> str:
    """How a run came to its prediction: whether it has learnt from the tweet."""
    if prediction.in_sample:
        return "~ trained on it"
    return "out of fold" if prediction.run.kind == "baseline" and split != "test" else split


def label_change(before: object, now: object) -> str:
    """What became of a label, where it may have been kept or left out."""
    if before == now:
        return f"kept {now}" if now else "left without a label"
    return f"{before or 'none'} → {now or 'none'}"


TOLD_KINDS = ("bulk", "undo", "redo", "merge", "settle")


def event_line(event: dict[str, Any]) -> str:
    """One event of a history."""
    at = datetime.fromtimestamp(event["at"] / 1000).strftime("%m-%d %H:%M")
    field, old, new = event["field"], event["old"], event["new"]
    if field in ON_OFF:
        what = f"{ON_OFF[field]} {'on' if new else 'off'}"
    elif field == "note":
        what = f"note “{new}”" if new else "note removed"
    elif field == "split":
        what = f"split {old} → {new}"
    elif field == "labels":
        what = f"label {old} is called {new}"
    elif field == "judgement":
        what = f"judged as {new}"
    elif event["kind"] == "gold import":
        what = f"imported as {new or 'none'}"
    else:
        what = label_change(old, new)
    kind = f" ({event['kind']})" if event["kind"] in TOLD_KINDS else ""
    return escaping.line(f"{at} {event['annotator']}: {what}{kind}")


def tweet_numbers(ids: tuple[int, ...]) -> str:
    """The first of these tweets, and how many more there are."""
    shown = " ".join(f"#{number}" for number in ids[:MAX_DUPLICATES])
    return shown + (f" and {len(ids) - MAX_DUPLICATES:,} more" if len(ids) > MAX_DUPLICATES else "")

"""The pane with everything known about the tweet under the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from storage.history import labels
from storage.query import tweets
from storage.runs.predictions import predictions_for
from storage.runs.runs import Run
from storage.store import Store
from storage.tweet import Tweet
from workbench import escaping
from workbench.figures import probability

BAR_CELLS = 10
MAX_DUPLICATES = 20
ON_OFF = {"excluded": "exclude", "review": "flag", "ambiguous": "ambiguous"}


@dataclass(frozen=True)
class RunPrediction:
    """The prediction of one run for the tweet."""

    run: Run
    label: str
    chances: dict[str, float]
    in_sample: bool


@dataclass(frozen=True)
class TweetDetails:
    """One tweet with its predictions, history, equal texts and other columns."""

    tweet: Tweet
    predictions: tuple[RunPrediction, ...]
    history: tuple[dict[str, Any], ...]
    duplicates: tuple[int, ...]
    source: dict[str, str]


def read_details(store: Store, number: int, run: int | None) -> TweetDetails:
    """Gather what the store knows about a tweet; the shown run's prediction comes first."""
    tweet = tweets.tweet(store, number, run)
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
        tweets.source_columns(store, number),
    )


def share_bar(share: float, cells: int = BAR_CELLS) -> str:
    """A share between 0 and 1 as a bar."""
    filled = round(share * cells)
    return "█" * filled + "·" * (cells - filled)


class DetailPane(VerticalScroll, can_focus=False):
    """Shows `Details`: a column beside a wide list, a few lines under a narrow one."""

    _shown: tuple[TweetDetails | None, bool] = (None, False)

    def compose(self) -> ComposeResult:
        """One block of text."""
        yield Static(id="detail-text")

    def show(self, details: TweetDetails | None, narrow: bool) -> None:
        """Show a tweet, or nothing; paints only what differs from what is shown."""
        if (details, narrow) == self._shown:
            return
        before, self._shown = self._shown[0], (details, narrow)
        text: Text | Group = Text("")
        if details is not None:
            text = _few_lines(details) if narrow else _column(details)
        self.query_one("#detail-text", Static).update(text)
        if before is None or details is None or before.tweet.id != details.tweet.id:
            self.scroll_home(animate=False)


def _column(details: TweetDetails) -> Group:
    tweet = details.tweet
    head = f"#{tweet.id} {tweet.split}"
    if tweet.external_id:
        head += f"  id {escaping.line(tweet.external_id)}"
    parts = [Text(head, "bold"), _body(tweet), Text("")]
    parts.append(_fact("gold", tweet.gold or "none"))
    seen = "  corrected" if tweet.changed else "  reviewed" if tweet.reviewed else ""
    parts.append(_fact("label", (tweet.label or "none") + seen))
    if tweet.flags:
        parts.append(_fact("marks", ", ".join(tweet.flags)))
    if tweet.note:
        parts.append(_fact("note", tweet.note))
    for prediction in details.predictions:
        parts += _prediction_lines(prediction)
    if details.duplicates:
        parts.append(_fact("same", f"text as {tweet_numbers(details.duplicates)}"))
    if details.history:
        parts.append(Text("\nhistory", "bold"))
        parts += [Text(event_line(event), overflow="fold") for event in reversed(details.history)]
    if details.source:
        parts.append(Text("\nother columns", "bold"))
        parts += [_fact(name, str(value)) for name, value in details.source.items()]
    return Group(*parts)


def _few_lines(details: TweetDetails) -> Group:
    tweet = details.tweet
    label = tweet.label or "none"
    given = f"gold {tweet.gold or 'none'}" + ("" if label == tweet.gold else f" → {label}")
    said = [
        f"run {prediction.run.id}{'~' if prediction.in_sample else ''} {prediction.label} "
        + (f"{share_bar(chance)} " if not at else "")
        + probability(chance)
        for at, prediction in enumerate(details.predictions[:3])
        if (chance := prediction.chances[prediction.label]) is not None
    ]
    head = escaping.line(" │ ".join([f"#{tweet.id} {tweet.split}", given, *said]))
    rest = [", ".join(tweet.flags)] if tweet.flags else []
    rest += [f"note: {tweet.note}"] if tweet.note else []
    rest += [f"same text as {tweet_numbers(details.duplicates)}"] if details.duplicates else []
    rest += [event_line(event) for event in reversed(details.history[-2:])]
    rest += [f"{name}: {value}" for name, value in details.source.items()]
    tail = escaping.line(" │ ".join(rest))
    return Group(
        Text(head, "bold", no_wrap=True, overflow="ellipsis"),
        Text(tail, no_wrap=True, overflow="ellipsis"),
        _body(tweet),
    )


def _body(tweet: Tweet) -> Text:
    return Text(escaping.lines(tweet.text), overflow="fold")


def _fact(name: str, value: str) -> Text:
    return Text(f"{escaping.line(name):<6} {escaping.line(value)}", overflow="fold")


def _prediction_lines(prediction: RunPrediction) -> list[Text]:
    trained = "  ~ trained on this tweet" if prediction.in_sample else ""
    title = Text(
        f"\nrun {prediction.run.id} {escaping.line(prediction.run.recipe)}{trained}", "bold"
    )
    width = max(len(escaping.line(label)) for label in prediction.chances)
    ranked = sorted(prediction.chances.items(), key=lambda item: -item[1])
    return [
        title,
        *(
            Text(f"{escaping.line(label):<{width}} {share_bar(chance)} {probability(chance)}")
            for label, chance in ranked
        ),
    ]


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
    elif old == new:
        what = f"kept {new}"
    else:
        what = f"{old or 'none'} → {new or 'none'}"
    kind = f" ({event['kind']})" if event["kind"] in TOLD_KINDS else ""
    return escaping.line(f"{at} {event['annotator']}: {what}{kind}")


def tweet_numbers(ids: tuple[int, ...]) -> str:
    """The first of these tweets, and how many more there are."""
    shown = " ".join(f"#{number}" for number in ids[:MAX_DUPLICATES])
    return shown + (f" and {len(ids) - MAX_DUPLICATES:,} more" if len(ids) > MAX_DUPLICATES else "")

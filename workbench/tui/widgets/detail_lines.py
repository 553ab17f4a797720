"""What is known about a tweet, in lines beside the list or under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from storage.plurals import counted
from storage.tweet import Tweet
from workbench import escaping
from workbench.figures import probability
from workbench.tui.acting_keys import key_for
from workbench.tui.widgets.cut_text import fitted, padded
from workbench.tui.widgets.detail import (
    RunPrediction,
    TweetDetails,
    event_line,
    seen_by,
    share_bar,
)
from workbench.tui.widgets.tweet_reasons import TweetReasons, signed

TONES = ("base", "dim", "bold", "differs", "corrected", "rule")
TEXT_ROWS = 8
"""Lines for the text beside a tall list, so that what follows stays where it is."""
TALL = 30
NAME, RUN = 9, 11
"""Cells for what a line is about, and for a run."""
MOST_TWINS = 5
WORD_BAR = 8
FACT_ROWS = 3
NEWEST = 3
"""Events of a history that is folded, beside a list; under one there is room for the last."""
WIDEST = 2
"""Cells of the widest character, for which each line has room."""


@dataclass(frozen=True)
class DetailView:
    """What is shown of a tweet, in which colours, and the room for it."""

    details: TweetDetails
    reasons: TweetReasons
    tones: Mapping[str, Style]
    width: int
    height: int
    unfolded: bool = False
    """Whether all of the history is shown."""

    @property
    def tweet(self) -> Tweet:
        """The tweet."""
        return self.details.tweet

    def text(self, *parts: str | tuple[str, str]) -> Text:
        """A line of parts, each with a tone or in the plain one."""
        tuples = [(part, "base") if isinstance(part, str) else part for part in parts]
        return Text.assemble(
            *((escaping.line(text), self.tones[tone]) for text, tone in tuples if text)
        )

    def both_ends(self, left: Text, right: str) -> Text:
        """A line with a dim text at its right end, where there is room for that."""
        room = self.width - left.cell_len - cell_len(right) - 1
        if room >= 1 and right:
            left.append(" " * room + right, self.tones["dim"])
        return left

    def body(self, width: int) -> list[Text]:
        """The text of the tweet in lines."""
        return [self.text(line) for line in wrapped(escaping.lines(self.tweet.text), width)]


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells, broken at spaces where there are any."""
    lines: list[str] = []
    width = max(WIDEST, width)  # also where the terminal is too small for the screen
    for whole in text.split("\n"):
        line = ""
        for word in _pieces(whole, width):
            if line and cell_len(line) + cell_len(word.rstrip()) > width:
                lines.append(line.rstrip())
                line, word = "", word.lstrip()
            line += word
        lines.append(line.rstrip())
    return lines


def _pieces(line: str, width: int) -> Iterator[str]:
    """The words with the spaces behind them, those that are too long for a line in pieces."""
    for word in line.replace(" ", " \0").split("\0"):
        while cell_len(word.rstrip()) > width:
            cut = next(at for at in range(len(word), 0, -1) if cell_len(word[:at]) <= width)
            yield word[:cut]
            word = word[cut:]
        yield word


# Beside the list.


def beside(view: DetailView) -> list[Text]:
    """Everything that is known, in a column."""
    head = view.both_ends(view.text((_head(view.tweet), "bold")), "")
    text = view.body(view.width - 1)
    if view.height >= TALL:
        text += [Text("")] * (TEXT_ROWS - len(text))
    lines = [head, Text(""), *text]
    for section in (_label, _models, _why, _doubts, _twins, _note, _history, _source):
        if found := list(section(view)):
            lines += [Text(""), *found]
    return lines


def _head(tweet: Tweet) -> str:
    parts = [f"#{tweet.id}", tweet.split, tweet.external_id or ""]
    return " · ".join(filter(None, parts))


def _title(view: DetailView, title: str, aside: str = "") -> Text:
    return view.both_ends(view.text((title, "bold")), aside)


def _fact(view: DetailView, name: str, *value: str | tuple[str, str]) -> Text:
    return view.text((f"  {name:<{NAME}}", "dim"), *value)


def _label(view: DetailView) -> Iterator[Text]:
    tweet = view.tweet
    yield _title(view, "LABEL")
    given = _fact(view, "given", tweet.gold or "none")
    yield view.both_ends(given, "imported" if tweet.gold is not None else "")
    if tweet.changed:
        yield view.both_ends(
            _fact(view, "now", (f"✓ {tweet.label or 'none'}", "corrected")), "corrected"
        )
    elif tweet.reviewed or tweet.label != tweet.gold:
        kept = "kept" if tweet.label == tweet.gold else "labelled"
        yield view.both_ends(_fact(view, "now", tweet.label or "none"), kept)
    else:
        yield view.both_ends(_fact(view, "now", ("·", "dim")), "not looked at yet")
    if tweet.flags:
        yield _fact(view, "marks", ", ".join(tweet.flags))


def _models(view: DetailView) -> Iterator[Text]:
    if not view.details.predictions:
        return
    yield _title(view, "MODELS")
    width = max(cell_len(escaping.line(p.label)) for p in view.details.predictions)
    for prediction in view.details.predictions:
        yield _model(view, prediction, min(width, 16))


def _model(view: DetailView, prediction: RunPrediction, width: int) -> Text:
    tweet, run = view.tweet, prediction.run
    differs = tweet.label is not None and prediction.label != tweet.label
    chance = prediction.chance
    name = padded(escaping.line(f"r{run.id} {run.recipe}"), RUN)
    label = padded(escaping.line(prediction.label), width)
    said = view.text(
        ("! " if differs else "  ", "differs"),
        (f"{name} ", "dim"),
        (label, "differs" if differs else "base"),
        f"  {share_bar(chance, 5)} {'~' if prediction.in_sample else ' '}{probability(chance)}",
    )
    return view.both_ends(said, seen_by(prediction, tweet.split))


def _why(view: DetailView) -> Iterator[Text]:
    if not view.reasons.words:
        return
    yield _title(view, f"WHY (r{view.reasons.words_by})", "against · for what it says")
    largest = max(abs(effect) for _, effect in view.reasons.words)
    for word, effect in view.reasons.words:
        cells = max(1, round(WORD_BAR * abs(effect) / largest))
        left = "█" * cells if effect < 0 else ""
        right = "█" * cells if effect >= 0 else ""
        name = padded(escaping.line(word), 14)
        line = view.text(f"  {name} {left:>{WORD_BAR}}{right:<{WORD_BAR}}")
        yield view.both_ends(line, signed(effect))


def _doubts(view: DetailView) -> Iterator[Text]:
    """What the votes say of the label, and the most similar labelled tweets."""
    if (suspicion := view.reasons.suspicion) is None:
        return
    yield _title(view, "VOTES")
    given = view.tweet.label
    for one in sorted(suspicion.opinions, key=lambda one: (one.label == given, -one.probability)):
        sign = "  " if one.label == given else "! "
        label = (one.label, "base" if one.label == given else "differs")
        line = view.text((sign, "differs"), label, f" {probability(one.probability)}")
        yield view.both_ends(line, one.voter)
    if suspicion.neighbours:
        near = "  ".join(f"#{one.tweet} {one.label or 'none'}" for one in suspicion.neighbours)
        yield from (view.text((f"  {part}", "dim")) for part in wrapped(near, view.width - 3))


def _twins(view: DetailView) -> Iterator[Text]:
    others = view.details.duplicates
    if not others:
        return
    yield _title(view, f"SAME OR NEAR · {len(others):,}", f"{key_for('mark_twins')} marks them all")
    shown = [
        (f"#{twin.id}", escaping.line(twin.label or "none"), escaping.line(twin.text))
        for twin in view.details.twins[:MOST_TWINS]
    ]
    number, label = (max(cell_len(one[column]) for one in shown) for column in (0, 1))
    for name, given, text in shown:
        columns = (padded(name, number), padded(given, min(label, 16)), text)
        yield view.text(fitted(f"  {'  '.join(columns)}", view.width - 1))
    if len(others) > MOST_TWINS:
        yield view.text((f"  and {len(others) - MOST_TWINS:,} more", "dim"))


def _note(view: DetailView) -> Iterator[Text]:
    yield _title(view, "NOTE", f"{key_for('note')} writes it")
    if view.tweet.note:
        note = escaping.lines(view.tweet.note)
        yield from (view.text(f"  {part}") for part in wrapped(note, view.width - 3))
    else:
        yield view.text(("  –", "dim"))


def _history(view: DetailView) -> Iterator[Text]:
    events = view.details.history
    if events:
        turns = (
            f"{key_for('history')} {'folds' if view.unfolded else 'unfolds'}"
            if len(events) > NEWEST
            else ""
        )
        yield _title(view, f"HISTORY · {len(events):,}", turns)
        yield from _events(view, len(events) if view.unfolded else NEWEST)


def _events(view: DetailView, count: int) -> Iterator[Text]:
    """So many events of the history, the last one first."""
    for event in list(reversed(view.details.history))[:count]:
        parts = wrapped(event_line(event), view.width - 3)
        yield from (view.text(f"  {part}") for part in parts)


def newest_events(narrow: bool) -> int:
    """How many events of a history are shown while it is folded."""
    return 1 if narrow else NEWEST


def _source(view: DetailView) -> Iterator[Text]:
    if view.details.source:
        yield _title(view, "SOURCE")
        for name, value in view.details.source.items():
            shown = escaping.line(f"{name}  {_cell(value)}")
            parts = wrapped(shown, view.width - 3)
            yield from (view.text((f"  {part}", "dim")) for part in parts)


def _cell(value: object) -> object:
    """The value of a source column; nothing where the file has null, as where a cell is empty."""
    return "" if value is None else value


# Under the list.


def under(view: DetailView) -> list[Text]:
    """A rule with the number, the text or the history, and what else is known in three lines."""
    rule = f"── {_head(view.tweet)} "
    head = view.text(("── ", "rule"), (_head(view.tweet), "bold"), " ")
    head.append("─" * max(0, view.width - cell_len(escaping.line(rule))), view.tones["rule"])
    room = max(1, view.height - 1 - FACT_ROWS)
    facts = [_first_facts(view), _second_facts(view), _third_facts(view)]
    unfolded = view.unfolded and len(view.details.history) > newest_events(narrow=True)
    body = _events(view, len(view.details.history)) if unfolded else view.body(view.width - 10)
    text = [_indented(line) for line in body]
    if len(text) <= room:
        text += [Text("")] * (room - len(text))
        return [head, *text, *facts]
    pages = f"↓ {len(text) - room} lines"
    text[room - 1] = view.both_ends(
        text[room - 1], f"{pages}: {key_for('scroll_down')} {key_for('scroll_up')} "
    )
    return [head, *text[:room], *facts, *text[room:]]


def _indented(line: Text) -> Text:
    return Text.assemble(" ", line)


def _first_facts(view: DetailView) -> Text:
    tweet = view.tweet
    line = view.text((" given ", "dim"), tweet.gold or "none")
    if tweet.label != tweet.gold:
        line.append_text(view.text(" → ", (f"✓ {tweet.label or 'none'}", "corrected")))
    elif tweet.reviewed:
        line.append_text(view.text((" kept", "dim")))
    predictions = view.details.predictions
    if predictions:
        line.append_text(view.text("   ", *_brief(view, predictions[0], bar=True)))
    return line


def _brief(view: DetailView, prediction: RunPrediction, bar: bool) -> list[tuple[str, str]]:
    tweet, run = view.tweet, prediction.run
    differs = tweet.label is not None and prediction.label != tweet.label
    chance = prediction.chance
    return [
        (f"r{run.id} {run.recipe} ", "dim"),
        (f"{'! ' if differs else ''}{prediction.label} ", "differs" if differs else "base"),
        (f"{share_bar(chance)} " if bar else "", "base"),
        (f"{probability(chance)} ", "base"),
        (seen_by(prediction, tweet.split), "dim"),
    ]


def _second_facts(view: DetailView) -> Text:
    parts: list[str | tuple[str, str]] = []
    if count := len(view.details.duplicates):
        parts += [
            (f" {counted(count, 'near-duplicate')}  {key_for('mark_twins')} marks all", "base"),
            "  ",
        ]
    for prediction in view.details.predictions[1:3]:
        parts += [" ", *_brief(view, prediction, bar=False), "  "]
    if view.tweet.flags:
        parts.append(f" {', '.join(view.tweet.flags)}")
    line = view.text(*parts)
    line.truncate(view.width - 1, overflow="ellipsis")
    return line


def _third_facts(view: DetailView) -> Text:
    parts: list[str | tuple[str, str]] = []
    if words := view.reasons.words:
        parts += [(f" r{view.reasons.words_by} why  ", "dim")]
        parts += ["   ".join(f"{word} {signed(effect)}" for word, effect in words), "   "]
    elif suspicion := view.reasons.suspicion:
        parts += [(" votes  ", "dim"), f"{suspicion.sentence}   "]
    if view.tweet.note:
        parts += [(" note ", "dim"), f"{view.tweet.note}  "]
    events: Sequence[Mapping[str, object]] = view.details.history
    newest = event_line(dict(events[-1])) if events else ""
    parts += [(f" {newest}", "dim")]
    if len(events) > newest_events(narrow=True):
        shown = "the text" if view.unfolded else f"all {len(events):,}"
        parts.append((f"  {key_for('history')} shows {shown}", "dim"))
    source = view.details.source
    parts += [(f"  {name}: {_cell(value)}", "dim") for name, value in source.items()]
    line = view.text(*parts)
    line.truncate(view.width - 1, overflow="ellipsis")
    return line

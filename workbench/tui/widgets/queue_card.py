"""The tweet of the queue that is to be decided about, in the middle of the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual.app import App

from workbench import escaping
from workbench.evaluation.suspect_reasons import SuspectReasons
from workbench.figures import probability
from workbench.tui.acting_keys import key_for
from workbench.tui.widgets.changed_lines import ChangedLines
from workbench.tui.widgets.cut_text import fitted, rest
from workbench.tui.widgets.detail import RunPrediction, TweetDetails, seen_by, share_bar
from workbench.tui.widgets.rows import WAITS
from workbench.tui.widgets.tweet_reasons import signed

WIDE = 100
BLOCK = 76
"""Cells of the longest line of a tweet."""
NAME_WIDTH = 12
MOST_LABEL_CELLS = 30
"""Cells of a label beside what is said of it."""
BOX = 12
"""Cells in a button of a wide screen."""
MOST_BUTTONS, MOST_BUTTON_LINES = 5, 3
SHORTEST_NAME = 6
"""Cells to which the name of a label on a button is cut, so that every answer is seen."""
MOST_MODELS = 4
FACTS, WIDE_FACTS = 5, 8
"""Lines for what is known of a tweet, so that the buttons stay where they are."""
MOST_LINES = 12
"""Lines of a text, where there is room for more."""
TALL, SHORT = 24, 15
"""Lines of the card from which on there is air between its parts, and below which there is none."""
DIM, BOLD = "dim", "bold"


@dataclass(frozen=True)
class QueueHead:
    """The line above the tweet: what the queue is, and how far it is."""

    title: str
    brief_title: str
    strip: str = ""
    place: str = ""


@dataclass(frozen=True)
class QueueTweet:
    """A tweet with all that helps to decide about it."""

    details: TweetDetails
    given_by: str
    people: str
    """What several people have said, where they have."""
    twins: str
    reasons: tuple[tuple[str, float], ...] | None
    """The words that the model goes by; None while they are not known."""
    reasons_by: str
    suspicion: SuspectReasons | None
    """What the votes say of the label, where it is one of the first suspects."""
    blind: bool
    waits: bool
    labels: Sequence[str]


class QueueCard(ChangedLines):
    """Shows a tweet of the queue, or a few sentences where there is none."""

    _head = QueueHead("", "")
    _tweet: QueueTweet | None = None
    _sentences: Sequence[str] = ()
    _top = 0
    """The first line that is shown of a text for which there is no room."""
    _hidden = 0

    def show(
        self, head: QueueHead, tweet: QueueTweet | None, sentences: Sequence[str] = ()
    ) -> None:
        """Show a tweet, or sentences."""
        if (head, tweet, sentences) == (self._head, self._tweet, self._sentences):
            return
        if _number(tweet) != _number(self._tweet):
            self._top = 0
        self._head, self._tweet, self._sentences = head, tweet, sentences
        self.draw()

    def show_keys(self) -> None:
        """Name the keys as they are now."""
        self.draw()

    def scroll_lines(self, lines: int) -> bool:
        """Scroll the text; False if there is nothing more."""
        if not 0 <= self._top + lines <= self._hidden:
            return False
        self._top += lines
        self.draw()
        return True

    def on_resize(self) -> None:
        """Lay everything out for the new size."""
        self.draw()

    def draw(self) -> None:
        """Show what is known in the room there is."""
        width, height = self.size
        if not (width and height):
            return
        lines = [*_head_lines(self._head, width)]
        if self._tweet is None:
            left = _left(width)
            lines += [Text("")] * (4 if height > 24 else 1)
            for sentence in self._sentences:
                for line in Text(escaping.line(sentence)).wrap(
                    self.app.console, max(20, width - 2 * left)
                ):
                    lines.append(_indented(line, left))
        else:
            lines += self._tweet_lines(self._tweet, width, height - len(lines))
        self.show_lines(lines)

    def _tweet_lines(self, tweet: QueueTweet, width: int, height: int) -> list[Text]:
        """The text, what is known and the buttons, each where it is for every other tweet.

        So what two tweets have alike is not painted again.
        """
        left, wide = _left(width), width >= WIDE
        facts = [_cut(fact, width - left - 1) for fact in _facts(tweet, wide)]
        facts += [Text("")] * ((WIDE_FACTS if wide else FACTS) - len(facts))
        buttons = _buttons(tweet, width - left, height >= SHORT)
        gap = 2 if height > TALL else int(height >= SHORT)
        room = height - len(facts) - len(buttons) - 3 * gap - 1
        room = max(1, min(room, MOST_LINES))
        shown = min(BLOCK, width - left - 2)
        text = _wrapped(self.app, tweet, shown, airy=True)
        text = text if len(text) <= room else _wrapped(self.app, tweet, shown)
        self._hidden = max(0, len(text) - room)
        meta = _meta(tweet)
        if self._hidden:
            text = text[self._top : self._top + room]
            keys = key_for("scroll_down"), key_for("scroll_up")
            meta += f"   {rest(self._hidden, min(self._top, self._hidden), *keys)}"
        lines = [Text("")] * gap + text + [Text("")] * (room - len(text))
        lines += [Text(meta, DIM), *[Text("")] * gap, *facts, *[Text("")] * gap, *buttons]
        return [_indented(line, left) if line else line for line in lines]


def _number(tweet: QueueTweet | None) -> int | None:
    return None if tweet is None else tweet.details.tweet.id


def _left(width: int) -> int:
    return max(6, (width - BLOCK) // 2) if width >= WIDE else 4


def _indented(line: Text, left: int) -> Text:
    return Text.assemble(" " * left, line)


def _head_lines(head: QueueHead, width: int) -> Iterator[Text]:
    wide = width >= WIDE
    title = head.title if wide else head.brief_title
    place = f"{head.strip}{'    ' if wide else '  '}{head.place} "
    room = width - cell_len(place) - 2
    line = Text(f" {'' if not wide else ' '}" + escaping.line(title), BOLD)
    line.truncate(max(1, room), overflow="ellipsis", pad=True)
    line.append(" " * max(0, width - cell_len(line.plain) - cell_len(place)))
    line.append(place, "")
    if not wide:
        yield line
    else:
        yield from (Text(""), line)
    yield Text(" " + "─" * (width - 2), DIM)


def _wrapped(app: App[object], tweet: QueueTweet, width: int, airy: bool = False) -> list[Text]:
    """The text in lines; with an empty line between its own lines where it is to be airy."""
    shown = escaping.lines(tweet.details.tweet.text)
    if airy:
        shown = "\n\n".join(line for line in shown.splitlines() if line.strip())
    text = Text(shown, BOLD, overflow="fold")
    return list(text.wrap(app.console, width))


def _meta(tweet: QueueTweet) -> str:
    shown = tweet.details.tweet
    parts = [f"#{shown.id}", shown.split, shown.external_id or "", *shown.flags, tweet.twins]
    parts += [f"{WAITS} not saved yet"] if tweet.waits else []
    return escaping.line(" · ".join(filter(None, parts)))


def _facts(tweet: QueueTweet, wide: bool) -> Iterator[Text]:
    shown = tweet.details.tweet
    width = max([8, *(cell_len(escaping.line(label)) for label in tweet.labels)])
    width = min(width, MOST_LABEL_CELLS)
    given = f"{fitted(escaping.line(shown.gold or 'none'), width):<{width + 2}}"
    yield _fact("given", Text.assemble(f"  {given}", (tweet.given_by, DIM)))
    if shown.label != shown.gold:
        yield _fact("now", Text(f"✓ {escaping.line(shown.label or 'none')}"))
    if tweet.people:
        yield _fact("people", Text(f"  {escaping.line(tweet.people)}"))
    if shown.note:
        yield _fact("note", Text(f"  {escaping.line(shown.note)}"))
    if tweet.blind:
        yield _fact("models", Text("  hidden until you have answered: this one is blind", DIM))
        return
    for prediction in tweet.details.predictions[: MOST_MODELS if wide else 2]:
        yield _prediction(prediction, shown.label, shown.split, width, wide)
    if tweet.reasons:
        words = "   ".join(
            f"{escaping.line(word)} {signed(effect)}" for word, effect in tweet.reasons
        )
        yield _fact("why", Text.assemble(f"  {words}", (f"   {tweet.reasons_by}", DIM)))
    elif tweet.reasons is None and tweet.reasons_by:
        yield _fact("why", Text("  …", DIM))
    if tweet.suspicion is not None:
        yield _fact("votes", Text(f"  {escaping.line(tweet.suspicion.votes)}"))
        if wide and tweet.suspicion.neighbours:
            yield _fact("nearest", Text(f"  {escaping.line(tweet.suspicion.nearest)}"))


def _cut(line: Text, width: int) -> Text:
    """A line, cut with a sign where there is no room for it."""
    line.truncate(max(1, width), overflow="ellipsis")
    return line


def _fact(name: str, value: Text) -> Text:
    return Text.assemble((f"{name:<{NAME_WIDTH}}", DIM), value)


def _prediction(
    prediction: RunPrediction, label: str | None, split: str, width: int, wide: bool
) -> Text:
    run, chance = prediction.run, prediction.chance
    differs = label is not None and prediction.label != label
    name = f"r{run.id} {run.recipe}"[: NAME_WIDTH - 1]
    label_said = fitted(escaping.line(prediction.label), width)
    said = f"{'!' if differs else ' '} {label_said:<{width + 2}}"
    return Text.assemble(
        (f"{escaping.line(name):<{NAME_WIDTH}}", DIM),
        (said, BOLD if differs else ""),
        share_bar(chance, 20 if wide else 10),
        f" {probability(chance)}  ",
        (seen_by(prediction, split), DIM),
    )


@dataclass(frozen=True)
class _Button:
    key: str
    text: str
    brief: str
    cells: int = BOX
    """The room in its box, as much for every tweet."""
    empty: bool = False
    """Whether there is only its room, for a tweet whose prediction is hidden."""


def _buttons(tweet: QueueTweet, width: int, boxed: bool) -> list[Text]:
    every = list(_every_button(tweet))
    if boxed and len(every) <= MOST_BUTTONS and width >= sum(button.cells + 6 for button in every):
        return _boxes(every)
    shown = [button for button in every if not button.empty]
    named = [(button.key, button.text) for button in shown]
    brief = [(button.key, button.brief) for button in shown]
    lines = [_button_line(named, 3), _button_line(named, 2), _button_line(brief, 2)]
    if (line := next((line for line in lines if cell_len(line) < width), None)) is not None:
        return [Text(line, BOLD)]
    longest = max(cell_len(word) for _, word in brief)
    ways = (_button_lines(brief, cells, width) for cells in range(longest, SHORTEST_NAME - 1, -1))
    fitting = next((way for way in ways if len(way) <= MOST_BUTTON_LINES), None)
    if fitting is None:
        digits = [key for key, _ in brief if key.isdigit()]
        others = [(key, word) for key, word in brief if not key.isdigit()]
        fitting = [_button_line([(f"1-{digits[-1]}", "label"), *others], 2)]
    return [Text(line, BOLD) for line in fitting]


def _every_button(tweet: QueueTweet) -> Iterator[_Button]:
    labels = [escaping.line(label) for label in tweet.labels]
    for at, label in enumerate(labels[:9], start=1):
        yield _Button(key_for(f"label_{at}"), label, label, max(BOX, cell_len(label)))
    if len(labels) > 9:
        yield _Button(key_for("menu"), "others", "others")
    if not labels:
        yield _Button(key_for("menu"), "name the labels", "name the labels")
    shown = tweet.details.tweet
    longest = max([BOX, *(len("keep ") + cell_len(label) for label in labels)])
    if shown.pred:
        taken = f"take {escaping.line(shown.pred)}"
        yield _Button(key_for("suggestion"), taken, "take", longest, empty=tweet.blind)
    if shown.label:
        yield _Button("↵", f"keep {escaping.line(shown.label)}", "keep", longest)


def _button_lines(keys: Sequence[tuple[str, str]], cells: int, width: int) -> list[str]:
    """The buttons in as many lines as they need with names of so many cells at most."""
    lines = [""]
    for key, word in keys:
        button = f"[{key}] {fitted(word, cells)}"
        if lines[-1] and cell_len(lines[-1]) + 2 + cell_len(button) >= width:
            lines.append("")
        lines[-1] += f"{'  ' * bool(lines[-1])}{button}"
    return lines


def _button_line(keys: Sequence[tuple[str, str]], gap: int) -> str:
    return (" " * gap).join(f"[{key}] {text}" for key, text in keys)


def _boxes(buttons: Sequence[_Button]) -> list[Text]:
    rows = (Text(), Text(), Text())
    for button in buttons:
        inner = max(button.cells, cell_len(button.text))
        if button.empty:
            for row in rows:
                row.append(" " * (inner + 6))
            continue
        rows[0].append(f"┌─ {button.key} " + "─" * (inner - cell_len(button.key) - 1) + "┐  ", DIM)
        words = button.text + " " * (inner - cell_len(button.text))
        rows[1].append_text(Text.assemble(("│ ", DIM), (words, BOLD), (" │  ", DIM)))
        rows[2].append("└" + "─" * (inner + 2) + "┘  ", DIM)
    return list(rows)

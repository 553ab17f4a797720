"""The queue without a drawn screen: a tweet is printed in lines, an answer is read from a line."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from storage import judgements
from storage.errors import MissingPrerequisite, UsageError, UserError
from storage.history import labels
from storage.history.edit_conflicts import EditConflict
from storage.history.events import EditContext
from storage.history.external_changes import refresh_labels
from storage.plurals import counted, tweet_count
from storage.query import paging, tweets
from storage.runs.review_queues import decided_since
from storage.store import Store, refresh_settings
from storage.tweet import Tweet
from workbench import figures
from workbench.console.options import Settings
from workbench.console.printing import say
from workbench.standard_streams import is_terminal, standard_input
from workbench.tui.command_process import WORKBENCH, run_command
from workbench.tui.editing import edits
from workbench.tui.editing.refusal_sentences import conflict_sentence
from workbench.tui.reviewing.sources import (
    KINDS,
    SUSPECTS,
    ReviewQueue,
    first_kind,
    meanings,
    preparation,
    read_queue,
)

if TYPE_CHECKING:
    from workbench.opened_files import OpenedFile

LISTED = 20
"""Tweets that a list has at most."""
MOST_REPEATED = 40
"""Characters of an answer that are repeated where it is none."""
HELP = """Answers:
  a label or its number; `label NAME` for one that is called like an answer
  take: the label that the model says. keep: the given one, which is right.
  exclude: train without it. ambiguous: people would differ. clear: it has no label.
  flag: look at it again. note TEXT: write that beside it. Neither goes on to the next one.
  skip: it comes again at the end. undo, redo: your last change.
  show: print it again. list FILTER: the tweets that pass it, which are looked for as on the screen.
  queue KIND: go through other tweets: {kinds}.
  quit: leave, as the end of the input does."""
MARKS = {"exclude": "excluded", "ambiguous": "ambiguous", "flag": "review"}
NO_LABELS = "none yet; `workbench labels add NAME…` adds some"
Command = Callable[[Sequence[str]], Any]
"""Has a command of the command line done by a process of its own."""


def review(settings: Settings, file: OpenedFile | None = None) -> None:
    """Go through the suspects of the workspace of the settings; a file is taken in first."""
    with settings.store() as store:

        def command(arguments: Sequence[str]) -> Any:
            whole = (*arguments[:1], "--json", *arguments[1:])
            return asyncio.run(run_command(WORKBENCH, store.folder, *whole, let_finish=True))

        if file is not None:
            _take_in(store, command, file)
        standard_input()  # complains where there is none
        PlainReview(store, command, sys.stdin).run(first_kind(store))


def _take_in(store: Store, command: Command, file: OpenedFile) -> None:
    from workbench.tui.reviewing.opening import description  # with the whole of the screen

    report = command(("import", *file.options, "--", str(file.path)))
    refresh_settings(store)
    say(f"{tweet_count(report['added'])} from {file.path.name}: {description(report)}.")
    for notice in report["notices"]:
        say(notice)


@dataclass
class PlainReview:
    """Goes through queues; whoever types is told of a mistake, and a script is ended by it."""

    store: Store
    command: Command
    answers: TextIO
    queue: ReviewQueue = field(default_factory=lambda: ReviewQueue(SUSPECTS))
    left: deque[int] = field(default_factory=deque)
    shown: Tweet | None = None
    """The tweet that was printed last, as it was then."""

    def run(self, kind: str = SUSPECTS) -> None:
        """Ask until nothing is left, or whoever answers leaves."""
        asks = is_terminal(self.answers)
        self.begin(kind)
        say("`help` lists the answers.")
        while self._next():
            if asks:
                sys.stdout.write("> ")
                sys.stdout.flush()
            line = self.answers.readline()
            if not line or line.strip() == "quit":
                break
            try:
                self._answer(line.strip())
            except UserError as error:
                if not asks:  # what comes next was meant for another tweet
                    raise
                say(str(error))
        say(f"{tweet_count(len(self.left))} left." if self.left else "Nothing is left.")

    def begin(self, kind: str) -> None:
        """Go through a kind of queue, which is made first where it has to be."""
        self.queue = self._read(kind)
        self.left, self.shown = deque(self.queue.ids), None
        meaning, basis = meanings(self.store)[kind], self.queue.basis
        by = f" ({basis})" if basis and basis not in meaning else ""
        more = f" {self.queue.more:,} more follow." if self.queue.more else ""
        say(f"{tweet_count(len(self.left))}: {meaning}{by}.{more}")
        if self.queue.stale:
            say(f"This order is stale: {self.queue.stale}.")
        names = [f"{at} {label}" for at, label in enumerate(self.store.config.labels, start=1)]
        say(f"Labels: {', '.join(names) or NO_LABELS}.")

    def _read(self, kind: str) -> ReviewQueue:
        if prepare := preparation(self.store, kind, anew=False):
            self.command(prepare)
        try:
            return read_queue(self.store.folder, kind, blind=True)
        except MissingPrerequisite:
            if kind != SUSPECTS or self.store.read_only or not tweets.counts(self.store).tweets:
                raise
        say("Looking for labels that are likely wrong: a small model learns from the others.")
        self.command(("suspects", "--limit", "1"))
        return read_queue(self.store.folder, kind, blind=True)

    # The tweet.

    def _next(self) -> bool:
        """Print the next tweet that nobody has decided about meanwhile; False if there is none."""
        while self.left and self.left[0] in self._decided(self.left[0]):
            self.left.popleft()
        if not self.left:
            return False
        if self.shown is None or self.shown.id != self.left[0]:
            self._show()
        return True

    def _decided(self, number: int) -> set[int]:
        return decided_since(self.store, [number], self.queue.event)

    def _show(self) -> None:
        refresh_labels(self.store)
        self.shown = tweet = tweets.tweet(self.store, self.left[0], self.queue.run)
        at = len(self.queue.ids) - len(self.left) + 1
        say("")
        say(f"{at} of {len(self.queue.ids):,}. Tweet {tweet.id}, {tweet.split}.")
        say(tweet.text)
        for line in self._facts(tweet):
            say(line)

    def _facts(self, tweet: Tweet) -> Iterator[str]:
        corrected = f", imported as {tweet.gold or 'none'}" if tweet.changed else ""
        yield f"Label: {tweet.label or 'none'}{corrected}."
        people = judgements.by_annotator(labels.history(self.store, tweet.id))
        if len(people) > 1:
            yield f"People: {', '.join(f'{who} {label}' for who, label in people.items())}."
        if tweet.id in self.queue.blind:
            yield "Model: hidden until there is an answer."
        elif tweet.pred is not None:
            yield f"Model: {_prediction(tweet)}."
        others = [i for i in tweets.duplicates(self.store, tweet.group) if i != tweet.id]
        if others:
            said = [t.label or "none" for t in tweets.window(self.store, others[:5], None, 1)]
            yield f"{counted(len(others), 'near-duplicate')}: {', '.join(said)}."
        if tweet.flags:
            yield f"Marks: {', '.join(tweet.flags)}."
        if tweet.note:
            yield f"Note: {tweet.note}"

    # Answers.

    def _answer(self, text: str) -> None:
        """Do what a line says; raises UsageError where it says nothing that is known."""
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        simple: dict[str, Callable[[], None]] = {
            "": self._show,
            "show": self._show,
            "help": lambda: say(HELP.format(kinds=", ".join(KINDS))),
            "skip": self._skip,
            "undo": lambda: self._undo("Undone", labels.undo),
            "redo": lambda: self._undo("Done again", labels.redo),
            "take": self._take,
            "keep": lambda: self._label(
                lambda tweet: tweet.label, "There is no label to keep; `clear` leaves it so."
            ),
            "clear": lambda: self._label(lambda tweet: None, None),
        }
        if not rest and word in simple:
            simple[word]()
        elif not rest and word in MARKS:
            self._mark(MARKS[word])
        elif word == "note":
            self._save(
                lambda targets: edits.save_note(self.store, targets, (), rest, self._context)
            )
            self._show()
        elif word == "list":
            self._list(rest)
        elif word == "queue" and rest in KINDS:
            self.begin(rest)
        else:
            name = rest if word == "label" and rest else text
            label = self._label_called(name)
            self._label(lambda tweet: label, None)

    def _label_called(self, name: str) -> str:
        known = self.store.config.labels
        if name.isdecimal() and name.isascii() and 1 <= int(name) <= len(known):
            return known[int(name) - 1]
        if (label := self.store.config.label(name)) is None:
            raise UsageError(f"{name[:MOST_REPEATED]!r} is no answer; `help` lists them.")
        return label

    @property
    def _tweet(self) -> Tweet:
        assert self.shown is not None  # noqa: S101 - one is printed before an answer is read
        return self.shown

    @property
    def _context(self) -> EditContext:
        blind = self._tweet.id in self.queue.blind
        return EditContext(self.queue.kind, self.queue.run, None, blind)

    def _take(self) -> None:
        if self._tweet.id in self.queue.blind:
            raise UserError("This one is blind: give its label, or keep the given one.")
        self._label(lambda tweet: tweet.pred, "There is no prediction to take.")

    def _label(self, choose: edits.ChooseLabel, missing: str | None) -> None:
        number, hidden = self._tweet.id, self._tweet.id in self.queue.blind
        self._save(
            lambda targets: edits.save_plan(
                self.store,
                edits.plan_labels(self.store, targets, (), choose, missing),
                self._context,
                None,
            )
        )
        if hidden and self._tweet.pred is not None:
            say(f"The model says {_prediction(self._tweet)}.")
        self._leave(number)

    def _mark(self, mark: str) -> None:
        number = self._tweet.id
        self._save(
            lambda targets: edits.save_plan(
                self.store,
                edits.plan_mark(self.store, targets, (), mark),
                self._context,
                None,
            )
        )
        now = tweets.tweet(self.store, number, self.queue.run)
        if now.excluded or now.ambiguous:
            self._leave(number)
        else:
            self._show()

    def _save(self, save: Callable[[edits.Targets], edits.SavedEdit]) -> None:
        """Save an edit of the tweet as it was printed; it is printed anew where it has changed."""
        tweet = self._tweet
        try:
            saved = save(edits.Targets([tweet.id], [tweet], self.queue.run))
        except EditConflict as conflict:
            self._show()
            raise UserError(
                f"{conflict_sentence(conflict, [tweet.id])}; answer again to overrule."
            ) from conflict
        say(saved.message)

    def _leave(self, number: int) -> None:
        """Go on to the next one; what was decided is the first of the rest."""
        with suppress(ValueError):
            self.left.remove(number)
        self.shown = None

    def _skip(self) -> None:
        self.left.rotate(-1)
        if len(self.left) == 1:
            say("There is no other one left.")

    def _undo(self, done: str, step: Callable[[Store], labels.Change]) -> None:
        change = step(self.store)
        say(edits.undo_sentence(done, change, listed=True))
        for number in change.tweets:
            undecided = number in self.queue.ids and number not in self._decided(number)
            if undecided and number not in self.left:
                self.left.appendleft(number)
        self.shown = None

    def _list(self, wanted: str) -> None:
        for tweet in tweets.each(self.store, wanted, limit=LISTED):
            model = f", model {_prediction(tweet)}" if tweet.disagrees else ""
            say(f"{tweet.id} {tweet.label or 'none'}{model}: {' '.join(tweet.text.split())}")
        number = paging.count(self.store, paging.list_query(self.store, wanted, "id", None))
        say(
            f"{tweet_count(number, 'passes', 'pass')}."
            + " The first are shown." * (number > LISTED)
        )


def _prediction(tweet: Tweet) -> str:
    sure = f", {figures.percent(tweet.confidence)}" if tweet.confidence is not None else ""
    return f"{tweet.pred}{sure} (run {tweet.run})"

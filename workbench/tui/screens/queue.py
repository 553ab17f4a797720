"""The place where one tweet after the other is decided about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from storage.errors import MissingPrerequisite, UserError
from storage.history.events import EditContext
from storage.history.external_changes import refresh_labels
from storage.plurals import ordinal
from storage.query import tweets
from storage.tweet import Tweet
from workbench import escaping
from workbench.opened_files import OpenedFile
from workbench.tui.background_calls import in_background
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.host import host
from workbench.tui.list_screen import ListSettings
from workbench.tui.listing import sort_orders
from workbench.tui.reviewing import opening, progress, queue_keys, queue_text, queue_view, standby
from workbench.tui.reviewing.progress import Answer, Pace
from workbench.tui.reviewing.queue_keys import ABOUT_A_TWEET, OF_QUEUES
from workbench.tui.reviewing.reasons import Reasons
from workbench.tui.reviewing.sources import (
    KINDS,
    SUSPECTS,
    ReviewQueue,
    first_kind,
    hidden_of,
    preparation,
    read_queue,
)
from workbench.tui.reviewing.standby import Standby
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.label_menu import LabelMenu
from workbench.tui.widgets.prompt import PromptLine
from workbench.tui.widgets.queue_card import QueueCard, QueueTweet
from workbench.tui.widgets.top_line import TopLine
from workbench.tui.widgets.tweet_list import TweetList

LOOK_S = 1.0
"""Seconds between two looks at whether others have changed something."""
AHEAD = 3
"""Tweets whose reasons are read before their turn."""


class QueueScreen(LabelKeys):
    """One tweet, large, what is known of it, and its answers as buttons."""

    BINDINGS: ClassVar = [
        key("enter", "open", "keep the label; at the end of the queue, make it anew"),
        key("semicolon,j,down", "skip(1)", "skip: it comes again at the end", key_display="; j"),
        key("k,up", "skip(-1)", "the one before", key_display="k"),
        key("J,shift+down", "scroll_detail(1)", "scroll a long text down"),
        key("K,shift+up", "scroll_detail(-1)", "scroll a long text up"),
        key("m", "queue('margin')", "queue of close calls; m again: of suspects"),
        key("d", "queue('disagreement')", "queue of disagreements; d again: of suspects"),
        key("r", "queue('random')", "queue by lot; r again: of suspects"),
        key("s", "choose_queue", "choose the kind of queue, also conflicts and judgements"),
        key("b", "blind", "blind on or off: every so many without the prediction"),
        key("c", "columns", "other columns of the file that was opened"),
        key("escape", "back", "back to the list; the queue stays as it is", key_display="esc q"),
    ]

    def __init__(self, browse: LabelKeys) -> None:
        super().__init__(browse.store, "queue", browse.save_queue)
        self._queue = ReviewQueue(SUSPECTS)
        self._given: dict[int, str | None] = {}
        self._answers: dict[int, Answer] = {}
        self._pace = Pace()
        self._blind = True
        self._revisits = False
        """Whether somebody has gone back from the end of the queue to what is decided."""
        self._standby: Standby | None = standby.waiting("Looking for suspects…")
        """What is shown in the place of a tweet while there is no queue."""
        self._begun = self._opens = False
        self._reveal = ""
        self._reasons = Reasons(browse.app, self.store, self._reason_came)

    def compose(self) -> ComposeResult:
        """The places, the tweet, and two lines: how far it is, and the keys or a message."""
        yield TopLine("queue")
        yield TweetList(self._fetch, id="queue-tweets")
        yield QueueCard(id="queue-card")
        yield LabelMenu(id="label-menu")
        status = Horizontal(
            Static(id="queue-summary", markup=False),
            Static(id="queue-job", markup=False),
            id="queue-status",
        )
        yield PromptLine(status, id="prompt")

    def on_mount(self) -> None:
        """Nothing is in the queue before somebody comes."""
        self.tweets.display, self.tweets.covered = False, True
        self.tweets.row_after, self.tweets.waits = self._row_after, self.save_queue.waits
        self.set_interval(LOOK_S, self._look_for_changes)
        self.show_keys()

    def on_screen_resume(self) -> None:
        """Make the queue when somebody comes for the first time; later it is as it was left."""
        if not self._begun:
            self._begun = True
            self._load(SUSPECTS, anew=False)
        else:
            self._draw()

    def on_resize(self) -> None:
        """Lay everything out for the new width."""
        self.show_keys()
        if self.is_mounted:
            self._draw()

    # What is in the queue.

    @property
    def left(self) -> int | None:
        """How many are not decided yet; None before there is a queue."""
        return None if self._standby is not None else len(self._queue.ids) - len(self._answers)

    @property
    def shown(self) -> EditContext:
        """The queue, its run and whether the prediction was hidden, kept with every event."""
        return EditContext(
            self._queue.kind, self._queue.run, None, self.tweets.current_id in self._queue.blind
        )

    def go_through(self, kind: str) -> None:
        """Make a queue of this kind, as soon as the screen is there."""
        self._begun = True
        self.call_after_refresh(self._load, kind)

    def open_file(self, file: OpenedFile) -> None:
        """Take a file in, and show the first label that is likely wrong."""
        self._begun = self._opens = True
        self.call_after_refresh(self._open_file, file)

    @work(group="opening")
    async def _open_file(self, file: OpenedFile) -> None:
        def show(*sentences: str) -> None:
            self._stand_by(SUSPECTS, standby.file_taken_in(*sentences))

        try:
            found = await opening.take_in(self.app, file, show)
        except UserError as error:
            show(str(error), "", opening.OTHER)
            if opening.NAMES_CODES in str(error) and self.is_current:
                opening.ask_for_codes(self.app, file)
            return
        finally:
            self._opens = False
        if self._answers:  # of the first guess, which somebody is at
            self.say(f"Now the suspects are ranked by all votes: s, then enter. {found}")
        else:
            self._load(first_kind(self.store), anew=False)
            self.say(found)

    def action_columns(self) -> None:
        """Choose other columns of the file that was opened."""
        opening.choose_columns(self.app, self.store)

    @work(group="queue", exclusive=True)
    async def _load(self, kind: str, anew: bool = True) -> None:
        """Make a queue; what that takes is done by a process or in a thread."""
        self._stand_by(kind, standby.waiting(f"Making the queue: {KINDS[kind]}…"))
        folder, blind, problem = self.store.folder, self._blind, ""
        try:
            if command := preparation(self.store, kind, anew):
                try:
                    await host(self).command(*command, "--json", let_finish=True)
                except UserError as error:  # then what was made before is shown
                    problem = str(error)
            queue = await in_background(lambda: read_queue(folder, kind, blind))
        except UserError as error:
            otherwise = problem or sort_orders.sentence_with_key(error)
            if not problem and isinstance(error, MissingPrerequisite):
                self._stand_by(kind, standby.missing(self.store, error, otherwise))
            else:
                self._stand_by(kind, standby.failed(otherwise))
        else:
            self._take(queue)
            if problem:
                self.say(problem, problem=True)

    def _take(self, queue: ReviewQueue) -> None:
        refresh_labels(self.store)  # those of a file that was taken in by another process
        self._queue, self._answers, self._revisits = queue, {}, False
        self.settings = ListSettings(run=queue.run)
        self._given = {t.id: t.label for t in tweets.window(self.store, queue.ids, None, 1)}
        self._standby = None if queue.ids else standby.empty(queue.kind)
        self._reasons.choose_run(queue.run)
        self.tweets.show(queue.ids)
        self._draw()

    def _stand_by(self, kind: str, shown: Standby) -> None:
        self._queue, self._standby = ReviewQueue(kind), shown
        self.tweets.show(())
        self._draw()

    @work(group="baseline", exclusive=True)
    async def _make_baseline(self) -> None:
        kind = self._queue.kind
        self._stand_by(kind, Standby(("Training a small model on the labels as they are…",)))
        try:
            await host(self).command("train", "--recipe", "baseline", "--json", let_finish=True)
        except UserError as error:
            self._stand_by(kind, standby.failed(str(error)))
        host(self).follow_runs()

    def on_runs_collected(self, event: RunsCollected) -> None:
        """A run has ended: a queue that waited for one can be made, or begun with a guess."""
        self._set("#queue-job", "")
        if self._opens:  # the small model has a first guess, before all votes are counted
            self._load("disagreement", anew=False)
        elif self._standby is not None and self._begun:
            self._load(self._queue.kind)
        else:
            self._draw()

    def on_run_progressed(self, event: RunProgressed) -> None:
        """A run goes on: the line below says how far it is."""
        self._set("#queue-job", event.progress.brief if event.progress.live else "")

    def _fetch(self, ids: Sequence[int]) -> list[Tweet]:
        return tweets.window(self.store, ids, self._queue.run, characters=300)

    def _look_for_changes(self) -> None:
        if self.is_current:
            self.look_for_changes()

    # Where somebody is in it.

    def _row_after(self, row: int, rows_down: int) -> int:
        """The next tweet that is not decided, those that were skipped last."""
        self._revisits = False
        ids = self.tweets.ids
        if not rows_down:
            return row
        self._pace.answered()
        self._answers = self._read_answers()
        self._reveal = self._hidden_prediction(ids[row])
        later = [*range(row + 1, len(ids)), *range(row)]
        return next((at for at in later if self._is_open(ids[at])), row)

    def _hidden_prediction(self, tweet: int) -> str:
        """What was hidden until now, to be said with the answer."""
        if tweet not in self._queue.blind:
            return ""
        shown = tweets.tweet(self.store, tweet, self._queue.run)
        return f"r{self._queue.run} said {shown.pred}." if shown.pred else ""

    def comment(self, text: str, problem: bool = False) -> None:
        """Show what came of an edit, and what was hidden until then."""
        super().comment(f"{text} {self._reveal}".strip(), problem)
        self._reveal = ""

    def _is_open(self, tweet: int) -> bool:
        return tweet not in self._answers and not self.save_queue.waits(tweet)

    @property
    def _at_end(self) -> bool:
        ids = self.tweets.ids
        return bool(ids) and not self._revisits and not any(map(self._is_open, ids))

    def has_tweets(self) -> bool:
        """Whether there is a tweet for a key to act on; says so if there is none."""
        if not self._shows_tweet:
            self.say(self._why_no_tweet("this key"))
        return self._shows_tweet

    @property
    def _shows_tweet(self) -> bool:
        return self._standby is None and not self._at_end

    def _why_no_tweet(self, key: str) -> str:
        back = "; k goes back to the last one" if self._at_end else ""
        return f"No tweet is shown that {key} could be about{back}."

    def hint_for_key(self, name: str) -> str:
        """Why a key that is about a tweet does nothing."""
        idle = self.prompt.request is None and not self._shows_tweet
        return self._why_no_tweet(name) if idle else ""

    def action_skip(self, rows_down: int) -> None:
        """Leave a tweet undecided for now, or go back to the one before."""
        ids, at = self.tweets.ids, self.tweets.cursor
        if not ids:
            self.has_tweets()
            return
        if rows_down < 0:
            before = at if self._at_end else at - 1
            self._revisits = True
            if before < 0:
                self.say("This is the first of the queue.")
            self.tweets.go(before)
            self._draw()
            return
        later = [*range(at + 1, len(ids)), *range(at)]
        following = next((row for row in later if self._is_open(ids[row])), None)
        if following is None:
            self.say("There is no other one left in the queue.")
        else:
            self._revisits = False
            self.tweets.go(following)
            self.say("")

    def action_scroll_detail(self, lines: int) -> None:
        """Scroll a text for which there is no room."""
        if not self._card.scroll_lines(lines):
            self.say(f"The tweet has nothing more {'below' if lines > 0 else 'above'}.")

    def action_open(self) -> None:
        """Keep the label; where no tweet is shown, go on as the lines there say."""
        if self._standby is not None and self._standby.makes:
            self._make_baseline()
        elif self._shows_tweet:
            self.action_keep()
        else:
            self._load(self._queue.kind)

    def action_suggestion(self) -> None:
        """Take the prediction, unless it is hidden."""
        if self._is_blind:
            self.say("This one is blind: give its label by a digit, or keep it with enter.")
        else:
            super().action_suggestion()

    def action_flag(self, mark: str) -> None:
        """Set a mark; excluded and ambiguous tweets are decided with that."""
        super().action_flag(mark)
        current = self.tweets.current
        if current is not None and (current.excluded or current.ambiguous):
            self.tweets.action_move(1)

    def action_queue(self, kind: str) -> None:
        """Go through another kind of queue, or from that back to the suspects."""
        self._load(SUSPECTS if self._queue.kind == kind else kind)

    def action_choose_queue(self) -> None:
        """Choose the kind of queue."""

        def chosen(kind: str | None) -> None:
            if kind is not None:
                self._load(kind)

        self.app.push_screen(
            ChoiceDialog("Go through", list(KINDS.items()), self._queue.kind), chosen
        )

    def action_blind(self) -> None:
        """Hide some predictions until there is an answer, or none; of what is still open."""
        share = self.store.config.queue_blind_every
        if not share:
            self.say("No tweet is blind by the settings (F2), where that can be changed.")
            return
        self._blind = not self._blind
        self._hide_anew()
        every_one = f"Every {ordinal(share)} tweet is shown without the prediction."
        self.say(every_one if self._blind else "All predictions are shown.")

    def _hide_anew(self) -> None:
        """Hide the predictions of as many of the open tweets as the settings say now."""
        if self._standby is None and self._queue.run is not None:
            share = self.store.config.queue_blind_every
            left = [i for i in self._queue.ids if self._is_open(i)]
            blind = (self._queue.blind - set(left)) | hidden_of(left, share if self._blind else 0)
            self._queue = replace(self._queue, blind=blind, blind_every=share)
            self._draw()

    def go_by_settings(self) -> None:
        """Take on what the settings say now."""
        super().go_by_settings()
        if self.store.config.queue_blind_every != self._queue.blind_every:
            self._hide_anew()

    def action_back(self) -> None:
        """Leave the input, else the place."""
        if self.prompt.request is not None:
            self.prompt.close()
        else:
            self.app.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key decides anything while text is being typed, or where no tweet is shown."""
        if not self.is_mounted:
            return True
        if self.prompt.request is not None:
            return action in ("back", "help")
        if action in ABOUT_A_TWEET:
            return self._shows_tweet
        if action in OF_QUEUES:
            return not self._opens and tweets.counts(self.store).tweets > 0
        return action != "open" or self._standby is None or self._standby.takes_enter

    # What is shown.

    @property
    def _card(self) -> QueueCard:
        return self.query_one(QueueCard)

    @property
    def _is_blind(self) -> bool:
        """Whether the prediction for the present tweet is hidden."""
        number = self.tweets.current_id
        return number in self._queue.blind and number not in self._answers

    def show_keys(self) -> None:
        """Name the keys of the queue."""
        if not self.is_mounted:
            return
        room = self.size.width - 2
        if self._standby is not None:
            self.prompt.name_keys(queue_keys.without_tweet(self._standby.keys, room))
        elif self._at_end:
            self.prompt.name_keys(queue_keys.at_end(room))
        else:
            self.prompt.name_keys(queue_keys.while_answering(room))

    @on(TweetList.Settled)
    def _settled(self) -> None:
        self._draw()

    def _read_answers(self) -> dict[int, Answer]:
        return progress.read_answers(self.store, self._queue, self._given)

    def _draw(self) -> None:
        """Show the present tweet, or what is said in its place, and how far the queue is."""
        if not self.query(QueueCard):
            return
        queue, number = self._queue, self.tweets.current_id
        self._answers = self._read_answers() if queue.ids else {}
        tweet, sentences = None, () if self._standby is None else self._standby.sentences
        if self._at_end:
            sentences = queue_text.end_sentences(queue, self._answers)
        elif self._standby is None and number is not None:
            tweet = self._read_tweet(number)
        head = queue_view.head(
            queue, self._answers, self._pace, self.tweets.cursor, self._at_end, self.size.width
        )
        self._card.show(head, tweet, sentences)
        self.show_keys()
        self._set("#queue-summary", queue_view.summary(queue, self._answers))
        host(self).places.show_standing()
        if tweet is not None and self.is_current:
            left = [i for i in queue.ids[self.tweets.cursor + 1 :] if self._is_open(i)]
            self._reasons.want([number, *left[:AHEAD]] if number is not None else [])

    def _read_tweet(self, number: int) -> QueueTweet:
        self.tweets.look_again()
        self.tweets.tweet_at(self.tweets.cursor)  # what keys are checked against: as old as this
        waits = self.save_queue.waits(number)
        return queue_view.read_tweet(
            self.store, self._queue, self._reasons, number, self._is_blind, waits
        )

    def _reason_came(self, tweet: int) -> None:
        if self.is_current and self.query(TweetList) and tweet == self.tweets.current_id:
            self._draw()  # unless the program is just ending

    def _set(self, name: str, text: str) -> None:
        for line in self.query(name).results(Static):
            if str(line.content) != text:
                line.update(escaping.line(text), layout=name == "#queue-job")

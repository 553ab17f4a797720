"""The place where one tweet after the other is decided about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from storage.history.events import EditContext
from storage.history.external_changes import refresh_labels
from storage.history.undoing import can_undo
from storage.plurals import ordinal
from storage.query import tweets
from storage.transactions import read_transaction
from storage.tweet import Tweet
from workbench import escaping
from workbench.opened_files import OpenedFile
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.host import host
from workbench.tui.list_screen import ListSettings
from workbench.tui.listing import run_offers
from workbench.tui.reviewing import opening, queue_keys, queue_text, queue_view, standby
from workbench.tui.reviewing.deciding_keys import DecidingKeys
from workbench.tui.reviewing.making import QueueMaking
from workbench.tui.reviewing.queue_keys import ABOUT_A_TWEET, OF_QUEUES
from workbench.tui.reviewing.reasons import TOGETHER, Reasons
from workbench.tui.reviewing.sources import SUSPECTS, ReviewQueue, meanings
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


class QueueScreen(DecidingKeys):
    """One tweet, large, what is known of it, and its answers as buttons."""

    BINDINGS: ClassVar = [
        key("m", "queue('margin')", "queue of close calls; again: of suspects"),
        key("d", "queue('disagreement')", "queue of disagreements; again: of suspects"),
        key("r", "queue('random')", "queue by lot; again: of suspects"),
        key("s", "choose_queue", "choose the kind of queue, also conflicts and judgements"),
        key("b", "blind", "blind on or off: every so many without the prediction"),
        key("c", "columns", "other columns of the file that was opened"),
        run_offers.TAKE,
        run_offers.LEAVE,
        key("escape", "back", "back to the list; the queue stays as it is", key_display="esc q"),
    ]

    def __init__(self, browse: LabelKeys) -> None:
        super().__init__(browse.store, browse.save_queue)
        self._making = QueueMaking(screen=self, shows=self, walk=self._walk)
        self._begun = False
        self._summary = Static(id="queue-summary", markup=False)
        self._job = Static(id="queue-job", markup=False)
        self._reasons = Reasons(browse.app, self.store, self._reason_came)

    def compose(self) -> ComposeResult:
        """The places, the tweet, and two lines: how far it is, and the keys or a message."""
        yield TopLine("queue")
        yield TweetList(self._fetch, id="queue-tweets")
        yield QueueCard(id="queue-card")
        yield LabelMenu(id="label-menu")
        yield PromptLine(Horizontal(self._summary, self._job, id="queue-status"), id="prompt")

    def on_mount(self) -> None:
        """Nothing is in the queue before somebody comes."""
        self.tweets.display, self.tweets.covered, self.tweets.windows.size = False, True, 1
        self.tweets.row_after, self.tweets.waits = self._row_after, self.save_queue.waits
        self.set_interval(LOOK_S, self._look_for_changes)
        self.show_keys()

    def on_screen_resume(self) -> None:
        """Make the queue when somebody comes for the first time; later it is as it was left."""
        if not self._begun:
            self._begun = True
            self._making.load(SUSPECTS, anew=False)
        else:
            self.draw()

    def on_resize(self) -> None:
        """Lay everything out for the new width."""
        self.show_keys()
        if self.is_mounted:
            self.draw()

    # What is in the queue.

    @property
    def left(self) -> int | None:
        """How many are not decided yet; None before there is a queue."""
        return None if self._standby is not None else self._walk.left

    @property
    def shown(self) -> EditContext:
        """The queue, its run and whether the prediction was hidden, kept with every event."""
        queue = self._walk.queue
        return EditContext(queue.kind, queue.run, None, self.tweets.current_id in queue.blind)

    def go_through(self, kind: str) -> None:
        """Make a queue of this kind, as soon as the screen is there."""
        self._begun = True
        self.call_after_refresh(self._making.load, kind)

    def open_file(self, file: OpenedFile) -> None:
        """Take a file in, and show the first label that is likely wrong."""
        self._begun = self._making.takes_file_in = True
        self.call_after_refresh(self._making.take_in, file)

    def action_columns(self) -> None:
        """Choose other columns of the file that was opened."""
        opening.choose_columns(self.app, self.store)

    def take_queue(self, queue: ReviewQueue) -> None:
        """Show a queue from its first tweet on, or why it has none."""
        refresh_labels(self.store)  # those of a file that was taken in by another process
        self._walk.begin(queue)
        self.settings = ListSettings(run=queue.run)
        self._standby = None if queue.ids else standby.empty(queue.kind)
        self._reasons.choose_run(queue.run)
        self.tweets.show(queue.ids)
        self.draw()

    def stand_by(self, kind: str, shown: Standby) -> None:
        """Say something in the place of a queue of this kind."""
        self._walk.begin(ReviewQueue(kind))
        self._standby = shown
        self.tweets.show(())
        self.draw()

    def on_runs_collected(self, event: RunsCollected) -> None:
        """A run has ended: a queue that waited for one can be made, or begun with a guess."""
        _show(self._job, "")
        if self._making.takes_file_in:
            # the small model has a first guess, before all votes are counted
            self._making.load("disagreement", anew=False)
        elif self._standby is not None and self._begun:
            self._making.load(self._walk.queue.kind)
        else:
            self.draw()

    def on_run_progressed(self, event: RunProgressed) -> None:
        """A run goes on: the line below says how far it is."""
        _show(self._job, event.progress.brief if event.progress.live else "")

    def _fetch(self, ids: Sequence[int]) -> list[Tweet]:
        return tweets.window(self.store, ids, self._walk.queue.run, characters=300)

    def _look_for_changes(self) -> None:
        if self.is_current:
            self.look_for_changes()

    def look_again(self) -> None:
        """Read what is on the screen again, and an empty queue whose tweets may be open again."""
        super().look_again()
        if self._standby is not None and self._standby.is_empty:
            self._making.read_again(self._walk.queue.kind)

    def go_on(self) -> None:
        """Make the run that is missing, or else the queue."""
        if self._standby is not None and self._standby.makes:
            self._making.make_baseline(self._walk.queue.kind)
        else:
            self._making.load(self._walk.queue.kind)

    def action_queue(self, kind: str) -> None:
        """Go through another kind of queue, or from that back to the suspects."""
        self._making.load(SUSPECTS if self._walk.queue.kind == kind else kind)

    def action_choose_queue(self) -> None:
        """Choose the kind of queue."""

        def chosen(kind: str | None) -> None:
            if kind is not None:
                self._making.load(kind)

        self.app.push_screen(
            ChoiceDialog("Go through", list(meanings(self.store).items()), self._walk.queue.kind),
            chosen,
        )

    def action_blind(self) -> None:
        """Hide some predictions until there is an answer, or none; of what is still open."""
        share = self.store.config.queue_blind_every
        if not share:
            self.say(
                f"No tweet is blind by the settings ({key_for('settings')}), "
                "where that can be changed."
            )
            return
        self._walk.hides = not self._walk.hides
        self._hide_anew()
        every_one = f"Every {ordinal(share)} tweet is shown without the prediction."
        self.say(every_one if self._walk.hides else "All predictions are shown.")

    def _hide_anew(self) -> None:
        if self._standby is None and self._walk.hide_anew():
            self.draw()

    def go_by_settings(self) -> None:
        """Take on what the settings say now."""
        super().go_by_settings()
        if self.store.config.queue_blind_every != self._walk.queue.blind_every:
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
            return not self._making.takes_file_in and tweets.counts(self.store).tweets > 0
        return action != "open" or self._standby is None or self._standby.takes_enter

    # What is shown.

    def show_keys(self) -> None:
        """Name the keys of the queue."""
        if not self.is_mounted:
            return
        room = self.size.width - 2
        if self._standby is not None:
            self.prompt.name_keys(queue_keys.without_tweet(self._standby.keys, room))
        elif self._walk.at_end:
            has_run = tweets.shown_run(self.store) is not None
            self.prompt.name_keys(queue_keys.at_end(room, has_run))
        else:
            use = queue_keys.QueueUse(
                writable=not self.store.read_only,
                hides=self.store.config.queue_blind_every > 0 and self._walk.queue.run is not None,
                can_undo=can_undo(self.store),
                has_others=self._walk.next_row(self.tweets.cursor) is not None,
                columns_are_open=opening.has_unnamed_labels(self.store),
            )
            self.prompt.name_keys(queue_keys.while_answering(room, use))

    @on(TweetList.Settled)
    def _settled(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Show the present tweet, or what is said in its place, and how far the queue is."""
        if any(isinstance(child, QueueCard) for child in self.children):  # quicker than a query
            with read_transaction(self.store.db):  # somebody may take the tweet out meanwhile
                self._draw()

    def _draw(self) -> None:
        self._leave_out_deleted()
        self.tweets.followed()
        self._walk.look()
        if (row := self._walk.row_after_end(self.tweets.cursor)) is not None:
            self.tweets.go(row)
        queue, answers, number = self._walk.queue, self._walk.answers, self.tweets.current_id
        tweet, sentences = None, () if self._standby is None else self._standby.sentences
        if self._walk.at_end:
            sentences = queue_text.end_sentences(self.store, queue, answers)
        elif self._standby is None and number is not None:
            self._walk.meet(number)
            tweet = self._read_tweet(number)
            self.tell_news(number)
        head = queue_view.head(
            queue,
            answers,
            self._walk.pace,
            self.tweets.cursor,
            self._walk.at_end,
            self.size.width,
        )
        self._card.show(head, tweet, sentences)
        self.show_keys()
        _show(self._summary, queue_view.summary(queue, answers, self.size.width))
        host(self).places.show_standing()
        if tweet is not None and self.is_current:
            ahead = itertools.islice(self._walk.open_after(self.tweets.cursor), TOGETHER)
            self._reasons.want([number, *ahead] if number is not None else [])

    def _leave_out_deleted(self) -> None:
        self._walk.leave_out_deleted()
        queue, here = self._walk.queue, self.tweets.current_id
        if self._standby is None and queue.ids != self.tweets.ids:
            self._standby = None if queue.ids else standby.empty(queue.kind)
            at = queue.ids.index(here) if here in queue.ids else self.tweets.cursor
            self.tweets.show(queue.ids, at)

    def _read_tweet(self, number: int) -> QueueTweet | None:
        self.tweets.look_again()
        self.tweets.tweet_at(self.tweets.cursor)  # what keys are checked against: as old as this
        waits = self.save_queue.waits(number)
        return queue_view.read_tweet(
            self.store,
            self._walk.queue,
            self._reasons,
            number,
            self._walk.is_blind(number),
            waits,
        )

    def _reason_came(self, tweet: int) -> None:
        if self.is_current and self.query(TweetList) and tweet == self.tweets.current_id:
            self.draw()  # unless the program is just ending


def _show(line: Static, text: str) -> None:
    if str(line.content) != text:
        line.update(escaping.line(text), layout=line.id == "queue-job")

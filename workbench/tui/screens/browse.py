"""The screen on which tweets are read and their labels corrected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from storage.history.undoing import can_undo
from storage.query import tweets
from storage.store import Store
from storage.transactions import read_transaction
from workbench import escaping
from workbench.tui.acting_keys import key_for
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.host import host
from workbench.tui.last_view import View
from workbench.tui.list_screen import NO_TWEET, ListSettings
from workbench.tui.listing import browse_keys, run_offers, standing_words
from workbench.tui.listing.displayed_run import DisplayedRun
from workbench.tui.listing.filter_help import filter_help
from workbench.tui.listing.filter_keys import FilterKeys
from workbench.tui.listing.sort_orders import why_impossible
from workbench.tui.listing.standing_words import ListState
from workbench.tui.run_messages import RunProgressed, RunsCollected
from workbench.tui.widgets import detail
from workbench.tui.widgets.card import TweetCard
from workbench.tui.widgets.detail_pane import DetailPane
from workbench.tui.widgets.keys import KeyHelp, key
from workbench.tui.widgets.label_menu import LabelMenu
from workbench.tui.widgets.prompt import PromptLine
from workbench.tui.widgets.status import StatusLine
from workbench.tui.widgets.top_line import TopLine
from workbench.tui.widgets.tweet_list import TweetList
from workbench.tui.widgets.tweet_reasons import TweetReasons, read_reasons

NARROW = 100
"""Columns below which the details stand under the list instead of beside it."""
LOOK_S = 1.0
"""Seconds between two looks at whether others have changed something."""
MOST_KEPT = 2_000
"""Kept labels that are counted, which takes some milliseconds."""


class BrowseScreen(FilterKeys, LabelKeys):
    """A list of tweets, the details of one, a line for input, a line for the state."""

    BINDINGS: ClassVar = [
        key("enter", "open", "open the tweet on a card; there, keep its label: it is looked at"),
        key("v", "mark", "mark, so that a key acts on all marked tweets"),
        key("V", "mark_range", "mark from the last mark to here"),
        key("equals_sign", "mark_twins", "mark all equal or nearly equal tweets", key_display="="),
        key("y", "copy", "copy the text to the terminal's clipboard"),
        key("K,shift+up", "scroll_detail(-1)", "scroll the details up"),
        key("J,shift+down", "scroll_detail(1)", "scroll the details down"),
        key("h", "history", "unfold the history in the details, or fold it"),
        run_offers.TAKE,
        run_offers.LEAVE,
        key("t", "train", "train"),
        key("r", "runs", "runs"),
        key("escape", "back", "unmark, go back, or clear the filter", key_display="esc"),
    ]

    def __init__(self, store: Store, view: View | None = None) -> None:
        super().__init__(store)
        self._view = view or View()
        self.displayed_run = DisplayedRun(self)
        self._has_twins = False
        """Whether other tweets have the text of the one under the cursor."""

    def compose(self) -> ComposeResult:
        """The places, the list and its details, two lines of text."""
        self.set_class(self.app.size.width < NARROW, "-narrow")  # or its first picture is wide
        yield TopLine("browse")
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield Static(id="columns", markup=False)
                yield TweetList(self._fetch, id="tweets")
                yield Static(id="empty", markup=False)
            yield DetailPane(id="detail")
            yield TweetCard(id="card")
        yield LabelMenu(id="label-menu")
        yield PromptLine(StatusLine(id="status"), id="prompt")

    def on_mount(self) -> None:
        """Show the whole list, whose ids are known without reading them."""
        self.tweets.windows.values = self._values
        self.tweets.waits = self.save_queue.waits
        self.set_interval(LOOK_S, self._look_for_changes)
        self.tweets.focus()
        self.show_keys()
        problems = [notice.sentence for notice in self.store.notices]
        problems += [
            f"{key!r} is not the key of {label}, since it is another's too or means something "
            "else; choose another letter in workbench.toml."
            for label, key in self.store.config.refused_keys().items()
        ]
        if problems:
            self.say(" ".join(problems), problem=True)
        everything = tweets.TweetList(tweets.listing(self.store), True, ())
        self.fill(ListSettings(run=tweets.shown_run(self.store)), everything, self._view.tweet)
        self._come_back()

    def _come_back(self) -> None:
        """List what was listed when the workspace was left, if that can still be."""
        wanted = replace(self.settings, filter=self._view.filter, sort=self._view.sort)
        possible = wanted.sort in tweets.SORTS
        if wanted != self.settings and possible and not why_impossible(self.store, wanted):
            self.find(wanted, self._view.tweet)
            if wanted.filter:
                self.say("The list is as you left it; esc clears the filter.")

    def _look_for_changes(self) -> None:
        if self.is_current:
            self.look_for_changes()
        else:
            host(self).places.show_standing()  # all places have that line, and may wait for it

    @on(TweetList.Settled)
    def _settled(self) -> None:
        if self.is_current:  # else it is looked at again when it is seen again
            with read_transaction(self.store.db):
                self._follow_cursor()

    def _follow_cursor(self) -> None:
        if (number := self.tweets.current_id) is None:
            self.close_overlay()
        if self.card.opened:
            self._fill_card()
        else:
            self._show_details(number)
        self.drop_comment()
        self.replace_impossible_order()
        self.leave_out_deleted()
        self.show_keys()
        host(self).places.show_standing()
        self.query_one(StatusLine).summary(standing_words.describe(self._state(), self.size.width))

    def _state(self) -> ListState:
        """The list as it stands, read from the store now."""
        kept = tweets.kept_count(self.store, MOST_KEPT + 1)
        return ListState(
            self.settings.filter,
            self.order_description(),
            self.tweets.cursor,
            len(self.tweets.ids),
            len(self.tweets.marked),
            tweets.counts(self.store),
            f"{kept:,}" if kept <= MOST_KEPT else f"over {MOST_KEPT:,}",
            [*(notice.word for notice in self.store.notices), *self._news()],
        )

    def _show_details(self, number: int | None) -> None:
        pane, narrow = self.query_one(DetailPane), self.size.width < NARROW
        details = None if number is None else detail.read_details(self.store, number, self.run)
        reasons = TweetReasons() if details is None else read_reasons(self.store, details)
        self._has_twins = details is not None and bool(details.duplicates)
        pane.show(details, reasons, narrow)

    def on_screen_resume(self) -> None:
        """Show what was done in other places."""
        if self.query(TweetList):
            self.look_again()

    def go_by_settings(self) -> None:
        """Take on what the settings say now, and labels that have come or are called otherwise."""
        super().go_by_settings()
        if self.query(TweetList):
            self._show_columns()

    def refresh_status(self) -> None:
        """Bring the status line up to date, once the cursor rests."""
        if self.query(TweetList):  # else it is read when the list comes
            self.tweets.settle()

    def _news(self) -> Iterator[str]:
        if (run := self.displayed_run.offered) is not None:
            yield f"run {run.id} offered ({key_for('take_offer')})"
        if word := host(self).engine_word:
            yield word

    @on(TweetList.Stuck)
    def _stuck(self) -> None:
        where = "first" if self.tweets.cursor == 0 else "last"
        if len(self.tweets.ids) == 1:
            where = "only"
        self.comment(f"This is the {where} tweet of the list." if self.tweets.ids else NO_TWEET)

    def hint_for_key(self, name: str) -> str:
        """The digits of the labels that begin with a letter."""
        if self.prompt.request is not None:
            return ""
        meant = [
            f"{key_for(f'label_{number}')} for {label}"
            for number, label in enumerate(self.store.config.labels[:9], start=1)
            if label[:1].casefold() == name.casefold()
        ]
        others = self.store.config.labels[9:]
        if any(label[:1].casefold() == name.casefold() for label in others):
            meant.append(f"{key_for('menu')} {name} for others")
        return f"{name} labels nothing; press {' or '.join(meant)}." if meant else ""

    def on_resize(self, event: events.Resize) -> None:
        """Lay the details out for the new width."""
        self.show_keys()
        self.tweets.settle_now()

    def on_click(self, event: events.Click) -> None:
        """A click on the heading of the list orders it by the column there."""
        if event.widget is not None and event.widget.id == "columns":
            self.sort_by_column(event.screen_x - event.widget.region.x)

    # The card of one tweet.

    @property
    def card(self) -> TweetCard:
        """The card of the tweet under the cursor, opened or not."""
        return self.query_one(TweetCard)

    def action_open(self) -> None:
        """Open the card of the tweet; on it, keep the label."""
        if self.card.opened:
            self.action_keep()
        elif self.has_tweets():
            self._show_card(True)

    def _show_card(self, seen: bool) -> None:
        self.tweets.covered = seen
        if seen:
            self._fill_card()
        self.card.open(seen)
        self.say("")
        self.show_keys()
        self.tweets.settle()

    def _fill_card(self) -> None:
        number = self.tweets.current_id
        details = None if number is None else detail.read_details(self.store, number, self.run)
        waits = number is not None and self.save_queue.waits(number)
        self.card.show(details, self.store.config.labels, waits)

    def close_overlay(self) -> bool:
        """Leave the card, if it is open."""
        if seen := self.card.opened:
            self._show_card(False)
        return seen

    # Marks, clipboard, details, back.

    _last_mark: int | None = None

    def action_mark(self) -> None:
        """Mark the tweet and go on."""
        if not self._marks():
            return
        self._last_mark = self.tweets.cursor
        self.tweets.toggle_mark()
        self._say_marked()
        self.tweets.action_move(1)

    def action_mark_range(self) -> None:
        """Mark all rows from the last mark to the cursor."""
        if not self._marks():
            return
        first = self.tweets.cursor if self._last_mark is None else self._last_mark
        self.tweets.mark_rows(first, self.tweets.cursor)
        self._say_marked()

    def action_mark_twins(self) -> None:
        """Mark the tweet and all whose text is equal or nearly equal, or take these marks away."""
        if not self._marks() or (current := self.tweets.current) is None:
            return
        twins = tweets.duplicates(self.store, current.group)
        if len(twins) == 1:
            self.comment("No other tweet has this text, or nearly this one.")
        else:
            self.tweets.toggle_marks(twins)
            self._say_marked(f" ({detail.labels_in_words(self.store, twins)})")

    def _marks(self) -> bool:
        if self.card.opened:
            self.say(
                "On a card every key acts on its tweet alone; esc goes to the list and its marks."
            )
        return not self.card.opened and self.has_tweets()

    def _say_marked(self, labels: str = "") -> None:
        count = len(self.tweets.marked)
        said = f"{count:,} marked{labels}; label keys act on all of them, esc unmarks."
        self.say(said if count else "")

    def action_copy(self) -> None:
        """Send the text to the clipboard of the terminal."""
        if self.has_tweets() and (number := self.tweets.current_id) is not None:
            text = escaping.lines(tweets.tweet(self.store, number).text)
            self.app.copy_to_clipboard(text)
            self.comment(f"Tweet {number} sent to the terminal's clipboard.")

    def action_scroll_detail(self, lines: int) -> None:
        """Scroll the details."""
        pane = self.query_one(DetailPane)
        if self.card.opened:
            if not self.card.scroll_lines(lines):
                self.comment(f"The card shows nothing more {'below' if lines > 0 else 'above'}.")
            return
        if not pane.scroll_lines(lines):
            self.comment(f"The details show nothing more {'below' if lines > 0 else 'above'}.")

    def action_history(self) -> None:
        """Show all of the history in the details, or its newest events only."""
        if self.card.opened:
            self.say(
                f"esc goes to the list, beside which {key_for('history')} unfolds the history."
            )
        elif self.has_tweets() and not self.query_one(DetailPane).fold_history():
            self.comment("All of its history is shown.")

    def action_back(self) -> None:
        """Leave the input, else the card, else unmark, else go back, else clear the filter."""
        if self.prompt.request is not None:
            self.prompt.close()
        elif self.close_overlay():
            return
        elif self.tweets.marked:
            self.tweets.unmark()
            self.say("")
        elif host(self).places.return_from_tweets():
            return
        elif self.settings.filter:
            self.clear_filter()
        else:
            self.say(f"There is no mark and no filter to take away; {key_for('leave')} quits.")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key edits or moves away while text is being typed."""
        asking = self.is_mounted and self.prompt.request is not None
        return not asking or action in ("back", "help")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """A click on the list leaves the input."""
        if event.widget is self.tweets:
            self.prompt.close()

    # The lines at the bottom, and news of runs.

    def show_keys(self) -> None:
        """Name the keys in the last line."""
        current, marked = self.tweets.current, bool(self.tweets.marked)
        use = browse_keys.ListUse(
            has_tweets=bool(self.tweets.ids),
            has_disagreement=self.has_disagreement_below(),
            writable=not self.store.read_only,
            has_jumped=self.has_jumped,
            can_undo=can_undo(self.store),
            is_predicted=marked or (current is not None and current.pred is not None),
            has_twins=self._has_twins,
            is_filtered=bool(self.settings.filter),
        )
        if self.card.opened:
            self.prompt.name_keys(browse_keys.card_keys(use))
        elif not tweets.counts(self.store).tweets:
            self.prompt.name_keys(browse_keys.WITHOUT_TWEETS)
        else:
            room = self.size.width - 2
            self.prompt.name_keys(browse_keys.list_keys(self.store.config, room, use))

    def help_filters(self) -> list[KeyHelp]:
        """What a filter can ask for, for the help screen."""
        return filter_help(self.store)

    def on_run_progressed(self, event: RunProgressed) -> None:
        """A run goes on: the status line says how far it is."""
        self.query_one(StatusLine).job(event.progress.brief if event.progress.live else "")

    def on_runs_collected(self, event: RunsCollected) -> None:
        """Runs have ended: the list stays as it is, and what is offered is said."""
        self.query_one(StatusLine).job("")
        self.tweets.settle()

    def action_train(self) -> None:
        """Start a run, or see how far it is."""
        host(self).places.go("train")

    def action_runs(self) -> None:
        """Show all runs."""
        host(self).places.go("runs")

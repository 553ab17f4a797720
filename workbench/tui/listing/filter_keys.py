"""The keys that filter and sort the list, and jump within it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual import on, work
from textual.message import Message
from textual.widgets import Static

from storage.errors import UserError
from storage.plurals import tweet_count
from storage.query import tweets
from storage.query.completions import completions
from storage.query.filters import FilterError, filter_for
from storage.query.order_validity import Basis
from storage.query.order_values import order_values
from storage.runs import suspect_ranking
from storage.runs.displayed_run import require_predictions
from storage.runs.review_queues import newest_removal
from storage.store import Store
from storage.tweet import Tweet
from workbench import escaping
from workbench.tui.acting_keys import key_for
from workbench.tui.dialogs.choose import ChoiceDialog
from workbench.tui.helping_keys import no_tweets, sentence_with_key
from workbench.tui.host import host
from workbench.tui.list_screen import NO_TWEET, ListScreen, ListSettings
from workbench.tui.listing import sort_orders
from workbench.tui.listing.filter_completion import completed, continuations
from workbench.tui.listing.run_names import run_name, shown_instead
from workbench.tui.listing.search import ListSearch, Superseded, count_parts
from workbench.tui.widgets import rows
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.prompt import PromptRequest
from workbench.tui.widgets.row_of_tweet import row_of
from workbench.tui.widgets.tweet_list import TweetList

SEARCHED, NEAR = 100_000, 2_000
"""Rows that the keys for the next disagreement look at, a tenth of a second's work, and those that
are looked at before the key is named."""
BATCH = 500
APPLIES = "enter applies, esc leaves"
NO_MATCH = "No tweet passes this filter; esc clears it."


class FilterKeys(ListScreen):
    """A list of tweets that keys filter, sort and jump in."""

    BINDINGS: ClassVar = [
        key("slash", "filter", "filter", key_display="/"),
        key("s", "sort", "sort"),
        key("right_square_bracket", "disagreement(1)", "next disagreement", key_display="]"),
        key("apostrophe", "jump_back", "back to where you were before a jump", key_display="'"),
        key("left_square_bracket", "disagreement(-1)", "previous disagreement", key_display="["),
    ]

    class Found(Message):
        """What a search has found: the first page of the list, or the whole of it."""

        def __init__(
            self, ticket: int, settings: ListSettings, found: tweets.TweetList, keep: int | None
        ) -> None:
            super().__init__()
            self.ticket, self.settings, self.keep = ticket, settings, keep
            self.found = found

    class NotFound(Message):
        """A search could not be made."""

        def __init__(self, error: UserError) -> None:
            super().__init__()
            self.error = error

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._list_search = ListSearch(store.folder)
        self._before = ListSettings()
        self._awaited: ListSettings | None = None
        """The list that is being searched for."""
        self._basis: Basis = ()
        self._given_up: ListSettings | None = None
        self._jumped_from: tuple[ListSettings, int | None] | None = None
        """The list, and the tweet in it, on which somebody was before a jump."""
        self._removal = newest_removal(store)
        """The newest removal of tweets whose tweets the list has left out."""
        self._painted = 0
        """The ticket of the last search whose first page was shown before the whole list came."""

    def hint(self, text: str) -> None:
        """Show a line below the input."""
        self.prompt.hint(text)

    # The list.

    def _fetch(self, ids: Sequence[int]) -> list[Tweet]:
        return tweets.window(self.store, ids, self.run, characters=300)

    def find(self, settings: ListSettings, keep: int | None = None) -> None:
        """Search for the tweets of a list; the cursor goes to the kept one if it is found."""
        try:
            filter_for(self.store, settings.filter)
        except FilterError as error:
            if self.prompt.request is None or not completions(self.store, settings.filter):
                self._complain(error)
            return
        self._awaited = settings
        self._search(self._list_search.begin(), settings, keep)

    @property
    def wanted(self) -> ListSettings:
        """The list that comes, or else the one that is shown: what the next key changes."""
        return self._awaited or self.settings

    @work(thread=True, group="list")
    def _search(self, ticket: int, settings: ListSettings, keep: int | None) -> None:
        try:
            for found in self._list_search.find(ticket, settings):
                self.post_message(self.Found(ticket, settings, found, keep))
        except Superseded:
            return
        except UserError as error:
            self.post_message(self.NotFound(error))
            return

    @on(Found)
    def _found(self, event: Found) -> None:
        keep = event.keep
        if event.found.whole:
            keep = self.tweets.current_id if self._painted == event.ticket else keep
        elif keep is None or keep in event.found.ids:
            self._painted = event.ticket
        else:
            return
        self.fill(event.settings, event.found, keep)

    def fill(
        self, settings: ListSettings, found: tweets.TweetList, keep: int | None = None
    ) -> None:
        """Show these tweets, with the cursor on the kept one if it is among them."""
        self.settings, self._basis, self._given_up = settings, found.basis, None
        if settings == self._awaited:
            self._awaited = None
        ids, whole = found.ids, found.whole
        row = None if keep is None else row_of(ids, keep)
        self._show_columns()
        if whole and self.tweets.marked:
            self.tweets.marked &= set(ids)
        self.tweets.show(ids, row or 0)
        empty = self.query_one("#empty", Static)
        if empty.display == bool(ids):
            empty.display = not ids
            self.tweets.display = bool(ids)
        if not ids:
            some = tweets.counts(self.store).tweets
            empty.update(NO_MATCH if some else no_tweets())
            if some and whole:
                self._count_parts(settings)
        if self.prompt.request is not None:
            number = tweet_count(len(ids)) if whole else "… tweets"
            self.hint(f"{number}; {self._hint_of_prompt()}")
        elif self.focused is not self.tweets:
            self.tweets.focus()

    @work(thread=True, group="parts", exclusive=True)
    def _count_parts(self, settings: ListSettings) -> None:
        """Count what each part of a filter that finds nothing finds alone."""
        found = count_parts(self.store.folder, settings)
        if found:
            self.app.call_from_thread(self._show_parts, settings, found)

    def _show_parts(self, settings: ListSettings, found: str) -> None:
        if settings == self.settings and not self.tweets.ids:
            self.query_one("#empty", Static).update(f"{NO_MATCH}\n\n{found}")

    def show_run(self, run: int) -> None:
        """Search again with the predictions of another run."""
        self.find(replace(self.wanted, run=run), self.tweets.current_id)

    def take_predictions(self, run: int | None) -> None:
        """Show the predictions of another run in the list as it stands, so that nothing moves."""
        self.settings = replace(self.settings, run=run)
        self._before = replace(self._before, run=run)
        self._show_columns()
        self.look_again()

    def replace_impossible_order(self) -> None:
        """Sort by another order where the run or the ranking that it goes by was deleted."""
        error = sort_orders.why_impossible(self.store, self.settings)
        if error is not None and self.settings != self._given_up:
            self._given_up, other = (
                self.settings,
                sort_orders.nearest_possible(self.store, self.settings),
            )
            self.find(other, self.tweets.current_id)
            parts = [sentence_with_key(error)]
            if other.run != self.settings.run:
                parts.append(shown_instead(self.store, other.run))
            if other.sort != self.settings.sort:
                parts.append("The list is as imported now.")
            self.say(" ".join(parts), problem=True)

    def leave_out_deleted(self) -> None:
        """List anew where tweets were taken out; the cursor goes to the next one that is there."""
        newest = newest_removal(self.store)
        if newest != self._removal and self.prompt.request is None:
            self.find(self.wanted, self._next_there())
            self._removal = newest

    def _next_there(self) -> int | None:
        ids, at = self.tweets.ids, self.tweets.cursor
        for some in (ids[at : at + BATCH], ids[max(0, at - BATCH) : at][::-1]):
            there = tweets.there(self.store, some)
            if (found := next((each for each in some if each in there), None)) is not None:
                return found
        return None

    def order_description(self) -> str:
        """The order of the list for the status line, and whether it is stale."""
        return sort_orders.describe_order(self.store, self.settings, self._basis)

    def _values(self, ids: Sequence[int]) -> Mapping[int, float]:
        return order_values(self.store, self.settings.sort, self.run, ids)

    def _show_columns(self) -> None:
        self.tweets.lay_out(rows.columns(self.store.label_ids, self.settings.sort))
        head = rows.header(self.tweets.layout_of, self._predicted_by())
        self.query_one("#columns", Static).update(escaping.line(head), layout=False)

    @on(NotFound)
    def _not_found(self, event: NotFound) -> None:
        self._awaited = None
        text = sentence_with_key(event.error)
        if self.prompt.request is None:
            self.say(text, problem=True)
        else:
            self.hint(text)

    def _predicted_by(self) -> str:
        if (run := self.run) is None:
            return sort_orders.missing_predictions(self.store)
        return run_name(self.store, run)

    # Filter, sort, jumps.

    def action_filter(self) -> None:
        """Ask for a filter and show its result while it is typed."""
        self._before, keep = self.settings, self.tweets.current_id

        def preview(text: str) -> None:
            self.hint(self._hint_of_prompt())
            self.find(ListSettings(text.strip(), self._before.sort, self._before.run))

        def accept(text: str) -> bool:
            try:
                filter_for(self.store, text)
            except FilterError as error:
                self._complain(error)
                return False
            settings = replace(self._before, filter=text.strip())
            if (refused := sort_orders.why_impossible(self.store, settings)) is not None:
                self.hint(sentence_with_key(refused))
                return False
            self._jumped_from = (self._before, keep)
            preview(text)
            return True

        def complete(text: str) -> str:
            return completed(self.store, text)

        def cancel() -> None:
            self.find(self._before, keep)

        request = PromptRequest("/", APPLIES, accept, preview, cancel, complete=complete)
        self.prompt.ask(request, self.settings.filter)
        self.hint(self._hint_of_prompt())

    def clear_filter(self) -> None:
        """List all tweets, from where a key jumps back to the filter."""
        self._jumped_from = (self.settings, self.tweets.current_id)
        self.find(replace(self.settings, filter=""), self.tweets.current_id)

    def _hint_of_prompt(self) -> str:
        """What the input takes; of a filter, what its last term could go on with."""
        request = self.prompt.request
        if request is None or request.hint != APPLIES:
            return "" if request is None else request.hint
        return f"{APPLIES}; {escaping.line(continuations(self.store, self.prompt.entry.value))}"

    def _complain(self, error: FilterError) -> None:
        """Put a caret under the place of the mistake and the sentence beside it."""
        column = self.prompt.caret_at + cell_len(error.source[: error.position])
        sentence = escaping.line(str(error))
        room = self.size.width - column - 2
        if cell_len(sentence) <= room or room >= column:
            self.hint(" " * column + "^ " + sentence)
        else:
            self.hint(sentence[: max(0, column - 1)].ljust(column) + "^")

    def action_sort(self) -> None:
        """Choose an order."""
        choices = sort_orders.sort_choices(self.store, self.settings)

        def chosen(name: str | None) -> None:
            if name is not None:
                self.sort_by(name)

        self.app.push_screen(ChoiceDialog("Sort by", choices, self.settings.sort), chosen)

    def sort_by_column(self, x: int) -> None:
        """Sort by the column at a cell of the heading; one without an order of its own asks."""
        column = rows.column_at(self.tweets.layout_of, x)
        orders = {**sort_orders.ORDERS_OF_COLUMNS, "order": self.settings.sort}
        if column in orders:
            self.sort_by(orders[column])
        else:
            self.action_sort()

    def sort_by(self, name: str) -> None:
        """Sort by an order; suspects are ranked first where their ranking is missing or stale."""
        self._jumped_from = (self.settings, self.tweets.current_id)
        if name == "suspect" and sort_orders.needs_ranking(self.store):
            self._rank()
        else:
            self.find(replace(self.wanted, sort=name))

    @work(group="rank", exclusive=True)
    async def _rank(self) -> None:
        """Rank the suspects, and sort by that; where nothing votes yet, a small model is made."""
        without = suspect_ranking.ranking_run(self.store) is None
        first = (
            "A small model learns from the labels as they are, in seconds; then " if without else ""
        )
        self.say(f"{first}ranking the suspects…".capitalize())
        try:
            await host(self).command("suspects", "--limit", "1", "--json", let_finish=True)
        except UserError as error:
            self.say(str(error), problem=True)
            return
        host(self).follow_runs()
        self.say("")
        self.find(replace(self.settings, sort="suspect"))

    def action_disagreement(self, step: int) -> None:
        """Go to the next or previous undecided tweet whose prediction differs from its label."""
        try:
            require_predictions(self.store, self.run, "there is no disagreement to go to")
        except UserError as error:
            self.say_unchanged(sentence_with_key(error))
            return
        ids, start = self.tweets.ids, self.tweets.cursor + step
        stop = len(ids) if step > 0 else -1
        limit = start + step * SEARCHED
        stop_at = min(stop, limit) if step > 0 else max(stop, limit)
        for row in self._rows_that_disagree(range(start, stop_at, step)):
            self.say("")
            self._jumped_from = (self.settings, self.tweets.current_id)
            self.tweets.go(row)
            return
        side = "below" if step > 0 else "above"
        near = "" if stop_at == stop else f" in the {SEARCHED:,} rows"
        self.comment(
            f"No undecided disagreement{near} {side}; "
            f"{key_for('sort')} sorts all of them to the top."
        )

    @on(TweetList.Jumped)
    def _jumped(self, event: TweetList.Jumped) -> None:
        self._jumped_from = (self.settings, event.before)

    @property
    def has_jumped(self) -> bool:
        """Whether there is somewhere to jump back to."""
        return self._jumped_from is not None

    def action_jump_back(self) -> None:
        """Go to where somebody was before a filter, an order or a jump; once more: back again."""
        if self._jumped_from is None:
            ways = map(key_for, ("next_disagreement", "previous_disagreement", "first"))
            jumps = f"{' '.join(ways)} and {key_for('last')}"
            self.comment(f"There was no jump yet: a filter, an order, {jumps} are jumps.")
            return
        before, tweet = self._jumped_from
        self._jumped_from = (self.settings, self.tweets.current_id)
        if before == self.settings:
            row = None if tweet is None else row_of(self.tweets.ids, tweet)
            if not self.tweets.ids:
                self.say(NO_TWEET)
            self.tweets.go(self.tweets.cursor if row is None else row)
        else:
            self.find(replace(before, run=self.settings.run), tweet)

    def has_disagreement_below(self) -> bool:
        """Whether the key for the next one may find one: it does so nearby, or the list goes on."""
        start, end = self.tweets.cursor + 1, len(self.tweets.ids)
        near = range(start, min(end, start + NEAR))
        if self.run is None or near.stop < end:
            return self.run is not None
        return next(self._rows_that_disagree(near), None) is not None

    def _rows_that_disagree(self, searched: range) -> Iterator[int]:
        for at in range(0, len(searched), BATCH):
            batch = {self.tweets.ids[row]: row for row in searched[at : at + BATCH]}
            found = tweets.disagreeing(self.store, list(batch), self.run, undecided=True)
            yield from (row for number, row in batch.items() if number in found)

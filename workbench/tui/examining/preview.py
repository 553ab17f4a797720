"""The first of the tweets that a figure is of."""

from __future__ import annotations

from textual import work

from storage.errors import UserError
from storage.query import tweets
from storage.query.filters import filter_for
from storage.store import open_store
from storage.tweet import Tweet
from workbench import escaping
from workbench.figures import probability
from workbench.tui.background_calls import in_background
from workbench.tui.examining.opened_tweets import OpenedTweets
from workbench.tui.host import host
from workbench.tui.widgets.cut_text import padded
from workbench.tui.widgets.line_list import Content, LineList, Part, line

MOST = 60
LABEL_CELLS = 10


class TweetPreview(LineList):
    """Reads as many tweets as could be seen, beside the screen; it has no cursor."""

    _shown: tuple[OpenedTweets | None, object] = (None, None)

    def show_first(self, opened: OpenedTweets | None, version: object) -> None:
        """Show the first of these tweets, read anew where the store has another version."""
        if (opened, version) == self._shown:
            return
        self._shown = (opened, version)
        if opened is None:
            self.show(Content("", ()))
        else:
            self._read(opened)

    @work(group="preview", exclusive=True)
    async def _read(self, opened: OpenedTweets) -> None:
        folder = host(self).store.folder

        def first() -> list[Tweet]:
            store = open_store(folder)
            try:
                run = filter_for(store, opened.filter).run
                page = next(tweets.find(store, opened.filter, opened.sort, run))
                ids = list(page.ids)
                at = ids.index(opened.tweet) if opened.tweet in ids else 0
                return tweets.window(store, ids[at : at + MOST], run, characters=300)
            finally:
                store.close()

        try:
            found = await in_background(first)
        except UserError as error:
            self.show(Content(opened.what.upper(), [line(f"  {error}", "dim")]))
            return
        lines = [
            (
                Part(f"{'!' if tweet.disagrees else ' '} ", "differs"),
                Part(f"{probability(tweet.confidence):<5}", "dim"),
                Part(padded(escaping.line(tweet.label or "·"), LABEL_CELLS) + " "),
                Part(escaping.line(tweet.text)),
            )
            for tweet in found
        ]
        self.show(Content(opened.what, lines, aside="↵ opens them"))

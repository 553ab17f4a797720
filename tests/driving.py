"""Presses keys in an application and waits for what they bring."""

import asyncio
import re
from contextlib import asynccontextmanager

from textual._context import visible_screen_stack

from storage.history import labels
from storage.query.tweets import tweet as read_tweet
from storage.store import open_store
from workbench.tui.acting_keys import keys_in_force
from workbench.tui.key_names import key_names
from workbench.tui.widgets.clicked_key import NAMES
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.line_list import LineList
from workbench.tui.widgets.tweet_list import TweetList


def changes(compositor):
    """How often a screen would have been drawn."""
    return getattr(compositor, "changes", 0)


class Driver:
    """Presses keys and looks at what is on the screen and in the store."""

    def __init__(self, app, pilot):
        self.app = app
        self.pilot = pilot

    async def press(self, *keys):
        await self.pilot.press(*keys)

    async def type(self, text):
        names = {
            " ": "space",
            ":": "colon",
            "$": "dollar_sign",
            "/": "slash",
            ">": "greater_than_sign",
        }
        await self.pilot.press(*(names.get(character, character) for character in text))

    async def until(self, holds, seconds=60.0):
        """Wait for something, and fail with the screen if it does not come."""
        for _ in range(int(seconds / 0.02)):
            await self.pilot.pause()
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen; the screen:\n" + self.text)

    async def until_seen(self, text):
        """Wait for words on the screen; a line may break between any two of them.

        A message that is cut on its line counts as a whole.
        """

        def seen():
            shown = self.text
            whole = (line.said for line in self.app.screen.query(KeyLine))
            return text in shown or text in " ".join(shown.split()) or any(text in m for m in whole)

        await self.until(seen)

    async def settled(self):
        """Wait until the details show the tweet under the cursor."""
        await self.until_seen(f"#{self.current} ")

    async def at_rest(self):
        """Wait until no thread is at work, nothing is about to follow and nothing more changes."""
        before, alike, rests = None, 0, 0
        while alike < 2:
            await self.pilot.pause(0.01)
            busy = [
                *(each for each in self.app.workers if each.is_running and each.group != "follow"),
                *(each for each in self.app.screen.query(TweetList) if each._settle is not None),
                *(each for each in self.app.screen.query(LineList) if each.settles),
                *self.app.screen.query("Button.-active"),  # which has just been pressed
            ]
            seen = None if busy else self.changes
            rests += 1
            assert rests < 6000, f"no rest, busy: {busy}; the screen:\n{self.text}"
            alike = alike + 1 if seen and seen == before else 0
            before = seen

    @property
    def changes(self):
        """The screen and how often it has changed, where it is drawn when looked at only."""
        return self.app.screen, changes(self.app.screen._compositor)

    @property
    def strips(self):
        """The screen as it is drawn, on top of those that are seen behind it."""
        visible_screen_stack.set(self.app._background_screens)
        return self.app.screen._compositor.render_strips()

    @property
    def lines(self):
        """The screen as lines of text."""
        return ["".join(s.text for s in line) for line in self.strips]

    @property
    def named_keys(self):
        """The keys that the last line names now, as Textual calls them."""
        line = list(self.app.screen.query(KeyLine))[-1]
        found = []
        for name, _ in line._keys:
            for word in keys_in_force(name, line).split(" "):
                first = re.sub("^(.)[-/].*", r"\1", word)  # of `1/p` and `1-7`
                for key in word if set(word) <= set(NAMES) else [first]:
                    found += key_names(NAMES.get(key, key.replace("F1", "f1")))
        return found

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def current(self):
        """The id of the tweet under the cursor."""
        return self.app._browse.tweets.current_id

    def tweet(self, number, run=None):
        """The tweet as another process reads it."""
        store = open_store(self.app.store.folder)
        try:
            return read_tweet(store, number, run)
        finally:
            store.close()

    def history(self, number):
        return labels.history(self.app.store, number)


@asynccontextmanager
async def driven(app, size=(120, 40), **options):
    """Any app, ready for keys."""
    async with app.run_test(size=size, **options) as pilot:
        driver = Driver(app, pilot)
        await pilot.pause()
        yield driver
        if app.is_running:
            assert driver.lines

"""The five places of the program: how they are named, made, and gone to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from storage.query import tweets
from storage.runs import review_queues, runs, suspect_ranking
from storage.runs.runs import Run
from storage.runs.suspect_ranking import Ranking
from workbench.tui import screen_stack
from workbench.tui.editing.label_keys import LabelKeys
from workbench.tui.host import host
from workbench.tui.last_view import View
from workbench.tui.list_screen import ListSettings
from workbench.tui.screens import on_demand
from workbench.tui.screens.on_demand import run_page
from workbench.tui.standing import Standing, Tab
from workbench.tui.widgets.keys import key
from workbench.tui.widgets.top_line import TopLine
from workbench.tui.widgets.tweet_list import TweetList

if TYPE_CHECKING:
    from workbench.opened_files import OpenedFile
    from workbench.tui.run_progress import RunProgress
    from workbench.tui.screens.browse import BrowseScreen


RUNS_ON = "▶"
HERE = "This is the place that this key goes to."


@dataclass(frozen=True)
class Place:
    """A place: the name of its screen, its key, its title on the top line, what is done there."""

    name: str
    key: str
    title: str
    does: str


PLACES = (
    Place("browse", "B", "Browse", "the tweets"),
    Place("queue", "Q", "Queue", "one tweet after the other"),
    Place("errors", "E", "Errors", "where a run is wrong"),
    Place("train", "T", "Train", "the run that goes on, or the form for one"),
    Place("runs", "R", "Runs", "all runs"),
)
"""The places in the order of the top line."""


def place_action(place: Place) -> str:
    """The action that goes to a place."""
    return f"place('{place.name}')"


def bindings() -> list[Binding]:
    """The keys that go to a place from everywhere."""
    return [key(place.key, place_action(place), f"{place.title}: {place.does}") for place in PLACES]


@runtime_checkable
class ExaminesRun(Protocol):
    """A screen that is about a run, whose errors are looked at from there."""

    @property
    def run_to_examine(self) -> int | None:
        """The run, None if there is none."""


@runtime_checkable
class MarksRun(Protocol):
    """A screen on which a run can be marked."""

    @property
    def marked_run(self) -> int | None:
        """The run that is marked, None if there is none."""


@dataclass(frozen=True)
class Opened:
    """Tweets that a place opened in the list."""

    place: str
    filter: str
    before: ListSettings
    """What the list showed before, and the tweet on which its cursor was."""
    tweet: int | None


@runtime_checkable
class HasQueue(Protocol):
    """A screen on which somebody goes through a queue."""

    @property
    def left(self) -> int | None:
        """How many are not decided yet; None before there is a queue."""


class Places:
    """Makes each place when it is first gone to, and keeps it as it was left."""

    def __init__(self, app: App[Any], browse: BrowseScreen) -> None:
        self._app = app
        self._browse = browse
        self._opened: Opened | None = None
        self._ranking: Ranking | None = None
        self._expected = 0
        """How many labels are wrong by that ranking, worked out once for each."""

    def go(self, name: str) -> None:
        """Go to a place, from wherever the user is."""
        app, screen = self._app, self._app.screen
        if screen.name == name and not (name == "browse" and self._browse.card.opened):
            host(app).say(HERE)
        elif name == "browse":
            screen_stack.pop_down_to(app, depth=1)
            self._browse.close_overlay()
        elif name == "train" and (live := self._live_run()) is not None:
            if screen.name == run_page(live):
                host(app).say(HERE)
            else:
                self.show_run(runs.get(host(app).store, live))
        else:
            examined = screen.run_to_examine if isinstance(screen, ExaminesRun) else None
            place = self.place(name)
            if name == "errors" and examined is not None:
                place.look_at(examined)
            screen_stack.show_over_list(app, place)
        self.show_standing()

    def begin_at(self, name: str, file: OpenedFile | None) -> None:
        """Begin at a place, if it is another than the list; a file is taken in there first."""
        if name not in {place.name for place in PLACES} - {"browse"}:
            return
        if file is not None:
            self.place("queue").open_file(file)
        self.go(name)

    def list_anew(self) -> None:
        """Have the list of tweets made anew, as others have come in."""
        self._browse.look_again()
        self._browse.find(self._browse.wanted)

    def place(self, name: str) -> Any:
        """The screen of a place but for the list of tweets, as it was left."""
        if not self._app.is_screen_installed(name):
            made = self._make(name)
            self._app.install_screen(made, name)
        return self._app.get_screen(name)

    def view(self) -> View:
        """Where somebody is, and what the list shows."""
        places = {place.name for place in PLACES}
        on = [screen.name for screen in self._app.screen_stack if screen.name in places]
        settings, browse = self._browse.settings, self._browse
        tweet = browse.tweets.current_id if browse.query(TweetList) else None
        return View(on[-1] or "" if on else "browse", settings.filter, settings.sort, tweet)

    def made(self) -> list[Screen[Any]]:
        """The places that have been gone to, but for the list of tweets."""
        names = (place.name for place in PLACES)
        return [self._app.get_screen(n) for n in names if self._app.is_screen_installed(n)]

    def label_screens(self) -> list[LabelKeys]:
        """The screens with keys that label, as far as they have been made."""
        return [self._browse, *(made for made in self.made() if isinstance(made, LabelKeys))]

    def _make(self, name: str) -> Screen[None]:
        if name == "queue":
            return on_demand.queue_screen(self._browse)
        if name == "errors":
            return on_demand.errors_screen(self._browse.displayed_run)
        if name == "runs":
            return on_demand.runs_screen(self._browse.displayed_run)
        return on_demand.train_screen()

    def show_run(self, run: Run) -> None:
        """Show one run."""
        self._show(on_demand.run_screen(run))

    def show_settings(self) -> None:
        """Show the settings over the place."""
        if self._app.screen.name != "settings":
            self._app.push_screen(on_demand.settings_screen())

    def show_queue(self, kind: str) -> None:
        """Go through a kind of queue."""
        self.place("queue").go_through(kind)
        if self._app.screen.name != "queue":
            self.go("queue")

    @property
    def marked_run(self) -> int | None:
        """The run that is marked in the list of runs, to be compared with another."""
        if not self._app.is_screen_installed("runs"):
            return None
        screen = self._app.get_screen("runs")
        return screen.marked_run if isinstance(screen, MarksRun) else None

    def show_clone_form(self, run: Run) -> None:
        """Show the form that trains again on the data of a run."""
        self._show(on_demand.clone_screen(run))

    def show_train_form(self) -> None:
        """Show the form that starts a run, also while one goes on."""
        self._show(self.place("train"))

    def open_tweets(self, wanted: str, sort: str, what: str, tweet: int | None = None) -> None:
        """List the tweets that pass a filter; esc there comes back to where somebody is now."""
        browse, place = self._browse, self._app.screen.name or "browse"
        before, cursor = browse.settings, browse.tweets.current_id
        if self._opened is not None and before.filter == self._opened.filter:
            before, cursor = self._opened.before, self._opened.tweet
        self._opened = Opened(place, wanted, before, cursor)
        self.go("browse")
        browse.find(ListSettings(wanted, sort, before.run), tweet)
        title = next((each.title for each in PLACES if each.name == place), place)
        browse.say(f"{what}; esc goes back to {title}.")

    def return_from_tweets(self) -> bool:
        """Go back to the place that opened the tweets on the list; False if none did."""
        opened, self._opened = self._opened, None
        if opened is None or self._browse.settings.filter != opened.filter:
            return False
        self._browse.say("")
        self._browse.find(opened.before, opened.tweet)
        self.go(opened.place)
        return True

    def _show(self, screen: Screen[None]) -> None:
        screen_stack.show_over_list(self._app, screen)
        self.show_standing()

    # What the top line tells.

    def show_standing(self) -> None:
        """Bring the top lines up to date."""
        standing = self.standing()
        for screen in self._app.screen_stack:
            for line in screen.children:  # a query would look through all that is below them
                if isinstance(line, TopLine):
                    line.show(standing)

    def standing(self) -> Standing:
        """How far the work is, read from the store now."""
        app = host(self._app)
        figures = {"queue": "", "errors": "", "train": "", "runs": "", "browse": ""}
        if (left := self._left_in_queue()) is not None:
            figures["queue"] = f"{left:,}"
        figures["runs"] = f"{known:,}" if (known := runs.count(app.store)) else ""
        live = self._live_run()
        if live is not None:
            figures["train"] = _share(app.run_progress, live)
        marks = {"train": RUNS_ON if live is not None else ""}
        return Standing(
            tuple(
                Tab(place.name, place.title, figures[place.name], marks.get(place.name, ""))
                for place in PLACES
            ),
            app.store.folder.resolve().name,
            app.store.annotator,
            tweets.counts(app.store).corrected,
        )

    def _left_in_queue(self) -> int | None:
        """What is left of the queue that somebody is at, else how many suspects there are."""
        store = host(self._app).store
        if self._app.is_screen_installed("queue"):
            screen = self._app.get_screen("queue")
            if isinstance(screen, HasQueue) and screen.left is not None:
                return screen.left
        if (known := suspect_ranking.ranking(store)) is None:
            return None
        if known != self._ranking:
            self._ranking, self._expected = known, review_queues.likely_errors(store).expected
        return review_queues.count_open_suspects(store, self._expected)

    def _live_run(self) -> int | None:
        """The newest run that goes on."""
        known = host(self._app).run_progress.items()
        return max((number for number, progress in known if progress.live), default=None)


def _share(progress: Mapping[int, RunProgress], run: int) -> str:
    state = progress[run].state
    if progress[run].scored is not None:
        return "scoring"  # all its steps are done, and there is more to come
    return f"{100 * state.step // state.steps} %" if state.steps else ""

"""What the application offers to its screens, which do not import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from textual.message_pump import MessagePump

from storage.store import Store
from workbench.tui.message_log import MessageLog

if TYPE_CHECKING:  # it reads run folders, which no screen needs before there is a run
    from storage.runs.runs import Run
    from workbench.opened_files import OpenedFile
    from workbench.tui.run_progress import RunProgress
    from workbench.tui.standing import Standing


class GoesToPlaces(Protocol):
    """The five places, to which screens and keys go."""

    def go(self, name: str) -> None:
        """Go to a place, from wherever the user is."""

    def show_run(self, run: Run) -> None:
        """Show one run."""

    def show_queue(self, kind: str) -> None:
        """Go through a kind of queue."""

    def open_tweets(self, wanted: str, sort: str, what: str, tweet: int | None = None) -> None:
        """List the tweets that pass a filter; esc there comes back to where somebody is now."""

    def return_from_tweets(self) -> bool:
        """Go back to the place that opened the tweets on the list; False if none did."""

    @property
    def marked_run(self) -> int | None:
        """The run that is marked in the list of runs, to be compared with another."""

    def show_clone_form(self, run: Run) -> None:
        """Show the form that trains again on the data of a run."""

    def standing(self) -> Standing:
        """How far the work is, read from the store now."""

    def show_standing(self) -> None:
        """Bring the top lines up to date."""

    def list_anew(self) -> None:
        """Have the list of tweets made anew, as others have come in."""


class Host(Protocol):
    """The application as screens, widgets and what works beside them see it."""

    store: Store
    message_log: MessageLog
    """What was said."""
    inputs: int
    """Keys and clicks until now: what is said before there is another one answers none."""

    @property
    def places(self) -> GoesToPlaces:
        """The places of the program."""

    @property
    def engine_word(self) -> str:
        """What the warm engine does, in a word; empty where there was none."""

    @property
    def run_progress(self) -> Mapping[int, RunProgress]:
        """How far the runs are that are followed, by their numbers."""

    def say(self, text: str, problem: bool = False) -> None:
        """Show a message on the screens that have a place for one."""

    def at_next_key(self, act: Callable[[], None]) -> None:
        """Do something as soon as the next key or click comes, before it does what it means."""

    def call_user(self, text: str) -> None:
        """Have the terminal call whoever is elsewhere, if the settings say so."""

    async def command(self, *arguments: str, let_finish: bool = False) -> Any:
        """Run a command of the command line on this workspace, and return its JSON."""

    def go_by_settings(self) -> None:
        """Have what the settings say now hold at once."""

    def start_engine(self, base: str) -> None:
        """Have the engine begin and get ready for a base, unless it runs already."""

    def follow_runs(self) -> None:
        """Look for runs that have begun, and follow them."""

    def run_started(self, run: int) -> None:
        """Watch a run that has just been started."""

    def take_other_columns(self, file: OpenedFile) -> None:
        """Close this screen, and have the file of the workspace taken in anew."""

    def forget_run(self, run: int) -> str:
        """Leave a deleted run aside, and say what is shown in its place if it was shown."""

    def recall_run(self, run: int) -> str:
        """Show a run that is back if it was shown until it was deleted, and say so."""


def host(node: MessagePump) -> Host:
    """The application that a screen or widget belongs to."""
    return cast(Host, node.app)

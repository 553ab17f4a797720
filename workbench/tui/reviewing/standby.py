"""What the queue shows while it has no tweet to show, and what can be done meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.errors import MissingPrerequisite
from storage.query import tweets
from storage.store import Store
from workbench.tui.acting_keys import key_for
from workbench.tui.helping_keys import no_tweets
from workbench.tui.reviewing import queue_text
from workbench.tui.reviewing.queue_keys import ALL_QUEUES, COLUMNS, QUEUES
from workbench.tui.widgets.key_line import Keys

IMPORT = (("ctrl+p", "import a file"),)


@dataclass(frozen=True)
class Standby:
    """Sentences in the place of a tweet."""

    sentences: Sequence[str]
    keys: Keys = ()
    """The keys that help."""
    makes: str = ""
    """The recipe of the run that enter makes first, as `baseline`."""
    is_empty: bool = False
    """Whether a queue was made and has nothing in it, until a tweet is open again."""

    @property
    def takes_enter(self) -> bool:
        """Whether enter does something."""
        return any(name == "↵" for name, _ in self.keys)


def _by_lot() -> str:
    return f"{key_for('queue_random')} goes through them by lot."


def waiting(*sentences: str) -> Standby:
    """A queue is being made; another kind may be there sooner."""
    return Standby(sentences, (*QUEUES, ALL_QUEUES))


def failed(sentence: str) -> Standby:
    """A queue could not be made."""
    return Standby((sentence,), (("↵", "try again"), *QUEUES, ALL_QUEUES))


def file_taken_in(*sentences: str) -> Standby:
    """A file is being taken in."""
    return Standby(sentences, COLUMNS)


def not_taken_in(store: Store, *sentences: str) -> Standby:
    """A file could not be taken in, or it could and there are no suspects in it."""
    if tweets.counts(store).tweets:
        return Standby((*sentences, "", _by_lot()), (*COLUMNS, QUEUES[-1], ALL_QUEUES))
    return Standby(sentences, COLUMNS)


def unreadable(sentence: str) -> Standby:
    """A file could not be taken in, and has no columns to choose from."""
    return Standby((sentence, "", no_tweets()), IMPORT)


def empty(kind: str) -> Standby:
    """There is nothing in a queue."""
    keys = (("↵", "look again"), *QUEUES, ALL_QUEUES)
    return Standby(queue_text.empty_sentences(kind), keys, is_empty=True)


def missing(store: Store, error: MissingPrerequisite, otherwise: str) -> Standby:
    """There is no queue before something has been made."""
    counts = tweets.counts(store)
    if not counts.tweets:
        return Standby((no_tweets(),), IMPORT)
    if error.lacks == "baseline" and not counts.labelled:
        said = "No tweet has a label yet, so none can be wrong."
        return Standby((said, "", _by_lot()), (QUEUES[-1], ALL_QUEUES))
    helps = error.lacks in ("baseline", "predictions") and counts.labelled
    if not helps or store.read_only:
        return failed(otherwise)
    sentences = (
        f"{error.what}.",
        "",
        "↵ makes what is missing: a small model on the labels as they are, in seconds and "
        "without a GPU, which says of each label how likely it is.",
    )
    return Standby(sentences, (("↵", "make it"), QUEUES[-1], ALL_QUEUES), makes="baseline")

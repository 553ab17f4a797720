"""What is kept with a label about the queue that its tweet came from."""

from __future__ import annotations

from storage.errors import UsageError
from storage.history.events import EditContext
from storage.runs.suspect_ranking import SUSPECTS
from storage.store import Store


def queue_context(store: Store, name: str, tweet: int) -> EditContext:
    """The queue, its run, the source of a tweet in it and whether the prediction was hidden.

    Raises UsageError for a tweet that the queue does not have.
    """
    row = store.db.execute(
        "SELECT r.run, q.source, q.blind FROM queues q JOIN rankings r ON r.name = q.name "
        "WHERE q.name = ? AND q.tweet = ?",
        [name, tweet],
    ).fetchone()
    if row is None:
        raise UsageError(f"Tweet {tweet} is not in the queue {name!r}; `workbench queue` makes it.")
    run, source, blind = row
    return EditContext(name, run, None if name == SUSPECTS else source, bool(blind))

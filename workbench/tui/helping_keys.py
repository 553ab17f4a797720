"""The keys that make what is missing, named in the place of the commands that do."""

from __future__ import annotations

from storage.errors import MissingPrerequisite, UserError
from workbench.tui.acting_keys import key_for


def no_tweets() -> str:
    """That there are no tweets, and what imports some."""
    return f"There are no tweets yet; the palette ({key_for('palette')}) imports a file."


def no_predictions(run_goes_on: bool) -> str:
    """That there are no predictions, and what makes some, or the key that shows what does."""
    if run_goes_on:
        return f"There are no predictions yet; {key_for('place_train')} shows the run that goes on."
    return f"There are no predictions yet; {key_for('place_train')} trains a model that makes some."


def sentence_with_key(error: UserError, orders: str = "sort") -> str:
    """The message of an error, with the key that helps in the place of the command.

    `orders` is the action that ranks the suspects where it is said.
    """
    if isinstance(error, MissingPrerequisite):
        return f"{error.what}; {_what_makes(error.lacks, orders)}."
    return str(error)


def _what_makes(lacking: str, orders: str) -> str:
    """The key that makes what an order lacks."""
    if lacking == "predictions":
        return f"{key_for('place_train')} trains a model that makes some"
    if lacking == "shown":
        return f"{key_for('place_runs')} lists the runs, and shows one"
    return f"{key_for(orders)}, then suspect, ranks them"

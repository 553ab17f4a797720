"""The keys that make what is missing, named in the place of the commands that do."""

from __future__ import annotations

from storage.errors import MissingPrerequisite, UserError

HELPING_KEYS = {
    "predictions": "t trains a model that makes some",
    "shown": "r lists the runs, and shows one",
    "ranking": "s, then suspect, ranks them",
    "baseline": "s, then suspect, ranks them",
}
"""The key that makes what an order lacks."""


def sentence_with_key(error: UserError) -> str:
    """The message of an error, with the key that helps in the place of the command."""
    if isinstance(error, MissingPrerequisite):
        return f"{error.what}; {HELPING_KEYS[error.lacks]}."
    return str(error)

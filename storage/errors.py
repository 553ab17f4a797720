"""Errors that a user can act on; their text is one sentence that says what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something failed that the user can mend; exit status 1."""

    status = 1


class Busy(UserError):
    """Another process was writing all the time; the same may succeed a moment later."""


class UsageError(UserError):
    """The request itself is wrong (an unknown label, a bad filter); exit status 2."""

    status = 2


class MissingPrerequisite(UserError):
    """What is asked for rests on predictions or on a ranking, and there are none.

    The sentence ends with the command that makes them; a screen names a key instead.
    """

    def __init__(self, what: str, lacks: str, command: str) -> None:
        super().__init__(f"{what}; {command}.")
        self.what = what
        self.lacks = lacks
        """`predictions`, `shown` (a run whose predictions are shown) or `ranking`."""


def on_one_line(error: BaseException, most: int = 240) -> str:
    """What a library says, as a part of a sentence: on one line, cut between words."""
    text = " ".join(str(error).split()) or type(error).__name__
    if len(text) > most:
        text = f"{text[:most].rpartition(' ')[0]} …"
    return text.rstrip(" .:;,")


def os_error_message(error: OSError) -> str:
    """What to do about a file that cannot be used, for errors that nothing has words for."""
    path = error.filename or "A file"
    if isinstance(error, PermissionError):
        return f"{path} is not open to you; ask its owner for permission, or use another place."
    return f"{path} cannot be used ({error.strerror or error}); check the path and its disk."

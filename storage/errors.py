"""Errors that a user can act on; their text is one sentence that says what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something failed that the user can mend; exit status 1."""

    status = 1


class UsageError(UserError):
    """The request itself is wrong (an unknown label, a bad filter); exit status 2."""

    status = 2

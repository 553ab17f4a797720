"""Leaving a dialog once: keys that come after the one that answers are for what lay below."""

from __future__ import annotations

from typing import TypeVar

from textual.screen import ModalScreen

T = TypeVar("T")


def answer(dialog: ModalScreen[T], result: T) -> None:
    """Leave a dialog with an answer, unless it has been left already.

    What its lists and lines tell of a key comes later than the key, and Textual would take away
    whatever lies on top by then.
    """
    if dialog.app.screen is dialog:
        dialog.dismiss(result)

"""What the top line of every place tells: the places, and how far the work is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tab:
    """A place on the line: its title, and what is said of it where there is room."""

    place: str
    title: str
    figure: str = ""
    mark: str = ""
    """A sign that stays where there is no room for figures."""


@dataclass(frozen=True)
class Standing:
    """The places in their order, whose work it is, and how many labels were corrected."""

    tabs: Sequence[Tab] = ()
    workspace: str = ""
    annotator: str = ""
    fixed: int = 0

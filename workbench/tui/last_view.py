"""Where somebody was when a workspace was left, so that it opens there again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.records import FieldError, build_record
from workbench.tui import user_state

NAME = "last-views"
MOST = 100
"""Workspaces whose last view is kept."""


@dataclass(frozen=True)
class View:
    """The place, and what the list showed."""

    place: str = "browse"
    filter: str = ""
    sort: str = "id"
    tweet: int | None = None
    """The tweet under the cursor of the list."""


def read(folder: Path) -> View:
    """The last view of a workspace; the beginning of the list where none is kept."""
    try:
        return build_record(View, _kept().get(str(folder), {}))
    except (FieldError, TypeError, AttributeError):
        return View()


def is_kept(folder: Path) -> bool:
    """Whether somebody has left a workspace before."""
    return str(folder) in _kept()


def remember(folder: Path, view: View) -> None:
    """Keep the view of a workspace, and those of the others that were left last."""
    kept = {name: other for name, other in _kept().items() if name != str(folder)}
    last = list(kept.items())[-(MOST - 1) :]
    user_state.write(NAME, dict(last) | {str(folder): asdict(view)})


def _kept() -> dict[str, Any]:
    kept = user_state.read(NAME)
    return kept if isinstance(kept, dict) else {}

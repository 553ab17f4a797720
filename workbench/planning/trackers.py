"""Whether the program that a run reports to beside its own log is installed."""

from __future__ import annotations

from importlib.util import find_spec

from storage.errors import UserError
from workbench.recipes.recipes import NOWHERE, Recipe


def require_tracker(recipe: Recipe) -> None:
    """Raise UserError if a recipe reports to a package that is not installed here."""
    wanted = NOWHERE if recipe.training is None else recipe.training.report_to
    if wanted != NOWHERE and find_spec(wanted) is None:
        raise UserError(
            f"training.report_to={wanted} needs the package {wanted}, which is not installed here; "
            f"install it (`pip install {wanted}`), or leave the setting out."
        )

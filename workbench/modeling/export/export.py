"""Exporting a run's model as a folder for plain transformers and peft."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.errors import UserError
from storage.safety.os_errors import translate_os_errors
from workbench.modeling.export.adapter_folder import read_adapter_details

FOUND_BY = ("adapter_config.json", "config.json")
"""The files without which no library takes a folder for a model; they come last."""


def export_model(
    adapter: Path,
    to: Path,
    merge: bool,
    base: str | None = None,
    trust_remote_code: bool = False,
    texts: Sequence[str] = (),
    definitions: Mapping[str, str] | None = None,
) -> None:
    """Copy an adapter, or merge it into its base, into an empty folder.

    A merged model has the weights that 4-bit training computed with (the base dequantised), so
    that it predicts what the run predicted. What is written is read back and asked about three of
    the texts before it gets its name. `base` is where the base is, if not where it was, and
    `definitions` say in the card when a label is given. Raises UserError if the adapter or its base
    cannot be used, if the folder is not empty, or if the model that is read back answers otherwise.
    """
    details = read_adapter_details(adapter)
    details |= {"base": base or details["base"]}
    if told := {
        label: text for label, text in (definitions or {}).items() if label in details["labels"]
    }:
        details["definitions"] = told
    with _put_in_place(to) as partial:
        from workbench.modeling.base.library_imports import import_libraries

        import_libraries()
        from workbench.modeling.export.read_back import write_adapter, write_merged

        write = write_merged if merge else write_adapter
        write(details, adapter, partial, trust_remote_code, texts[:3])


@contextmanager
def _put_in_place(to: Path) -> Iterator[Path]:
    """A folder to write into, which takes its name when the block ends, and goes if it fails.

    It lies beside the place of a new folder, or inside one that is there and empty. An earlier one
    that was left behind by a process that was killed is removed.
    """
    there = to.is_dir()
    partial = to / ".partial" if there else to.with_name(f".{to.name}.partial")
    if to.exists() and not (there and {*to.iterdir()} <= {partial}):
        raise UserError(f"{to} is not an empty folder; give a new one.")
    with translate_os_errors(to):
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
    try:
        yield partial
        with translate_os_errors(to):
            if not there:
                partial.rename(to)
                return
            for path in sorted(partial.iterdir(), key=lambda path: path.name in FOUND_BY):
                path.rename(to / path.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)

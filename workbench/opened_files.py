"""Files of tweets that are opened as they are: which workspace a file has, and which have none."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from storage.config import Config
from storage.errors import UserError
from storage.formats import detection, readers
from storage.formats.column_guessing import guess
from storage.formats.position import Position
from storage.formats.source import ReadOptions
from storage.query import tweets
from storage.runs.review_queues import anybody_decided
from storage.safety.os_errors import translate_os_errors
from storage.store import DATABASE, Store, create_store, open_store
from workbench import opened_mark

SUFFIX = ".workbench"
CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
"""Files by which the folder of a model and that of an adapter are known."""
LOOKED_AT, EXAMPLE = 20, 50
"""Records that are looked at for an example of a column, and its characters."""
SAMPLE, MOST_CODES, EXAMPLES_OF_A_CODE = 1_000, 5, 2
"""Records that are looked at for what codes mean, the codes that are told, and texts of each."""
MAX_BYTES = 2**30
"""Beyond that a file is imported, which says how far it is, before anything is opened."""


@dataclass(frozen=True)
class OpenedFile:
    """A file to import into a workspace that was made for it, and columns that somebody chose."""

    path: Path
    text: str | None = None
    label: str | None = None
    codes: str | None = None
    """What codes of labels mean, such as `0=negative,1=positive`."""

    @property
    def options(self) -> list[str]:
        """What an import is told of the columns."""
        given = (("--text", self.text), ("--label", self.label), ("--map", self.codes))
        return [part for name, column in given if column for part in (name, column)]


def is_workspace(path: Path) -> bool:
    """Whether a path is a workspace, which is opened as it is."""
    return (path / DATABASE).is_file()


def refusal(path: Path) -> str:
    """Why a file cannot be opened, in a sentence; empty if it can, as a workspace can."""
    if is_workspace(path):
        return ""
    if model := _model_sentence(path):
        return model
    if path.is_dir():
        return f"{path} is a folder; name the file of tweets in it."
    try:
        if path.is_file() and (size := path.stat().st_size) > MAX_BYTES:
            detection.require_known_kind(path)
            return (
                f"{path} has {size / 2**30:.1f} GiB, which is too much to open at once; make a "
                "workspace (`workbench init`) and take it in with `workbench import`."
            )
        detection.find(path, ReadOptions())
    except UserError as error:
        return str(error)
    return ""


def _model_sentence(path: Path) -> str:
    """That a path is a model, an adapter or a part of one; empty if it is none."""
    inside = not path.is_dir()
    folder = path.parent if inside else path
    if inside and not (path.suffix == ".json" and any(folder.glob("*.safetensors"))):
        return ""
    what = f"{path} is {'part of ' if inside else ''}"
    if (folder / CONFIG).is_file():
        return f"{what}a model; `workbench train --base {folder}` trains on it."
    if (folder / ADAPTER_CONFIG).is_file():
        return f"{what}an adapter of a model; name the file of tweets that it is for."
    return ""


def workspace_of(path: Path) -> Path:
    """The workspace of a file: beside it, or among the user's data where nothing can be written."""
    path = path.resolve()
    beside = path.with_name(f"{path.name}{SUFFIX}")
    if is_workspace(beside) or os.access(path.parent, os.W_OK):
        return beside
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    known = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    return data / "workbench" / f"{path.name}-{known}{SUFFIX}"


def make_workspace(folder: Path, file: OpenedFile, annotator: str | None) -> None:
    """Make an empty workspace for a file."""
    with translate_os_errors(folder):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_store(folder, Config(labels=()), annotator).close()
    mark(folder, file)


def mark(folder: Path, file: OpenedFile) -> None:
    """Write down which file a workspace is of, and what its import is told."""
    with translate_os_errors(folder):
        opened_mark.write(folder, file.path, file.options)


def is_empty(folder: Path) -> bool:
    """Whether nothing has been taken in yet, as when that was refused or interrupted."""
    store = open_store(folder)
    try:
        return not tweets.counts(store).tweets
    finally:
        store.close()


def require_no_work(store: Store) -> None:
    """Raise UserError where the workspace of a file cannot be made anew without a loss."""
    if anybody_decided(store):
        raise UserError(
            f"Somebody has decided about tweets in {store.folder} already, so its columns stay; "
            "import the file into another workspace."
        )


def discard(folder: Path) -> None:
    """Delete a workspace that was made for a file, unless somebody has worked in it."""
    if opened_mark.file_of(folder) is None:
        raise UserError(f"{folder} was not made for a file, so it stays.")
    store = open_store(folder)
    try:
        require_no_work(store)
    finally:
        store.close()
    with translate_os_errors(folder):
        shutil.rmtree(folder)


def columns(path: Path) -> list[tuple[str, str]]:
    """The columns of a file with an example of what is in each."""
    source = detection.find(path, ReadOptions())
    found: dict[str, str] = {}
    for row in islice(readers.plain_rows(source, Position(source.name, collects=True)), LOOKED_AT):
        for name, value in row.items():
            if not found.get(name):
                found[name] = " ".join(str(value or "").split())[:EXAMPLE]
    return list(found.items())


def examples_of_codes(file: OpenedFile) -> list[str]:
    """Texts that have each code for a label, from which one sees what it means."""
    source = detection.find(file.path, ReadOptions())
    position = Position(source.name, collects=True)
    sample = list(islice(readers.plain_rows(source, position), SAMPLE))
    chosen = (("text", file.text), ("label", file.label))
    named = {part: column for part, column in chosen if column is not None}
    parts = guess(sample, named)
    found: dict[str, list[str]] = {}
    for row in sample:
        value = row.get(parts.label or "")
        code = "" if value is None else str(value).strip()
        texts = found.setdefault(code, [])
        if len(texts) < EXAMPLES_OF_A_CODE:
            texts.append(" ".join(str(row.get(parts.text) or "").split())[:EXAMPLE])
    told = sorted(code for code in found if code)[:MOST_CODES]
    return [f"{code}   {text}" for code in told for text in found[code]]

"""What workbench.toml says of its labels, changed in place.

Comments, order and all that is not about the label stay as the owner of the file wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import config
from storage.config import Config

if TYPE_CHECKING:  # parsing with comments is needed for a change of labels only
    from tomlkit import TOMLDocument

TABLES = ("words", "keys", "definitions", "examples")
"""The tables with an entry for a label."""
POSITION = "position"


def of_label(settings: Config, label: str) -> dict[str, Any]:
    """All that the settings say of a label, as `add` takes it."""
    said = {name: getattr(settings, name).get(label) for name in TABLES}
    found = {name: value for name, value in said.items() if value is not None}
    return found | {POSITION: settings.labels.index(label)}


def meanings(settings: Config) -> dict[str, dict[str, Any]]:
    """What the settings say of what labels mean."""
    return {
        "definitions": dict(settings.definitions),
        "examples": {label: list(texts) for label, texts in settings.examples.items()},
    }


def take_over(folder: Path, given: Mapping[str, Any]) -> int:
    """Put definitions and examples of labels into workbench.toml that says none; returns how many.

    What is no definition or example of one of its labels is left out.
    """
    settings = config.load(folder)
    if settings.definitions or settings.examples:
        return 0
    document, labels = parse(config.read_text(folder)), set()
    for name, wanted in (("definitions", str), ("examples", list)):
        table = given.get(name)
        for label, value in table.items() if isinstance(table, dict) else ():
            texts = value if isinstance(value, list) else [value]
            real = all(isinstance(text, str) and text.strip() for text in texts)
            if label in settings.labels and isinstance(value, wanted) and real:
                describe(document, name, label, value)
                labels.add(label)
    if labels:
        config.write(folder, document.as_string())
    return len(labels)


def parse(text: str) -> TOMLDocument:
    """The settings with their comments."""
    import tomlkit

    return tomlkit.parse(text)


def rename(document: TOMLDocument, old: str, new: str) -> None:
    """Give a label, and what is said of it, another name."""
    labels = _labels(document)
    if old in labels and new not in labels:
        labels[labels.index(old)] = new
    for name in TABLES:
        if old in document.get(name, {}):
            _rename_key(document, name, old, new)


def remove(document: TOMLDocument, label: str) -> None:
    """Take a label out, and what is said of it."""
    labels = _labels(document)
    if label in labels:
        labels.remove(label)
    for name in TABLES:
        if label in document.get(name, {}):
            document[name].remove(label)


def add(document: TOMLDocument, label: str, said: Mapping[str, Any]) -> None:
    """Put a label in, at the place that it had before, with what was said of it."""
    labels = _labels(document)
    if label not in labels:
        labels.insert(min(said.get(POSITION, len(labels)), len(labels)), label)
    for name in TABLES:
        if name in said:
            describe(document, name, label, said[name])


def describe(document: TOMLDocument, name: str, label: str, value: Any) -> None:
    """Say something of a label in one of the tables, unless it says something there already."""
    import tomlkit

    if name not in document:
        document[name] = tomlkit.table()
    if label not in document[name]:
        document[name][label] = value


def replace_labels(folder: Path, before: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """Put another label set into workbench.toml.

    `before` is the label set that was read from it: labels that have been added since are kept.
    Raises UserError if the file has become unreadable meanwhile.
    """
    added = [label for label in config.load(folder).labels if label not in (*before, *labels)]
    document = parse(config.read_text(folder))
    document["labels"] = [*labels, *added]
    config.write(folder, document.as_string())


def _labels(document: TOMLDocument) -> Any:
    if "labels" not in document:
        document["labels"] = []
    return document["labels"]


def _rename_key(document: TOMLDocument, name: str, old: str, new: str) -> None:
    import tomlkit
    from tomlkit.container import Container
    from tomlkit.items import Comment, Table, Whitespace

    table: Any = document[name]
    if new in table:
        table.remove(old)
        return
    if not isinstance(table, Table):  # {old = "…"} on one line has no comments to keep
        table[new] = table.pop(old)
        return
    again = Table(Container(), table.trivia, is_aot_element=False, name=table.name)
    for key, item in table.value.body:
        if isinstance(item, Comment | Whitespace):
            again.add(item)
        elif key is not None:
            again.add(tomlkit.key(new) if key.key == old else key, item)
    document[name] = again

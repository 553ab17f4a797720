"""The settings of a workspace: `workbench.toml`, read into a typed, checked record."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from storage import label_names
from storage.errors import UsageError, UserError
from storage.records import FieldError, UnknownField, WrongType, build_record
from storage.safety.os_errors import translate_os_errors

FILE_NAME = "workbench.toml"
OLD_NAME = "workspace.toml"
"""The name it had; a workspace that still has it keeps its settings."""
TEMPLATE = "### Human: {text}\n### Assistant:"
QUESTION = "{{text}}\n\nWhich of these fits the text: {words}? Answer with it alone."
"""The message of a chat where the workspace has no template of its own."""
ANSWER = "{answer}"
"""At the end of a template: the label word follows at once."""
PROMPTS = PLAIN, CHAT = "plain", "chat"
NOTIFICATIONS = OFF, BELL, OSC9 = "off", "bell", "osc9"
DEFAULT_BASE = "tiiuae/falcon-7b"
MOVING_KEYS = frozenset("jkgGnN/q")
"""Keys that move, search or leave in less, vim and VisiData, whether they do here or not."""
RESERVED_KEYS = MOVING_KEYS | frozenset("0123456789abcdefhmorstuvxyBEJKOQRTV[]?:;,=' ")
"""Keys that mean something else in the list or the queue, so that none of them labels."""


TABLES = {"split": "test, dev and seed", "train": "every", "queue": "blind_every"}
"""The tables of the file whose settings have the name of the table before theirs, and those."""
GONE = (
    "{folder} is not there any more: it was moved or deleted while it was open, so nothing is "
    "saved; put it back, or open it where it is now."
)
REPLACED = (
    "{folder} is another workspace by now: the one that was open there was moved or deleted, so "
    "nothing is saved; quit and open it again."
)
KINDS = {
    tuple: 'a list, such as ["positive", "negative"]',
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    bool: "true or false",
}
"""How the types of the settings are called in TOML."""
WRONG_ITEMS = {
    "labels": "{value!r} cannot be a label: use a short name in quotes",
    "words": "words: the word for {item!r} must be text, not {value!r}",
    "keys": "keys: the key for {item!r} must be one letter, not {value!r}",
    "definitions": "definitions: the definition of {item!r} must be text, not {value!r}",
    "examples": "examples: those of a label must be a list of texts in quotes, not {value!r}",
}
"""What is said of a label, or of something about one, that is none."""


@dataclass(frozen=True)
class Config:
    """What a workspace is about; everything here can be edited by hand in workbench.toml."""

    labels: tuple[str, ...] = ()
    base: str = DEFAULT_BASE
    recipe: str = "fast"
    template: str = TEMPLATE
    prompt: str = PLAIN
    """Whether the template is the prompt, or the message of a user in the chat of a base."""
    words: dict[str, str] = field(default_factory=dict)
    """The word that stands for a label in a prompt, where it is not the label's own name."""
    keys: dict[str, str] = field(default_factory=dict)
    """A letter for a label, beside its digit; what names no label is about actions."""
    definitions: dict[str, str] = field(default_factory=dict)
    """When a label is to be given, in words for whoever labels."""
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Texts that a label is right for."""
    initials: bool = False
    """Whether labels without such a letter have their first one, where that is free."""
    embeddings: bool | None = None
    """Whether runs keep an embedding of each tweet that they score; None: those on a GPU do."""
    sentence_model: str = ""
    """A sentence-transformers model, a folder or an installed package, by which baselines embed."""
    train_every: int = 0
    """Corrections after which the screen trains again from the newest run; 0: it never does."""
    queue_blind_every: int = 5
    """Of so many tweets in the queue of the screen one is shown without predictions; 0: none."""
    theme: str = ""
    """The colours of the screen, where somebody has chosen some."""
    notify: str = "off"
    """How the screen calls whoever is elsewhere when a run ends: one of NOTIFICATIONS."""
    on_run_end: str = ""
    """A command for the shell when a run ends."""
    seed: int = 42
    test_share: float = 0.2
    dev_share: float = 0.0
    former: Mapping[str, str] = field(default_factory=dict)
    """The label that a former name means now, by the key of the name; known to the database."""

    def word(self, label: str) -> str:
        """The label as it stands after the prompt: a lower-case name gets a capital."""
        return self.words.get(label) or (label.capitalize() if label.islower() else label)

    @property
    def message(self) -> str:
        """The template, or in a chat what asks the same as the template of a new workspace."""
        if self.prompt == CHAT and self.template == TEMPLATE:
            return QUESTION.format(words=", ".join(map(self.word, self.labels)))
        return self.template

    def label(self, name: str) -> str | None:
        """The label that a name or label word means, in any spelling; None if there is none."""
        if name in self.labels:
            return name
        wanted = label_names.key(name)
        for label in self.labels:
            if wanted in (label_names.key(label), label_names.key(self.word(label))):
                return label
        return self.former.get(wanted)

    def require_label(self, name: str) -> str:
        """Like `label`, but raises UsageError for a name that is not in the set."""
        if (label := self.label(name)) is None:
            known = ", ".join(self.labels) or "none yet"
            raise UsageError(f"{name!r} is not a label of this workspace (labels: {known}).")
        return label

    @property
    def action_keys(self) -> dict[str, str]:
        """The keys of actions of the screen, and the preset of keys, as they were written."""
        return {name: key for name, key in self.keys.items() if name not in self.labels}

    def key_of(self) -> dict[str, str]:
        """A letter for each label that has one of its own; digits always work beside it."""
        given = [key for label, key in self.keys.items() if label in self.labels]
        chosen = {
            label: key
            for label, key in self.keys.items()
            if label in self.labels and key not in RESERVED_KEYS and given.count(key) == 1
        }
        firsts = [label[:1].lower() for label in self.labels]
        for label, first in zip(self.labels, firsts, strict=True):
            taken = first in RESERVED_KEYS or first in given or firsts.count(first) > 1
            if self.initials and label not in self.keys and first.isalpha() and not taken:
                chosen[label] = first
        return chosen

    def refused_keys(self) -> dict[str, str]:
        """The letters that were chosen for labels but label nothing, as another use has them."""
        usable = self.key_of()
        return {
            label: key
            for label, key in self.keys.items()
            if label in self.labels and label not in usable
        }


def path_in(folder: Path) -> Path:
    """Where the settings of a workspace are, or belong."""
    path, old = folder / FILE_NAME, folder / OLD_NAME
    return old if old.exists() and not path.exists() else path


def rename_old(folder: Path) -> None:
    """Give the settings file its present name."""
    if (old := path_in(folder)).name == OLD_NAME:
        with suppress(FileNotFoundError):  # another process has just done it
            old.rename(folder / FILE_NAME)


def load(folder: Path) -> Config:
    """Read workbench.toml; raises UserError naming the file and what is wrong in it."""
    return parse(folder, read_text(folder))


def read_text(folder: Path) -> str:
    """What stands in workbench.toml; raises UserError where that is no text."""
    path = path_in(folder)
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        if not folder.exists():
            raise UserError(GONE.format(folder=folder)) from None
        raise UserError(
            f"{path} is missing; restore it, or run `workbench init {folder}` to write a new one."
        ) from None
    except UnicodeDecodeError as error:
        raise _not_toml(path, error) from None


def parse(folder: Path, text: str) -> Config:
    """The settings that a text of workbench.toml gives; raises UserError as `load` does."""
    path = path_in(folder)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, error) from None
    return _checked(path, values)


def _not_toml(path: Path, error: ValueError) -> UserError:
    return UserError(f"{path} cannot be read as TOML: {error}; correct it by hand.")


def _checked(path: Path, values: dict[str, Any]) -> Config:
    tables = {name: values.pop(name, {}) for name in TABLES}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UserError(f"{path}: {name} must be a table with {TABLES[name]}, not {table!r}.")
    split = tables.pop("split")
    flat = values | {("seed" if k == "seed" else f"{k}_share"): v for k, v in split.items()}
    for name, table in tables.items():
        flat |= {f"{name}_{key}": value for key, value in table.items()}
    try:
        if "former" in flat:
            raise UnknownField("former")
        config = build_record(Config, flat)
    except FieldError as error:
        raise UserError(f"{path}{_wrong_field(error)}.") from None
    if config.template.count("{text}") != 1:
        raise UserError(f"{path}: template must contain {{text}} exactly once.")
    if config.prompt not in PROMPTS:
        raise UserError(f"{path}: prompt must be {' or '.join(map(_toml, PROMPTS))}.")
    if config.notify not in NOTIFICATIONS:
        raise UserError(f"{path}: notify must be {' or '.join(map(_toml, NOTIFICATIONS))}.")
    if ANSWER in config.template.removesuffix(ANSWER):
        raise UserError(f"{path}: {ANSWER} can stand at the end of the template only.")
    counts = {"train.every": config.train_every, "queue.blind_every": config.queue_blind_every}
    for setting, every in counts.items():
        if every < 0:
            raise UserError(f"{path}: {setting} must be 0 or more, not {every}.")
    if not (config.test_share >= 0 and config.dev_share >= 0):
        raise UserError(f"{path}: the test and dev shares must be from 0 to below 1.")
    if config.test_share + config.dev_share >= 1:
        raise UserError(f"{path}: the test and dev shares leave no tweets for training.")
    _check_what_is_said(path, config)
    try:
        check_labels(config.labels)
    except UsageError as error:
        raise UserError(f"{path}: {error}") from None
    return config


def _check_what_is_said(path: Path, config: Config) -> None:
    """Raise UserError for a word, key, definition or example that is none."""
    for label, word in config.words.items():
        if not word.strip():
            raise UserError(f"{path}: {WRONG_ITEMS['words'].format(item=label, value=word)}.")
    for label, key in config.keys.items():
        if len(key) != 1 if label in config.labels else not key.strip():
            raise UserError(f"{path}: {WRONG_ITEMS['keys'].format(item=label, value=key)}.")
    for label, text in config.definitions.items():
        if not text.strip():
            wrong = WRONG_ITEMS["definitions"].format(item=label, value=text)
            raise UserError(f"{path}: {wrong}.")
    for texts in config.examples.values():
        if not all(text.strip() for text in texts):
            raise UserError(f"{path}: {WRONG_ITEMS['examples'].format(value='')}.")


def _wrong_field(error: FieldError) -> str:
    """What is wrong with a setting: the part of a sentence that follows the name of the file."""
    if not isinstance(error, WrongType):
        known = ", ".join(field.name for field in fields(Config) if field.name != "former")
        return f" has an unknown setting {error.name!r}; known: {known}"
    if error.item is not None and error.name in WRONG_ITEMS:
        return f": {WRONG_ITEMS[error.name].format(item=error.item, value=error.value)}"
    return f": {error.name} must be {KINDS[error.wanted[0]]}, not {error.value!r}"


def check_labels(labels: tuple[str, ...]) -> None:
    """Raise UsageError unless the names are usable: text on one line, each given once."""
    for label in labels:
        if (
            not isinstance(label, str)
            or not label.strip()
            or not re.fullmatch(r"[^\x00-\x1f\ud800-\udfff]+", label)
        ):
            how = "on one line" if isinstance(label, str) else "in quotes"
            raise UsageError(f"{label!r} cannot be a label: use a short name {how}.")
        if label.strip().casefold() == "none":
            raise UsageError(
                f"{label!r} cannot be a label, since it means unlabelled here; choose another "
                "name, or map it with --map none=NAME when importing."
            )
    folded = [label.casefold() for label in labels]
    for label in labels:
        if folded.count(label.casefold()) > 1:
            raise UsageError(f"The label {label!r} is given twice.")


def check_new_labels(labels: tuple[str, ...]) -> None:
    """Like `check_labels`, and refuse names that can be told apart by programs only."""
    check_labels(labels)
    spelled: dict[str, str] = {}
    for label in labels:
        if (other := spelled.setdefault(label_names.key(label), label)) != label:
            raise UsageError(
                f"The label {label!r} is given twice; {other!r} differs in what cannot be seen."
            )
    if (pair := label_names.confusable_pair(labels)) is not None:
        raise UsageError(
            f"The labels {pair[0]!r} and {pair[1]!r} look alike and are not "
            f"({label_names.difference(*pair)}); give one of them another name, or map it with "
            "--map when importing."
        )


def save(folder: Path, config: Config) -> None:
    """Write workbench.toml in one step, readable by its owner only."""
    lines = [
        "# What this workspace is about. Edit by hand; the program reads it at each start.",
        f"labels = {_toml(list(config.labels))}",
        f"base = {_toml(config.base)}  # a hub name or a local folder",
        f"recipe = {_toml(config.recipe)}",
        f"template = {_toml(config.template)}",
        f'prompt = {_toml(config.prompt)}  # "chat": the template is a message to an instruct base',
        f"initials = {str(config.initials).lower()}  # true: a label's first letter is a key too",
        f"{_embeddings(config.embeddings)}  # a vector of each tweet that a run scores",
        f"sentence_model = {_toml(config.sentence_model)}  # a folder or package; it embeds",
        f'notify = {_toml(config.notify)}  # "bell" or "osc9": the terminal calls when a run ends',
        f"on_run_end = {_toml(config.on_run_end)}  # a command; WORKBENCH_RUN names the run",
        f"{_theme(config.theme)}  # dark, light, high-contrast, ansi-dark or ansi-light",
        "",
        "[words]  # the word after the prompt, where it is not the label's own name",
        *(f"{_toml(label)} = {_toml(word)}" for label, word in config.words.items()),
        "",
        '[keys]  # a letter for a label, beside its digit, such as positive = "p"',
        "# j k g G n N / q, and whatever else has a meaning on the screen, never label.",
        '# preset = "vim"  # or "one-hand"; an action has another key by note = "w" (docs/keys.md)',
        *(f"{_toml(label)} = {_toml(key)}" for label, key in config.keys.items()),
        "",
        '[definitions]  # when to give a label, such as positive = "The writer expects a gain."',
        *(f"{_toml(label)} = {_toml(text)}" for label, text in config.definitions.items()),
        "",
        '[examples]  # texts that a label is right for, such as positive = ["Up 5 % today"]',
        *(f"{_toml(label)} = {_toml(list(texts))}" for label, texts in config.examples.items()),
        "",
        "[train]",
        f"every = {config.train_every}  # corrections after which to train again; 0: never",
        "",
        "[queue]",
        f"blind_every = {config.queue_blind_every}  # one of so many is blind; 0: none",
        "",
        "[split]  # shares of the tweets whose file names no split",
        f"test = {config.test_share}",
        f"dev = {config.dev_share}",
        f"seed = {config.seed}",
        "",
    ]
    write(folder, "\n".join(lines))


def _embeddings(wanted: bool | None) -> str:
    return "# embeddings = true" if wanted is None else f"embeddings = {str(wanted).lower()}"


def _theme(wanted: str) -> str:
    return f"theme = {_toml(wanted)}" if wanted else '# theme = "dark"'


def write(folder: Path, content: str) -> None:
    """Put a text into workbench.toml in one step, readable by its owner only."""
    temporary = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        with translate_os_errors(folder / FILE_NAME):
            temporary.touch(0o600)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / FILE_NAME)
    finally:
        temporary.unlink(missing_ok=True)


def _toml(value: str | list[str]) -> str:
    # A JSON string is a TOML basic string as long as nothing is escaped as a surrogate pair.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

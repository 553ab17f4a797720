"""Which keys the actions of the screen have: those of a preset, and single ones by the user."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from textual.app import App
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from storage.config import MOVING_KEYS, Config
from workbench.tui import dialogs, screens, widgets
from workbench.tui.key_names import (
    FIXED,
    bindings_of,
    key_names,
    known_key,
    shown_keys,
    types,
)
from workbench.tui.key_presets import DEFAULT, PRESETS

PRESET = "preset"
WHILE_TYPING = frozenset(
    (
        "back",
        "go_on",
        "help",
        "messages",
        "next_field",
        "palette",
        "previous_field",
        "quit",
        "settings",
        "start",
    )
)
"""Actions that have their keys also while something is typed."""
MOVES = frozenset(
    (
        *("down", "up", "left", "right", "first", "last", "skip", "skip_back", "leave", "filter"),
        *("page_down", "page_up", "half_page_down", "half_page_up", "scroll_down", "scroll_up"),
        *("next_box", "previous_box", "next_disagreement", "previous_disagreement"),
    )
)
"""Actions that move; their keys write nowhere."""
WRITES = frozenset(
    (
        *("menu", "suggestion", "clear", "exclude", "flag", "ambiguous", "note", "undo", "redo"),
        *("stop", "delete", "promote", "train_on", *(f"label_{number}" for number in range(1, 10))),
    )
)
"""Actions that write; their keys move nowhere."""


@dataclass(frozen=True)
class Action:
    """What a key does, with the keys that it has anyway and the screens on which it does it."""

    name: str
    does: str
    keys: tuple[str, ...]
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeyMap:
    """The keys by the names of actions that have others than by default, and what was refused."""

    keys: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


Layer = Mapping[str, Action]
"""The actions whose keys mean something at the same time, by name."""


def key_map(config: Config, app: type[App[None]]) -> KeyMap:
    """The keys that the settings ask for; what cannot be is left out and told."""
    wanted = dict(config.action_keys)
    preset = wanted.pop(PRESET, DEFAULT)
    if preset in PRESETS and not (wanted or config.key_of()):
        return KeyMap(PRESETS[preset])  # without a look at all screens, which are not loaded yet
    problems = []
    if preset not in PRESETS:
        problems.append(f"There is no preset of keys {preset!r} (known: {', '.join(PRESETS)}).")
    found, own = dict(PRESETS.get(preset, {})), {}
    known = actions(app)
    for name, keys in wanted.items():
        names = key_names(keys)
        if refused := _why_not(name, keys, names, known, config.labels):
            problems.append(refused)
        else:
            own[name] = ",".join(names)
    labels = {_named(key): label for label, key in config.key_of().items()}
    while clash := _clash(found | own, own, labels, app):
        name, sentence = clash
        problems.append(sentence)
        (own if name in own else found).pop(name)
    chosen = {name: keys for name, keys in (found | own).items() if name in known}
    complete = {name: _with_fixed(keys, known[name]) for name, keys in chosen.items()}
    return KeyMap(complete, tuple(problems))


def _why_not(
    name: str, keys: str, names: list[str], known: Mapping[str, Action], labels: Sequence[str]
) -> str:
    """Why an action cannot have keys, in a sentence; an empty text if it can."""
    if name not in known:
        near = difflib.get_close_matches(name, [*labels, *known], n=1)
        meant = f"; did you mean {near[0]}?" if near else " (docs/keys.md lists them)."
        return f"{name!r} in [keys] is neither a label nor an action{meant}"
    stays = f"{name} keeps {shown_keys(known[name].keys[:1])}."
    for key in names:
        if not known_key(key):
            return f"{key!r} is no key, such as w, f5 or ctrl+n: {stays}"
        if key in FIXED:
            return f"{shown_keys([key])} stays what it is, as it moves or answers: {stays}"
        if name in WHILE_TYPING and types(key):
            return f"{name} needs a key that types nothing, such as ctrl+n: {stays}"
        if name in WRITES and shown_keys([key]) in MOVING_KEYS:
            return f"{shown_keys([key])} moves in other programs, so that it never writes: {stays}"
    return "" if names else f"{keys!r} is no key: {stays}"


def _clash(
    keys: Mapping[str, str], own: Mapping[str, str], labels: Mapping[str, str], app: type[App[None]]
) -> tuple[str, str] | None:
    """The first action whose key is another's too, and the sentence that says so."""
    for name in (*own, *keys):
        for key in keys[name].split(","):
            other = labels.get(key) and f"the label {labels[key]}"
            if other := other or _other(name, key, keys, app):
                return name, f"The key {shown_keys([key])} of {name} is that of {other} too; " + (
                    f"{name} keeps {shown_keys(actions(app)[name].keys[:1])}."
                )
    return None


def _other(name: str, key: str, keys: Mapping[str, str], app: type[App[None]]) -> str:
    """Another action with this key where both mean something, or of which one moves, one writes."""
    for layer in layers(app):
        for other in layer.values():
            if other.name == name or key not in _in_force(other, keys):
                continue
            alike = name in layer and set(layer[name].keys) & set(other.keys)
            if name in layer and not alike:
                return other.name
            if {name, other.name} & MOVES and {name, other.name} & WRITES:
                return other.name
    return ""


def _in_force(action: Action, keys: Mapping[str, str]) -> Iterable[str]:
    return keys[action.name].split(",") if action.name in keys else action.keys


def _with_fixed(keys: str, action: Action) -> str:
    """Keys with those of an action that stay what they are."""
    fixed = [key for key in action.keys if key in FIXED]
    return ",".join(dict.fromkeys([*keys.split(","), *fixed]))


def _named(character: str) -> str:
    return key_names(character)[0]


@cache
def actions(app: type[App[None]]) -> dict[str, Action]:
    """All actions that can have other keys, by name."""
    found: dict[str, Action] = {}
    for holder in (app, *_holders()):
        for action in _actions_of(holder):
            before = found.get(action.name, replace(action, keys=()))
            keys = tuple(dict.fromkeys((*before.keys, *action.keys)))
            found[action.name] = replace(before, keys=keys, where=(*before.where, holder.__name__))
    return dict(sorted(found.items()))


@cache
def layers(app: type[App[None]]) -> tuple[Layer, ...]:
    """What has keys at the same time: a screen with whatever has the focus on it, and the app."""
    made = []
    for screen in (holder for holder in _holders() if issubclass(holder, Screen)):
        layer: dict[str, Action] = {}
        everywhere = [] if issubclass(screen, ModalScreen) else [app]
        for holder in (screen, *_parts(screen), *everywhere):
            for action in _actions_of(holder):
                before = layer.get(action.name, replace(action, keys=()))
                layer[action.name] = replace(before, keys=(*before.keys, *action.keys))
        made.append(layer)
    return tuple(made)


def _parts(holder: type[DOMNode]) -> set[type[DOMNode]]:
    """The widgets with keys that a screen, or a widget on it, is made of: those that it imports."""
    waiting, seen = [holder], {holder}
    while waiting:
        for base in waiting.pop().__mro__:
            for thing in vars(sys.modules[base.__module__]).values() if _is_ours(base) else ():
                if isinstance(thing, type) and _is_widget(thing) and thing not in seen:
                    seen.add(thing)
                    waiting.append(thing)
    return {part for part in seen if part is not holder and bindings_of(part)}


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("workbench.tui.")


def _is_widget(kind: type) -> bool:
    return _is_ours(kind) and issubclass(kind, Widget) and not issubclass(kind, Screen)


def _actions_of(holder: type[DOMNode]) -> Iterator[Action]:
    keys: dict[str, list[str]] = defaultdict(list)
    does: dict[str, str] = {}
    for binding in bindings_of(holder):
        if binding.id is not None:
            keys[binding.id] += key_names(binding.key)
            does.setdefault(binding.id, binding.description)
    for name, found in keys.items():
        yield Action(name, does[name], tuple(found))


@cache
def _holders() -> tuple[type[DOMNode], ...]:
    """The screens, dialogs and widgets that have keys of their own."""
    found = {}
    for package in (screens, dialogs, widgets):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and _has_keys(thing):
                    found[thing.__qualname__] = thing
    return tuple(found[name] for name in sorted(found))


def _has_keys(kind: type) -> bool:
    return _is_ours(kind) and issubclass(kind, Widget) and bool(bindings_of(kind))

"""The settings that can be changed on the screen, with what they can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storage.config import BELL, OFF, OSC9, Config
from storage.plurals import ordinal
from storage.setting_changes import Value
from workbench.tui import key_presets, themes


@dataclass(frozen=True)
class Choice:
    """What a setting can be: the value in workbench.toml, its word on the screen, what it means."""

    value: Value | None
    word: str
    about: str = ""


@dataclass(frozen=True)
class Setting:
    """A setting: its name in workbench.toml, its title, what it decides, what it can be."""

    name: str
    title: str
    about: str
    choices: tuple[Choice, ...]
    value: Callable[[Config], Value | None]

    def choice(self, config: Config) -> Choice:
        """What it is; a value that is not offered stands for itself."""
        value = self.value(config)
        known = (choice for choice in self.choices if choice.value == value)
        return next(known, Choice(value, str(value)))


def _every(number: int) -> str:
    return f"every {ordinal(number)}" if number else "none"


SETTINGS = (
    Setting(
        "theme",
        "theme",
        "the colours of the screen",
        (
            Choice(None, "auto", "dark; ansi-dark where there are 16 colours"),
            *(Choice(look.name, look.name, look.about) for look in themes.LOOKS),
        ),
        lambda config: config.theme or None,
    ),
    Setting(
        "keys.preset",
        "keys",
        "single ones have lines in [keys]; the help lists all",
        tuple(Choice(name, name, about) for name, about in key_presets.ABOUT.items()),
        lambda config: config.action_keys.get("preset", key_presets.DEFAULT),
    ),
    Setting(
        "notify",
        "call",
        "how the terminal calls when a run ends",
        (
            Choice(OFF, "off", "not at all"),
            Choice(BELL, "bell", "its bell"),
            Choice(OSC9, "osc9", "a notice on the desktop, where it knows OSC 9"),
        ),
        lambda config: config.notify,
    ),
    Setting(
        "initials",
        "label initials",
        "the first letter of a label labels, where it is free",
        (
            Choice(False, "off", "digits label, and letters from [keys]"),
            Choice(True, "on", "so does the first letter of a label"),
        ),
        lambda config: config.initials,
    ),
    Setting(
        "queue.blind_every",
        "blind share",
        "tweets of the queue whose predictions are hidden at first",
        tuple(
            Choice(every, _every(every), f"{100 // every} %" if every else "predictions are seen")
            for every in (0, 20, 10, 5, 3)
        ),
        lambda config: config.queue_blind_every,
    ),
    Setting(
        "train.every",
        "auto-train",
        "corrections after which to train on from the newest run",
        (
            Choice(0, "never", "runs begin when you start them"),
            *(Choice(every, f"after {every}", "corrections") for every in (20, 50, 100, 200)),
        ),
        lambda config: config.train_every,
    ),
)
"""The settings in the order in which they are listed."""

"""`make docs`: the page of the actions that can have other keys, made from their bindings."""

from __future__ import annotations

from pathlib import Path

from workbench.tui.app import WorkbenchApp
from workbench.tui.key_map import actions
from workbench.tui.key_names import FIXED, key_names, shown_keys
from workbench.tui.key_presets import ABOUT, PRESETS
from workbench.tui.widgets.keys import SECOND_ESCAPE

PATH = Path(__file__).resolve().parent.parent / "docs" / "keys.md"
HEAD = f"""\
# Keys

`?` lists the keys of a screen, and `{SECOND_ESCAPE}` does what `esc` does, where that comes late.
In `workbench.toml` they can be others: all at once by a preset (`F2` chooses one on the
screen too), and single ones by the names of their actions.

```toml
[keys]
preset = "vim"
note = "w"
undo = "ctrl+z,u"
```

Help, footers and the palette show the keys in force. Enter, esc, tab, the arrows and other
keys that only move stay what they are beside the new ones. A key that another action of the
same screen has, or a label, is refused with a sentence when the screen opens, and the action
keeps its own; so is a key that would write in one place and move in another, and one that
types where something is typed at the same time.
"""
MADE_BY = "<!-- Made by `make docs` from the bindings of the screens. -->"


def page() -> str:
    """The text of the page."""
    known = actions(WorkbenchApp).values()
    rows = [f"| `{each.name}` | {_shown(each.keys)} | {each.does} |" for each in known]
    table = "\n".join(["| action | keys | does |", "|---|---|---|", *rows])
    return f"{HEAD}\n## Presets\n\n{_presets()}\n\n## Actions\n\n{table}\n\n{MADE_BY}\n"


def _presets() -> str:
    """What differs in each preset, an action a line."""
    others = [name for name in PRESETS if PRESETS[name]]
    named = "; ".join(f"`{name}`: {ABOUT[name]}" for name in others)
    rows = []
    for action in sorted({action for name in others for action in PRESETS[name]}):
        cells = (_shown(_own(PRESETS[name].get(action, ""))) for name in others)
        rows.append(f"| `{action}` | {' | '.join(cells)} |")
    head = [f"| action | {' | '.join(others)} |", "|---" * (1 + len(others)) + "|"]
    return "\n".join([f"{named}.", "", *head, *rows])


def _own(keys: str) -> list[str]:
    """The keys that are not there anyway."""
    return [key for key in key_names(keys) if key not in FIXED]


def _shown(keys: tuple[str, ...] | list[str]) -> str:
    return " ".join(f"`` {shown_keys([key])} ``" for key in keys).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PATH.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()

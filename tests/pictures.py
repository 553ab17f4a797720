"""`make pictures`: the screens that the README shows, dark and light, of the demo's workspace."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from workbench.tui.app import WorkbenchApp

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SIZE = (120, 28)
THEMES = ("dark", "light")
SCENES = {"queue": ("Q",), "errors": ("E", "r", "k", "enter")}
"""The pictures, with the keys that lead to them."""
REST_S = 12.0
"""How long a screen may take to read what it shows."""


async def picture(workspace: Path, keys: tuple[str, ...]) -> str:
    """The screen after some keys, as SVG."""
    app = WorkbenchApp(workspace)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(REST_S)
        await pilot.press(*keys)
        await pilot.pause(REST_S)
        return app.export_screenshot(title="workbench", simplify=True)


def main() -> None:
    """Draw every scene in every theme."""
    workspace = Path(sys.argv[1])
    FOLDER.mkdir(exist_ok=True)
    for scene, keys in SCENES.items():
        for name in THEMES:
            os.environ["WORKBENCH_THEME"] = name
            drawn = asyncio.run(picture(workspace, keys))
            (FOLDER / f"{scene}-{name}.svg").write_text(drawn, "utf-8")


if __name__ == "__main__":
    main()

"""`make pictures`: the screens that the README shows, dark and light, of the demo's workspace.

The live run is the demo's own, with its log and its clock as they were at half of its steps.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from storage.runs import runs
from storage.store import open_store
from workbench.rundir import folder as run_folder
from workbench.rundir import processes
from workbench.rundir.folder import RUNNING, read_job, read_log, read_state, write_state
from workbench.tui.app import WorkbenchApp

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SIZE = (120, 28)
THEMES = ("dark", "light")
SCENES = {"queue": ("Q",), "errors": ("E", "r", "k", "k", "enter"), "train": ("T",)}
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


def with_live_run(workspace: Path, scratch: Path) -> Path:
    """A copy of a workspace in which its newest run that was trained is done again, and half done.

    This process seems to be its worker.
    """
    copy = Path(shutil.copytree(workspace, scratch / workspace.name))
    store = open_store(copy)
    done = next(run for run in runs.every(store) if run.kind == "qlora" and run.steps)
    again = runs.add(store, "again", done.kind, done.recipe, done.base, done.labels)
    old, new = store.run_folder(done.id), store.run_folder(again)
    new.mkdir()
    replace(read_job(old), id=again, uid="again").save(new)
    events = [values for values, _ in read_log(old)]
    steps = read_state(old).steps
    half = next(at for at, v in enumerate(events) if v["event"] == "step" and v["step"] * 2 > steps)
    later = time.time() - events[half - 1]["at"]
    for values in events[:half]:
        run_folder.append_log(new, **values | {"at": values["at"] + later})
    me = processes.identity()
    assert me is not None
    write_state(
        new,
        replace(read_state(old), **me.as_state),
        state=RUNNING,
        phase="training",
        reason=None,
        step=steps // 2,
        started=events[0]["at"] + later,
        finished=None,
        eta_s=events[-1]["at"] - events[half - 1]["at"],
    )
    runs.update(store, again, state=RUNNING)
    store.close()
    return copy


def main() -> None:
    """Draw every scene in every theme."""
    workspace = Path(sys.argv[1])
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_STATE_HOME"] = scratch  # or it would open where somebody has left it
        live = with_live_run(workspace, Path(scratch))
        for scene in sys.argv[2:] or SCENES:
            for name in THEMES:
                os.environ["WORKBENCH_THEME"] = name
                shown = live if scene == "train" else workspace
                drawn = asyncio.run(picture(shown, SCENES[scene]))
                (FOLDER / f"{scene}-{name}.svg").write_text(drawn, "utf-8")


if __name__ == "__main__":
    main()

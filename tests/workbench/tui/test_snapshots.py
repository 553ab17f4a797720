"""Every screen as a picture in text; `make snapshots` stores them anew after a change."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from contrast import too_weak
from frozen import (
    LABELS,
    NOW,
    begin_beside_promoted,
    begin_run,
    finish,
    frozen,
    keep_analyses,
    program,
)
from snapshots import compare, picture
from textual import events
from textual.widgets import Input

from storage.config import Config
from storage.runs import runs
from storage.store import create_store, open_store
from storage.transfer import importing
from workbench.rundir.folder import LIVE
from workbench.tui.themes import ANSI_LIGHT, DARK, LIGHT, NAMES

STORED = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40))
WIDE = (200, 60)


@dataclass(frozen=True)
class Scene:
    """A state of a screen: the keys that lead there, and what is seen when it is there."""

    name: str
    seen: str
    keys: tuple[str, ...] = ()
    pasted: str = ""
    before: Callable[[Path], object] | None = None
    """What happens to the workspace before it is opened."""
    sizes: tuple[tuple[int, int], ...] = SIZES


FAILED = {
    "state": "failed",
    "finished": NOW,
    "eta_s": None,
    "reason": "There is not enough memory for it; take training.memory=8gb, or free some of "
    "the GPU.",
}


def ranked(folder):
    """Rank some suspects; the first two labels are expected to be wrong."""
    store = open_store(folder, "ana")
    rows = [(3, 0.9, "run 1 baseline"), (8, 0.8, "run 1 baseline"), (1, 0.1, "run 1 baseline")]
    runs.save_queue(store, "suspects", rows, run=1)
    store.close()


def bare(folder):
    """Take all runs away, and what they predict."""
    store = open_store(folder, "ana")
    for run in runs.every(store):
        runs.delete(store, run.id)
    store.close()


def empty(folder):
    """Take all tweets away."""
    shutil.rmtree(folder)
    create_store(folder, Config(labels=LABELS), "ana").close()


def many(folder):
    """Add so many tweets that not all of them are on the screen."""
    path = folder.parent / "more.csv"
    path.write_text("text,label\n" + "".join(f"tweet {n} of many,positive\n" for n in range(40)))
    store = open_store(folder, "ana")
    importing.run(store, importing.plan(store.config, path, importing.ImportOptions()))
    store.close()


SCENES = (
    Scene("browse", "1 of 12", sizes=(*SIZES, WIDE)),
    Scene("browse-length", "by length", ("s", *"jjjjj", "enter")),
    Scene("browse-empty", "the palette (ctrl+p) imports a file", before=empty),
    Scene("browse-marks", "2 marked", ("j", "v", "v")),
    Scene("browse-labelled", "Tweet 3: negative → positive.", ("j", "j", "1")),
    Scene("card", "keep positive", ("j", "enter")),
    Scene("browse-disagreement", "by disagreement", ("s", "j", "j", "j", "enter")),
    Scene("browse-job", "run 3 training 70/200", before=begin_run),
    Scene("browse-many", "→ negative", ("v", "G", "V", "2"), before=many),
    Scene("queue", "1 of 2", ("Q",), before=ranked, sizes=(*SIZES, WIDE)),
    Scene("queue-answered", "2 of 2", ("Q", "1"), before=ranked),
    Scene("queue-end", "T trains on them", ("Q", "1", "enter"), before=ranked),
    Scene("queue-missing", "makes what is missing", ("Q",), before=bare),
    Scene("filter", "2 tweets; enter applies", ("slash",), "tsla"),
    Scene("filter-wrong", "no field called 'lable'", ("slash",), "moon lable:positive"),
    Scene("filtered", "▸ tsla", ("slash", *"tsla", "enter")),
    Scene("filtered-to-nothing", "No tweet passes", ("slash", *"zebra", "enter")),
    Scene("note", "enter saves", ("j", "e")),
    Scene("sort", "Sort by", ("s",)),
    Scene("settings", "auto-train", ("f2", "down")),
    Scene("labels", "2 of 2 labels", ("comma",), sizes=((80, 24),)),
    Scene("palette", "what to do", ("ctrl+p",)),
    Scene("ask", "tab completes", ("ctrl+p", *"report", "enter")),
    Scene("help", "Labels", ("question_mark",), sizes=((80, 24), (120, 40), (100, 90))),
    Scene("help-runs", "This screen", ("r", "question_mark")),
    Scene(
        "train",
        "for 200 steps",
        ("t", "tab", "ctrl+u", *"./base"),
        sizes=(*SIZES, WIDE),
    ),
    Scene(
        "train-refused", "did you mean", ("t", "tab", "tab", "tab", *"lora.q=8", "enter", "enter")
    ),
    Scene("train-failed", "no model folder", ("t", "tab", "tab", "tab", "tab", "enter")),
    Scene("clone", "run 2:", ("r", "C")),
    Scene("run", "70/200", ("t",), before=begin_run, sizes=(*SIZES, WIDE)),
    Scene("run-compared", "▲ run 2", ("t", "c"), before=begin_beside_promoted),
    Scene("run-log", "loss 0.8000", ("t", "l"), before=begin_run),
    Scene("run-done", "run 2 is done", ("r", "enter")),
    Scene("run-failed", "not enough memory", ("r", "enter"), before=partial(begin_run, **FAILED)),
    Scene("runs", "baseline", ("r",)),
    Scene("runs-compared", "against", ("R",), before=keep_analyses, sizes=(*SIZES, WIDE)),
    Scene("runs-live", "running", ("r",), before=begin_run),
    Scene("runs-failed", "not enough memory", ("r",), before=partial(begin_run, **FAILED)),
    Scene("runs-delete", "Delete run 2", ("r", "D")),
    Scene("compare", "McNemar", ("r", "c")),
    Scene(
        "errors",
        "given negative, model positive",
        ("E", "down"),
        before=keep_analyses,
        sizes=(*SIZES, WIDE),
    ),
    Scene("errors-slice", "in the slice", ("E", "tab", "tab", "down"), before=keep_analyses),
    Scene("errors-none", "no predictions yet", ("E",), before=empty),
    Scene("too-small", "too small", sizes=((50, 12),)),
)
NO_COLOR = "NO_COLOR"
IN_ALL_THEMES = {"browse", "queue"}
"""Scenes whose larger picture is kept in every theme; the others are measured in each."""


@pytest.fixture(scope="session")
def template(tmp_path_factory, make_workspace):
    """The frozen workspace; copy it, never write to it."""
    with frozen():
        return finish(make_workspace(tmp_path_factory.mktemp("frozen") / "workspace"))


@pytest.fixture
def shoot(template, tmp_path, monkeypatch, start, repository):
    """Gives the lines of a scene in each size and look."""

    async def look(scene, *themes):
        folder = shutil.copytree(template, tmp_path / themes[0] / "workspace")
        if scene.before is not None:
            scene.before(folder)
        looks = {}
        async with start(folder, size=scene.sizes[0], program=program(folder)) as driver:
            await go(driver, scene)
            for size, theme in itertools.product(scene.sizes, themes):
                if driver.app.size != size:
                    await driver.pilot.resize_terminal(*size)
                    await driver.at_rest()
                if theme not in (DARK, LIGHT, NO_COLOR) and size != scene.sizes[-1]:
                    continue
                if theme != NO_COLOR:
                    driver.app.theme = theme
                await driver.at_rest()
                looks[size, theme] = driver.strips
        return looks

    async def looks(scene):
        in_colour = await look(scene, *NAMES)
        monkeypatch.setenv("NO_COLOR", "1")
        return in_colour | await look(scene, NO_COLOR)

    monkeypatch.chdir(repository / "sample_data")  # where there is a base
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # so that nothing was compiled before
    with frozen():
        yield looks


async def go(driver, scene):
    """Press the keys of a scene and wait for it."""
    await driver.at_rest()
    live = runs.in_states(driver.app.store, LIVE)
    await driver.until(lambda: set(live) <= set(driver.app.run_progress))
    for key in scene.keys:
        await driver.press(key)
        if key.isupper():  # a place, which reads what the next key is about
            await driver.at_rest()
    if scene.pasted:
        driver.app.post_message(events.Paste(scene.pasted))
    await driver.until_seen(scene.seen)
    for entry in driver.app.screen.query(Input):
        entry.cursor_blink = False


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
async def test_the_screen_looks_as_stored_and_can_be_read_in_every_theme(shoot, scene, request):
    looks = await shoot(scene)
    for columns, rows in scene.sizes:
        title = f"{scene.name}, {columns} by {rows} cells"
        every = scene.name in IN_ALL_THEMES and (columns, rows) == scene.sizes[-1]
        kept = (*NAMES, NO_COLOR) if every else (DARK, LIGHT, NO_COLOR)
        shown = {theme: looks[(columns, rows), theme] for theme in kept}
        path = STORED / f"{scene.name}-{columns}x{rows}.txt"
        compare(path, picture(title, shown), request.config.getoption("--renew"))
    weak = {
        f"{theme}: {found}"
        for (_, theme), lines in looks.items()
        for found in too_weak(lines, dark=theme not in (LIGHT, ANSI_LIGHT))
    }
    assert not weak, "\n".join(sorted(weak))


def test_no_snapshot_is_left_over(request):
    wanted = {f"{scene.name}-{w}x{h}.txt" for scene in SCENES for w, h in scene.sizes}
    left = [path for path in STORED.iterdir() if path.name not in wanted]
    if request.config.getoption("--renew"):
        for path in left:
            path.unlink()
    else:
        assert not left

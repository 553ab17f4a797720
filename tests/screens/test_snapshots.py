"""Every screen as a picture in text; `make snapshots` stores them anew after a change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from frozen import comparing, finish, frozen
from snapshots import compare, picture

STORED = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40))


@dataclass(frozen=True)
class Scene:
    """A state of a screen: the keys that lead there, and what is seen when it is there."""

    name: str
    seen: str
    keys: tuple[str, ...] = ()
    typed: str = ""
    before: Callable[[Path], object] | None = None
    """What happens to the workspace before it is opened."""
    sizes: tuple[tuple[int, int], ...] = SIZES


SCENES = (
    Scene("browse", "12 tweets"),
    Scene("browse-marks", "2 marked", ("j", "v", "v")),
)
CASES = [pytest.param(scene, size, id=f"{scene.name}-{size[0]}x{size[1]}")
         for scene in SCENES for size in scene.sizes]  # fmt: skip
DARK, LIGHT, NO_COLOR = "textual-dark", "textual-light", "NO_COLOR"


@pytest.fixture(scope="session")
def template(tmp_path_factory, make_workspace):
    """The frozen workspace; copy it, never write to it."""
    with frozen():
        return finish(make_workspace(tmp_path_factory.mktemp("frozen") / "workspace"))


@pytest.fixture
def shoot(template, tmp_path, monkeypatch, start):
    """Gives the lines of a scene in each look."""

    async def look(scene, size, *themes):
        folder = shutil.copytree(template, tmp_path / themes[0] / "workspace")
        if scene.before is not None:
            scene.before(folder)
        looks = {}
        async with start(folder, size=size, program=comparing(folder)) as driver:
            await go(driver, scene)
            for theme in themes:
                if theme != NO_COLOR:
                    driver.app.theme = theme
                await at_rest(driver)
                looks[theme] = driver.app.screen._compositor.render_strips()
        return looks

    async def looks(scene, size):
        in_colour = await look(scene, size, DARK, LIGHT)
        monkeypatch.setenv("NO_COLOR", "1")
        return in_colour | await look(scene, size, NO_COLOR)

    monkeypatch.chdir(tmp_path)
    with frozen():
        yield looks


async def go(driver, scene):
    """Press the keys of a scene and wait for it."""
    await at_rest(driver)
    await driver.press(*scene.keys)
    await driver.type(scene.typed)
    await driver.until_seen(scene.seen)


async def at_rest(driver):
    """Wait until no thread is at work and nothing more changes."""
    before = None
    while before != driver.text or any(
        worker.is_running and worker.group != "follow" for worker in driver.app.workers
    ):
        before = driver.text
        await driver.pilot.pause(0.01)


@pytest.mark.parametrize(("scene", "size"), CASES)
async def test_the_screen_looks_as_stored(shoot, scene, size, request):
    looks = await shoot(scene, size)
    title = f"{scene.name}, {size[0]} by {size[1]} cells"
    path = STORED / f"{scene.name}-{size[0]}x{size[1]}.txt"
    compare(path, picture(title, looks), request.config.getoption("--renew"))


def test_no_snapshot_is_left_over(request):
    wanted = {f"{scene.name}-{size[0]}x{size[1]}.txt" for scene in SCENES for size in scene.sizes}
    left = [path for path in STORED.iterdir() if path.name not in wanted]
    if request.config.getoption("--renew"):
        for path in left:
            path.unlink()
    else:
        assert not left

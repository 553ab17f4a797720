"""The colours of the screen: which are put on, and what is seen where there are none."""

from dataclasses import asdict

import pytest
from contrast import contrast, too_weak
from textual.color import Color

from workbench.tui.app import WorkbenchApp
from workbench.tui.first_app import FirstApp
from workbench.tui.themes import ANSI_DARK, DARK, HIGH_CONTRAST, LIGHT, LOOKS, NAMES
from workbench.tui.widgets.menu import CURSOR

KNOWN = f"known: {', '.join(NAMES)}"


def test_contrast_is_what_wcag_says():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.005)


def test_high_contrast_is_7_to_1_on_both_grounds():
    look = next(look for look in LOOKS if look.name == HIGH_CONTRAST)
    colours = {name: Color.parse(value).rgb for name, value in asdict(look.colours).items()}
    grounds = {colours.pop("ground"), colours.pop("raised")}
    assert min(contrast(text, ground) for text in colours.values() for ground in grounds) >= 7


def choose(folder, theme):
    """Choose a theme as somebody does who edits the settings."""
    path = folder / "workbench.toml"
    path.write_text(f'theme = "{theme}"\n{path.read_text()}')


async def test_no_other_themes_are_offered(start):
    async with start() as driver:
        assert set(driver.app.available_themes) == set(NAMES)
        assert driver.app.theme == DARK


async def test_the_theme_of_the_settings_is_put_on(start, workspace):
    choose(workspace, LIGHT)
    async with start() as driver:
        assert driver.app.theme == LIGHT
        await driver.pilot.pause(0.1)
        assert "There is no theme" not in driver.text


async def test_the_environment_goes_before_the_settings(start, workspace, monkeypatch):
    choose(workspace, LIGHT)
    monkeypatch.setenv("WORKBENCH_THEME", ANSI_DARK)
    async with start() as driver:
        assert driver.app.theme == ANSI_DARK


@pytest.mark.parametrize("where", ["settings", "environment"])
async def test_a_theme_that_does_not_exist_is_said_and_another_taken(
    start, workspace, monkeypatch, where
):
    if where == "settings":
        choose(workspace, "solarized")
    else:
        monkeypatch.setenv("WORKBENCH_THEME", "solarized")
    async with start() as driver:
        await driver.until_seen(f"There is no theme 'solarized' ({KNOWN}).")
        assert driver.app.theme == DARK


@pytest.mark.parametrize("term", ["xterm", "screen", "linux"])
async def test_a_terminal_of_16_colours_gets_its_own(start, monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM")
    async with start() as driver:
        assert driver.app.theme == ANSI_DARK


def reversed_text(driver):
    """What is shown in reverse, line by line."""
    strips = driver.app.screen._compositor.render_strips()
    return [
        "".join(text for text, style, _ in strip if style is not None and style.reverse).strip()
        for strip in strips
    ]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"WORKBENCH_THEME": ANSI_DARK}])
async def test_the_cursor_is_in_reverse_where_colours_are_few_or_none(
    start, monkeypatch, environment
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with start() as driver:
        await driver.settled()
        assert "$TSLA to the moon" in reversed_text(driver)[2], "in the list of tweets"
        await driver.press("R")
        await driver.until_seen("baseline")
        assert CURSOR in reversed_text(driver), "in the list of runs"
        await driver.press("B", "slash", "x")
        await driver.until(lambda: driver.app.screen.prompt.request is not None)
        await driver.pilot.pause()
        entry = driver.app.screen.prompt.entry
        cells = driver.app.screen._compositor.render_strips()[entry.region.y]
        assert any(style.reverse for _, style, _ in cells if style), "in a line that is typed"


async def test_no_colour_is_sent_where_none_is_wanted_whatever_the_settings_say(
    start, workspace, monkeypatch
):
    choose(workspace, LIGHT)
    monkeypatch.setenv("NO_COLOR", "1")
    async with start() as driver:
        await driver.settled()
        styles = [
            style
            for strip in driver.app.screen._compositor.render_strips()
            for _, style, _ in strip
            if style is not None
        ]
        assert styles
        assert all(
            colour is None or colour.is_default
            for style in styles
            for colour in (style.color, style.bgcolor)
        )


async def weak_in_all_themes(app, pilot):
    """What stands out too little on the screen as it is, in any theme."""
    found = {}
    for look in LOOKS:
        app.theme = look.name
        await pilot.pause()
        lines = app.screen._compositor.render_strips()
        if weak := too_weak(lines, look.dark):
            found[look.name] = weak
    return found


async def test_what_no_picture_shows_can_be_read_in_every_theme_too(workspace, drive):
    app = WorkbenchApp(workspace, "ana")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.pause()
        for problem in (False, True):
            app.say("A sentence that is longer than a line has room for. " * 3, problem)
            await pilot.pause()
            assert len(app.screen.query("Toast")) == 0
            assert await weak_in_all_themes(app, pilot) == {}
        await pilot.press("f3")
        assert await weak_in_all_themes(app, pilot) == {}
    async with drive(FirstApp()) as driver:
        await driver.press(*"/nowhere", "enter")
        await driver.until_seen("!")
        assert await weak_in_all_themes(driver.app, driver.pilot) == {}


async def test_the_question_for_a_file_has_the_themes_too(drive, monkeypatch):
    monkeypatch.setenv("WORKBENCH_THEME", LIGHT)
    async with drive(FirstApp()) as driver:
        assert driver.app.theme == LIGHT
    monkeypatch.setenv("WORKBENCH_THEME", "solarized")
    async with drive(FirstApp()) as driver:
        await driver.until_seen(f"There is no theme 'solarized' ({KNOWN}).")


def test_a_new_workspace_names_the_themes(empty_workspace):
    said = next(
        line
        for line in (empty_workspace / "workbench.toml").read_text().splitlines()
        if "theme" in line
    )
    assert said.split("# ")[-1].replace(" or ", ", ").split(", ") == list(NAMES)

"""What works beside a screen ends before the widgets on which it would show something are gone."""

import asyncio

import pytest

from workbench.tui.widgets.top_line import TopLine


def leave(app):
    app.pop_screen()


def go_elsewhere(app):
    app.places.show_train_form()


def end(app):
    """The end of the test is that of the application."""


@pytest.mark.parametrize("way", [leave, go_elsewhere, end])
async def test_no_work_goes_on_or_begins_where_widgets_are_gone(start, monkeypatch, way):
    gone, went_on = asyncio.Event(), []
    async with start() as driver:
        app = driver.app
        await driver.press("R")
        await driver.until_seen("RUNS")
        await driver.press("enter")
        await driver.until(lambda: app.screen.query("#run-status"))
        page = app.screen
        nodes = (page, app) if way is end else (page,)

        async def work():
            await gone.wait()
            went_on.append(page.query_one(TopLine))

        def one_is_gone(line):
            if line in lines and not gone.is_set():
                gone.set()
                for node in nodes:
                    node.run_worker(work)

        lines = [page.query_one(TopLine)]
        monkeypatch.setattr(TopLine, "on_unmount", one_is_gone, raising=False)
        for node in nodes:
            node.run_worker(work)
        way(app)
        if way is not end:
            await driver.until(lambda: not page.is_attached)
    assert gone.is_set()
    assert not went_on

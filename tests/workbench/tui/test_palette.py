"""The palette: what is done by its name, what was done last, and files that are asked for."""

import pytest
from textual import events

from storage.runs import runs
from workbench.tui import recent_actions, user_state

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(autouse=True)
def nothing_recent(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def do(driver, words):
    """Do what the palette finds by some words."""
    await driver.press("ctrl+p")
    await driver.type(words)
    await driver.press("enter")


def chosen(driver):
    """The line of the palette that enter does."""
    return next(line for line in driver.lines[-11:] if line.startswith("▌"))


async def test_labels_orders_queues_runs_and_themes_are_found_by_name(start):
    async with start() as driver:
        await do(driver, "label neg")
        await driver.until(lambda: driver.tweet(1).label == "negative")
        await do(driver, "sort length")
        await driver.until_seen("by length")
        await do(driver, "run 1 open")
        await driver.until_seen("run 1 ")
        await do(driver, "run 1 show its")
        await driver.until_seen("text · run 1 baseline")
        await do(driver, "queue of conflicts")
        await driver.until_seen("[Queue")
        await driver.until(lambda: driver.app.screen._walk.queue.kind == "conflicts")
        await do(driver, "theme light")
        await driver.until(lambda: driver.app.theme == "light")
        await do(driver, "blind share: none")
        await driver.until(lambda: driver.app.store.config.queue_blind_every == 0)


async def test_what_was_done_last_comes_first_also_after_a_restart(start):
    async with start() as driver:
        await driver.press("ctrl+p")
        await driver.until_seen("what to do")
        assert "label positive" in chosen(driver)
        await driver.press("escape")
        await do(driver, "sort by length")
        await do(driver, "sort by margin")
        await driver.press("ctrl+p")
        await driver.until_seen("what to do")
        assert "sort by margin" in chosen(driver)
    async with start() as driver:
        await driver.press("ctrl+p")
        await driver.until_seen("what to do")
        shown = [line for line in driver.lines if "sort by" in line]
        assert ["margin" in shown[0], "length" in shown[1]] == [True, True]
        await driver.type("sort by")
        await driver.until_seen("▌ sort by")
        assert "sort by margin" in chosen(driver)


def test_what_is_kept_of_them_has_an_end_and_may_be_damaged_or_in_the_way(tmp_path):
    assert recent_actions.read() == []
    for number in range(40):
        recent_actions.remember(f"action {number}")
    recent_actions.remember("action 20")
    assert recent_actions.read()[:3] == ["action 20", "action 39", "action 38"]
    assert len(recent_actions.read()) == recent_actions.MOST
    for damaged in ("{", '{"a": 1}', "[1, 2]", "\x00"):
        user_state.path(recent_actions.NAME).write_text(damaged)
        assert recent_actions.read() == []
    user_state.path(recent_actions.NAME).unlink()
    user_state.path(recent_actions.NAME).mkdir()
    recent_actions.remember("something")
    assert recent_actions.read() == []


async def test_keys_that_come_at_once_go_to_the_palette(start):
    async with start() as driver:
        await driver.settled()
        driver.app.post_message(events.Key("ctrl+p", None))
        for letter in "exclude":
            driver.app.post_message(events.Key(letter, letter))
        driver.app.post_message(events.Key("enter", "\r"))
        await driver.until(lambda: driver.tweet(1).excluded)
        assert not driver.history(1)[1:-1]


async def test_nothing_of_its_picture_is_kept_when_it_is_gone(start):
    async with start() as driver:
        await driver.press("ctrl+p")
        await driver.until_seen("what to do")
        lines = [widget._styles_cache for widget in driver.app.screen.query("*")]
        assert any(cache._cache for cache in lines)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen.name == "browse")
        await driver.until(lambda: not any(cache._cache for cache in lines))


async def test_what_would_change_something_elsewhere_is_shown_there_and_not_done(start):
    async with start() as driver:
        await driver.press("R")
        await driver.until_seen("baseline")
        await do(driver, "browse: exclude")
        await driver.until_seen("Browse: x exclude from training")
        assert driver.app.screen.name == "browse"
        assert not driver.tweet(1).excluded
        await do(driver, "runs: compare")
        await driver.until_seen("[Runs")
        await driver.press("B")
        await do(driver, "runs: delete")
        await driver.until_seen("Runs: D delete the run")
        assert len(runs.every(driver.app.store)) == 2


async def test_nothing_of_that_name_is_said_and_escape_leaves(start):
    async with start() as driver:
        await do(driver, "zzzz")
        await driver.until_seen("Nothing has that name")
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen.name == "browse")
        await driver.press("R", "D")
        await driver.until_seen("Delete run")
        await driver.press("ctrl+p")
        await driver.until_seen("ctrl+p does nothing here")


async def test_a_click_chooses_and_one_beside_it_leaves(start):
    async with start() as driver:
        await driver.press("ctrl+p")
        await driver.type("sort by length")
        await driver.until_seen(" 1 of ")
        row = next(y for y, line in enumerate(driver.lines) if "▌ " in line and "longest" in line)
        await driver.pilot.click(offset=(12, row))
        await driver.until_seen("by length")
        await driver.press("ctrl+p")
        await driver.until_seen("what to do")
        await driver.pilot.click(offset=(12, 3))
        await driver.until(lambda: driver.app.screen.name == "browse")


async def test_it_sends_little(start, terminal):
    async with start() as driver:
        await driver.settled()
        await driver.at_rest()
        terminal.take()
        await driver.press("ctrl+p")
        await driver.until_seen("what to do")
        opened = terminal.take()
        await driver.press("escape")
        await driver.until(lambda: "what to do" not in driver.text)
        assert 0 < opened < 3_000
        assert 0 < terminal.take() < 3_000


# Files.


async def test_a_path_is_completed_where_somebody_is_and_what_was_written_is_said_there(
    start, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cards").mkdir()
    (tmp_path / "cats").mkdir()
    async with start() as driver:
        await driver.press("R")
        await driver.until_seen("baseline")
        await do(driver, "write a report")
        await driver.until_seen("a data card")
        await driver.type("c")
        await driver.until_seen("cards/")
        await driver.press("tab")
        assert driver.app.screen.query_one("#ask-input").value == "ca"
        await driver.type("r")
        await driver.press("tab")
        await driver.type("card.md")
        await driver.press("enter")
        await driver.until_seen(f"The report is in {tmp_path / 'cards' / 'card.md'}.")
        assert "[Runs" in driver.text
    assert "# Labels of workspace" in (tmp_path / "cards" / "card.md").read_text()


async def test_backups_are_made_and_the_database_is_checked(start, tmp_path, workspace):
    async with start() as driver:
        await do(driver, "back up the database")
        await driver.until_seen("nothing typed: into the backups folder")
        await driver.press("enter")
        await driver.until_seen("The database is copied to")
        assert len(list((workspace / "backups").glob("*manual*"))) == 1
        await do(driver, "check the database")
        await driver.until_seen("The database is sound")


async def test_predictions_of_another_model_become_a_run(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with start() as driver:
        rows = "".join(f"t{n},.9,.1\n" for n in range(1, 13))
        (tmp_path / "theirs.csv").write_text(f"id,positive,negative\n{rows}")
        await do(driver, "import predictions")
        await driver.until_seen("called as the file")
        await driver.type("theirs.csv")
        await driver.press("enter")
        await driver.until_seen("Run 3 has what theirs.csv predicts")

"""Orders that cannot be made are refused, those that no longer stand are called stale."""

import pytest

from storage.history import labels
from storage.query import tweets
from storage.runs import displayed_run, runs, suspect_ranking
from storage.store import open_store
from workbench.evaluation.suspects import rank_suspects
from workbench.runs import trash


@pytest.fixture
def elsewhere(workspace):
    """The workspace as another process has it open."""
    store = open_store(workspace, "ben")
    yield store
    store.close()


async def sort_by(driver, name):
    await driver.press("s")
    await driver.until_seen("Sort by")
    at = tweets.SORTS.index(name)
    await driver.press("g", *["j"] * at, "enter")


def listed(driver):
    return list(driver.app._browse.tweets.ids)


@pytest.mark.parametrize("name", ["confidence", "margin", "disagreement"])
async def test_an_order_by_predictions_is_refused_without_any(
    start, tmp_path, make_workspace, given, name
):
    folder = make_workspace(tmp_path / "bare" / "w", given, with_runs=False)
    async with start(folder) as driver:
        await sort_by(driver, name)
        await driver.until_seen(
            f"! There are no predictions yet, so the list cannot be sorted by {name}; "
            "T trains a model that makes some."
        )
        assert f"by {name}" not in driver.lines[-2]
        assert driver.app._browse.settings.sort == "id"


@pytest.mark.usefixtures("forked")
async def test_suspects_are_made_from_nothing_and_the_menu_says_how(
    start, tmp_path, make_workspace
):
    many = [
        (f"{word} {n}", label)
        for n in range(8)
        for word, label in (("up", "positive"), ("down", "negative"))
    ]
    folder = make_workspace(tmp_path / "bare" / "w", many, with_runs=False)
    async with start(folder) as driver:
        await driver.press("s")
        await driver.until_seen("likely label errors first; a small model is trained for that")
        await driver.press("G", "enter")
        await driver.until_seen("by suspect, 16 left")
        assert suspect_ranking.ranking(driver.app.store) is not None


async def test_suspects_are_refused_where_there_is_no_label(start, tmp_path, make_workspace):
    folder = make_workspace(
        tmp_path / "bare" / "w", [("a text", ""), ("another", "")], with_runs=False
    )
    async with start(folder) as driver:
        await sort_by(driver, "suspect")
        await driver.until_seen("! No suspects are ranked yet; s, then suspect, ranks them.")
        assert driver.app._browse.settings.sort == "id"


async def test_a_filter_about_predictions_is_refused_without_any(
    start, tmp_path, make_workspace, given
):
    folder = make_workspace(tmp_path / "bare" / "w", given, with_runs=False)
    async with start(folder) as driver:
        await driver.press("slash")
        await driver.type("conf:>0.9")
        await driver.until_seen("There are no predictions yet, so conf: finds nothing; T trains")
        await driver.press("enter")
        await driver.until_seen("There are no predictions yet, so conf: finds nothing; T trains")
        await driver.press("escape")
        await driver.until(lambda: listed(driver) == list(range(1, 13)))
        await driver.press("right_square_bracket")
        await driver.until_seen("so there is no disagreement to go to; T trains")


@pytest.mark.usefixtures("forked")
async def test_suspects_are_ranked_when_they_are_asked_for(start):
    async with start() as driver:
        await sort_by(driver, "suspect")
        await driver.until(lambda: driver.app._browse.settings.sort == "suspect")
        assert suspect_ranking.ranking(driver.app.store).run == 1
        await driver.until_seen("by suspect, 11 left")
        await driver.press("2")
        await driver.until_seen("by suspect, 10 left stale: s sorts anew")
        await sort_by(driver, "suspect")
        await driver.until(lambda: "stale" not in driver.text)


async def test_an_order_that_rests_on_older_labels_is_stale(start, elsewhere):
    async with start() as driver:
        await sort_by(driver, "disagreement")
        await driver.until_seen("by disagreement")
        assert listed(driver)[:2] == [3, 8]
        labels.assign(elsewhere, [3], "negative")  # as it was
        await driver.press("j")
        await driver.settled()
        assert "stale" not in driver.text
        labels.assign(elsewhere, [3], "positive")
        await driver.press("j")
        await driver.until_seen("by disagreement stale: s sorts anew")
        await sort_by(driver, "disagreement")
        await driver.until(lambda: "stale" not in driver.text)
        assert listed(driver)[0] == 8


async def test_a_filter_that_edits_have_changed_is_stale(start):
    async with start() as driver:
        await driver.press("slash")
        await driver.type("label:negative")
        await driver.press("enter")
        await driver.until_seen("▸ label:negative")
        await driver.press("1")
        await driver.until_seen("stale: / enter filters anew")
        await driver.press("slash", "enter")
        await driver.until(lambda: "stale" not in driver.text and 2 not in listed(driver))


async def test_the_deletion_of_the_run_ends_the_order_by_it(start, elsewhere):
    async with start() as driver:
        await sort_by(driver, "margin")
        await driver.until_seen("by margin")
        trash.delete_run(elsewhere, 2)
        await driver.press("j")
        await driver.until_seen("no run is shown (R lists the runs)")
        await driver.until_seen("Run 2 is deleted")
        assert driver.app._browse.settings.sort == "id"
        assert listed(driver) == list(range(1, 13))


async def test_the_deletion_of_the_baseline_ends_the_order_of_suspects(start, elsewhere):
    rank_suspects(elsewhere, 1)
    async with start() as driver:
        await sort_by(driver, "suspect")
        await driver.until_seen("by suspect")
        trash.delete_run(elsewhere, 1)
        await driver.press("j")
        await driver.until_seen("! No suspects are ranked yet; s, then suspect, ranks them. The")
        await driver.until(lambda: driver.app._browse.settings.sort == "id")


async def test_the_promoted_run_falls_in_for_a_deleted_one(start, elsewhere):
    displayed_run.promote(elsewhere, 1)
    async with start() as driver:
        await sort_by(driver, "margin")
        await driver.until_seen("by margin")
        trash.delete_run(elsewhere, 2)
        await driver.press("j")
        await driver.until_seen("text · run 1 baseline")
        assert driver.app._browse.settings.sort == "margin"


async def test_decided_tweets_are_no_disagreements_to_stop_at(start):
    async with start() as driver:
        await driver.press("right_square_bracket")
        assert driver.current == 3
        await driver.press("enter", "enter", "q", "g", "right_square_bracket")
        assert driver.current == 8
        await driver.press("a", "g", "right_square_bracket")
        await driver.until_seen("No undecided disagreement below")
        await driver.press("u", "u", "g", "right_square_bracket")
        assert driver.current == 3


async def test_decided_tweets_come_after_the_other_suspects(start):
    async with start() as driver:
        await sort_by(driver, "suspect")
        await driver.until(lambda: driver.app._browse.settings.sort == "suspect")
        first, second, *_ = listed(driver)
        await driver.press("enter", "enter", "q")
        await sort_by(driver, "suspect")
        await driver.until(lambda: listed(driver)[0] == second)
        ranked = [tweet for _, tweet, *_ in runs.queue(driver.app.store, "suspects")]
        assert listed(driver)[len(ranked) - 1] == first

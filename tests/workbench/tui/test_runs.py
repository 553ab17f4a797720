"""The place of the runs: what stands under the list follows the cursor, and flips open."""

import asyncio
import shutil

import pytest

from storage.history import labels
from storage.query import tweets
from storage.runs import displayed_run, runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import open_store
from workbench import kept_analyses
from workbench.evaluation.comparison import compare
from workbench.evaluation.run_evaluation import evaluate_run
from workbench.tui import screen_stack
from workbench.tui.run_messages import RunsCollected
from workbench.tui.widgets.line_list import LineList
from workbench.tui.widgets.line_lists import LineLists
from workbench.tui.widgets.runs_list import RunsList

GIVEN = ["positive", "negative"]
COUNT = 60


@pytest.fixture(scope="module")
def compared(make_workspace, tmp_path_factory):
    """Three runs, the first one promoted, whose comparisons with the others are kept."""
    rows = [(f"tweet {n}", GIVEN[n % 2]) for n in range(1, COUNT + 1)]
    folder = make_workspace(tmp_path_factory.mktemp("compared") / "work", rows, with_runs=False)
    store = open_store(folder, "ana")
    for recipe, wrong in (("baseline", 7), ("tiny", 5), ("fast", 3)):
        kind = "baseline" if recipe == "baseline" else "qlora"
        run = runs.add(store, recipe, kind, recipe, None, GIVEN)
        add_predictions(store, run, predictions(wrong))
        runs.update(store, run, state="done")
        evaluate_run(store, run)
    displayed_run.show(store, 3)
    displayed_run.promote(store, 1)
    for first, second in ((1, 2), (1, 3), (3, 1)):
        key = kept_analyses.comparison(first, second)
        kept_analyses.kept_or_made(store, key, lambda a=first, b=second: compare(store, a, b))
    store.close()
    return folder


def predictions(wrong):
    for n in range(1, COUNT + 1):
        positive = 0.9 if (n % 2 == 0) == (n % wrong != 0) else 0.1
        yield Prediction(n, (positive, 1 - positive), 0.8, 0.3, False)


@pytest.fixture
def folder(compared, tmp_path):
    return shutil.copytree(compared, tmp_path / "work")


def calls(stub):
    return [call for call in stub.calls if call[0] not in ("runs", "undelete")]


async def test_the_comparison_follows_the_cursor_and_what_flipped_opens(start, stub, folder):
    async with start(folder, program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("3 fast against ★ 1 baseline")
        await driver.press("j")
        await driver.until_seen("2 tiny against ★ 1 baseline")
        await driver.press("tab", "j")
        flip = driver.app.screen.query_one(LineLists).active.current
        number = int(flip.name.split()[-1])
        await driver.press("enter")
        await driver.until_seen("esc goes back to Runs")
        await driver.until(lambda: driver.current == number)
        await driver.press("escape")
        await driver.until_seen("[Runs 3]")
        await driver.until_seen("2 tiny against ★ 1 baseline")
        assert driver.app.screen.query_one(LineLists).active.current == flip
        await driver.press("tab", "G")
        await driver.until_seen("★ 1 baseline against 3 fast")
        assert calls(stub) == [], "all of it was kept"
        await driver.press("g", "v", "j")
        await driver.until_seen("2 tiny against 3 fast")
        await driver.until(lambda: ["compare", "3", "2", "--json"] in stub.calls)


async def test_what_flipped_follows_later_than_the_comparison_or_when_somebody_goes_there(
    start, stub, folder, monkeypatch
):
    monkeypatch.setattr("workbench.tui.examining.run_comparison.FLIPS_AFTER", 3600.0)
    async with start(folder, program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("FLIPPED 3 against 1")
        flips = driver.app.screen.query_one("#runs-flips", LineList)
        of_three = flips.content
        await driver.press("j")
        await driver.until_seen("2 tiny against ★ 1 baseline")
        assert flips.content == of_three, "both its title and its lines are of the pair before"
        await driver.press("tab")
        await driver.until_seen("FLIPPED 2 against 1")
        assert driver.app.screen.query_one(LineLists).active is flips
        await driver.press("tab")
        monkeypatch.setattr(RunsList, "settled_after", 3600.0)
        await driver.press("k", "tab")
        await driver.until(lambda: flips.content == of_three)
        assert "3 fast against ★ 1 baseline" in " ".join(driver.text.split())


async def test_a_stale_comparison_says_so_and_is_made_again(start, stub, folder):
    stub.fail()
    async with start(folder, program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("3 fast against ★ 1 baseline")
        store = open_store(folder, "bo")
        for number in tweets.listing(store, "split:test"):
            labels.assign(store, [number], GIVEN[(number + 1) % 2])
        store.close()
        await driver.press("j")
        await driver.until(lambda: ["compare", "1", "2", "--json"] in stub.calls)
        await driver.until_seen("There is no model folder")


async def test_a_run_that_gets_its_predictions_under_the_cursor_is_compared(start, stub, folder):
    store = open_store(folder, "ana")
    number = runs.add(store, "fourth", "qlora", "tiny", "base", GIVEN)
    async with start(folder, program=stub.program) as driver:
        await driver.press("R", "g")
        await driver.until_seen(f"Run {number} (queued) has no predictions to compare.")
        add_predictions(store, number, predictions(4))
        runs.update(store, number, state="done")
        store.close()
        driver.app.screen.post_message(RunsCollected([]))
        await driver.until(lambda: ["compare", "1", str(number), "--json"] in stub.calls)


@pytest.mark.parametrize(
    ("asks", "command", "answer"),
    [("c", "compare", {}), ("U", "undelete", [{"id": 4, "kind": "qlora", "recipe": "tiny"}])],
)
async def test_what_was_asked_for_does_not_come_over_another_place(
    start, folder, monkeypatch, asks, command, answer
):
    asked, answers = [], asyncio.Event()

    async def held_up(name, *rest, **how):
        asked.append(name)
        await answers.wait()
        return answer

    async with start(folder) as driver:
        await driver.press("R")
        await driver.until_seen("3 fast against ★ 1 baseline")
        monkeypatch.setattr(driver.app, "command", held_up)
        await driver.press(asks)
        await driver.until(lambda: asked == [command])
        await driver.press("escape")
        answers.set()
        await driver.until(lambda: not any(w.group == command for w in driver.app.workers))
        assert driver.app.screen_stack == [driver.app._browse]


async def test_a_message_is_taken_back_while_a_place_opens(start, workspace):
    async with start() as driver:
        driver.app.say("Run 3 is over.")
        driver.app.places.go("runs")
        assert not driver.app.screen.is_mounted
        screen_stack.retract(driver.app, "Run 3 is over.")
        await driver.until_seen("RUNS")
        await driver.press("escape")
        assert "Run 3 is over." not in driver.text


async def test_a_move_repaints_two_cells(start, folder, stub):
    async with start(folder, program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("3 fast against ★ 1 baseline")
        lines, painted = driver.app.screen.query_one(RunsList), []
        lines.refresh = lambda *regions, **more: painted.extend(regions)
        lines.step(1)
        assert [region.area for region in painted] == [1, 1]
        del lines.refresh


async def test_an_adapter_is_exported_to_a_folder_that_is_asked_for(start, stub, folder, tmp_path):
    async with start(folder, program=stub.program) as driver:
        await driver.press("R")
        await driver.until_seen("3 fast against ★ 1 baseline")
        await driver.press("X")
        await driver.until_seen("export run 3 to")
        await driver.type(f"{tmp_path}/model")
        assert driver.app.screen.prompt.entry.value.endswith("/model"), "no key acts meanwhile"
        await driver.press("enter")
        await driver.until_seen("The adapter of run 3 is in")
        wanted = ["export-adapter", "--json", "--", "3", f"{tmp_path}/model"]
        assert calls(stub) == [wanted]
        await driver.press("G", "X")
        await driver.until_seen("Run 1 (baseline) has no adapter to export.")


async def test_the_line_of_the_signs_follows_the_width(start):
    async with start(size=(120, 40)) as driver:
        await driver.press("R")
        await driver.until(lambda: driver.lines[-2].rstrip().endswith("★ promoted"))
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: len(driver.lines) == 24)
        await driver.until(lambda: driver.lines[-2].rstrip().endswith("★ promoted"))

"""The place of the errors: its boxes, the tweets that they open, and what is said to be stale."""

import asyncio
import shutil
from dataclasses import replace

import pytest

from storage.history import labels
from storage.query import tweets
from storage.runs import displayed_run, runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import open_store
from workbench import kept_analyses
from workbench.analysis.measures.metrics import wilson
from workbench.evaluation.calibrating import calibration, coverage
from workbench.evaluation.comparison import compare
from workbench.evaluation.labelled_predictions import labelled_predictions
from workbench.evaluation.run_evaluation import evaluate_run
from workbench.tui.examining import page
from workbench.tui.examining.confusions import confusion_content
from workbench.tui.examining.findings import BINS, WANTED, Finding, Subject, other_run
from workbench.tui.examining.opened_tweets import listed
from workbench.tui.screens import errors
from workbench.tui.widgets.interval_bar import axis_of
from workbench.tui.widgets.line_list import LineList
from workbench.tui.widgets.line_lists import LineLists

GIVEN = ["positive", "negative"]
COUNT = 120
SLICES = {
    "n": 0,
    "events": 0,
    "looked_at": 0,
    "reason": None,
    "slices": [
        {"name": "a link", "n": 3, "events": 2, "filter": None, "tweets": []},
        {"name": "has moon", "n": 9, "events": 4, "filter": "", "tweets": []},
    ],
}

CHANGED_SLICES = {"n": 40, "broken": SLICES | {"slices": []}, "fixed": SLICES | {"slices": []}}


@pytest.fixture(scope="module")
def examined(make_workspace, tmp_path_factory):
    """A workspace whose analyses of run 2 on test tweets are kept."""
    rows = [(f"tweet {n} to the moon", GIVEN[n % 2]) for n in range(1, COUNT + 1)]
    folder = make_workspace(tmp_path_factory.mktemp("examined") / "work", rows, with_runs=False)
    store = open_store(folder, "ana")
    for recipe, wrong in (("baseline", 7), ("tiny", 5)):
        run = runs.add(store, recipe, recipe, recipe, None, GIVEN)
        add_predictions(store, run, predictions(wrong))
        runs.update(store, run, state="done")
    displayed_run.show(store, 2)
    evaluate_run(store, 2)
    found = labelled_predictions(store, 2, "test")
    wrong = found.tweets[~found.right].tolist()
    for row, ids in zip(SLICES["slices"], (wrong[:2], wrong[:4]), strict=True):
        row |= {"rate": 0.5, "low": 0.2, "high": 0.8, "q": 0.01, "tweets": ids}
    SLICES["slices"][1]["filter"] = "run:2 split:test insample:no moon"
    broken = {"name": "has moon", "n": 9, "events": 2, "tweets": wrong[:2], "filter": None}
    CHANGED_SLICES["broken"]["slices"] = [broken]
    kept = (
        (kept_analyses.slices(2), lambda: SLICES),
        (kept_analyses.calibration(2, bins=BINS), lambda: calibration(found, BINS)),
        (kept_analyses.coverage(2, accuracy=WANTED), lambda: coverage(found, WANTED)),
        (kept_analyses.comparison(1, 2), lambda: compare(store, 1, 2)),
        (kept_analyses.change_slices(2, 1), lambda: CHANGED_SLICES),
    )
    for key, make in kept:
        kept_analyses.kept_or_made(store, key, make)
    store.close()
    return folder


def predictions(wrong):
    for n in range(1, COUNT + 1):
        sure = 0.55 + 0.4 * n / COUNT
        positive = sure if (n % 2 == 0) == (n % wrong != 0) else 1 - sure
        yield Prediction(n, (positive, 1 - positive), abs(2 * positive - 1), 0.5, False)


@pytest.fixture
def folder(examined, tmp_path):
    return shutil.copytree(examined, tmp_path / "work")


def found(driver, wanted):
    return sorted(tweets.listing(driver.app.store, wanted))


def box(driver):
    return driver.app.screen.query_one(LineLists).active


async def opened(driver):
    """The tweets that enter opens, in the list of tweets."""
    wanted = box(driver).current.opens.filter
    await driver.press("enter")
    await driver.until_seen("esc goes back to Errors")
    await driver.until(lambda: driver.app.screen.settings.filter == wanted)
    await driver.until(lambda: sorted(driver.app.screen.tweets.ids) == found(driver, wanted))
    return sorted(driver.app.screen.tweets.ids)


async def test_every_figure_opens_its_tweets_and_esc_comes_back_to_it(start, stub, folder):
    async with start(folder, program=stub.program) as driver:
        await driver.press("G")
        await driver.press("E")
        await driver.until_seen("SINCE RUN 1")
        judged = "run:2 split:test"
        matrix = box(driver)
        await driver.press("right")
        assert matrix.current.name == "positive → negative"
        ids = await opened(driver)
        assert ids == found(driver, f"{judged} label:positive pred:negative") != []
        await driver.press("escape")
        await driver.until_seen("[Errors]")
        assert (box(driver), matrix.current.name) == (matrix, "positive → negative")
        await driver.until(lambda: driver.app._browse.settings.filter == "")
        assert driver.current == COUNT, "the list is as it was before"

        await driver.press("tab")
        bins, sizes = box(driver).content.stops, []
        for stop in bins:
            ids = await opened(driver)
            sizes.append(len(ids))
            await driver.press("escape")
            await driver.until_seen("[Errors]")
            assert box(driver).current == stop
            await driver.press("down")
        kept = kept_analyses.kept(driver.app.store, kept_analyses.calibration(2, bins=BINS)).result
        assert sizes[:BINS] == [each["n"] for each in kept["bins"]]

        await driver.press("tab")
        assert await opened(driver) == sorted(SLICES["slices"][0]["tweets"]), "by their ids"
        await driver.press("escape", "down")
        assert await opened(driver) == found(driver, f"{judged} moon disagree:yes"), "by a filter"
        await driver.press("escape", "down")
        assert await opened(driver) == found(driver, f"{judged} disagree:yes"), "all wrong ones"

        await driver.press("escape", "tab")
        await driver.until_seen("broken 2 of 9 where has moon")
        assert await opened(driver) == sorted(CHANGED_SLICES["broken"]["slices"][0]["tweets"])
        await driver.press("escape", "down", "down")
        flip = box(driver).current
        kind, number = flip.name.rsplit(" ", 1)
        flips = kept_analyses.kept(driver.app.store, kept_analyses.comparison(1, 2)).result["flips"]
        same = sorted(each["id"] for each in flips if each["kind"] == kind)
        assert await opened(driver) == same
        assert driver.current == int(number)
        assert stub.calls == [], "everything was kept"


async def test_esc_clears_another_filter_than_the_one_that_was_opened(start, stub, folder):
    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("SINCE RUN 1")
        await opened(driver)
        await driver.press("slash", "ctrl+u", *"moon", "enter")
        await driver.until(lambda: len(driver.app.screen.tweets.ids) == COUNT)
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen.settings.filter == "")
        assert driver.app.screen.name == "browse"


async def test_what_is_stale_says_so_and_is_worked_out_by_a_command(start, stub, folder):
    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("SINCE RUN 1")
        assert "stale" not in driver.text
        store = open_store(folder, "bo")
        number = found(driver, "run:2 split:test")[0]
        labels.assign(store, [number], GIVEN[(number + 1) % 2])
        store.close()
        await driver.until_seen("stale: labels have changed since")
        assert driver.text.count(" stale ─") == 4, "each box says it"
        assert stub.calls == [], "nothing is worked out under somebody's eyes without a key"
        stub.fail()
        await driver.press("ctrl+l")
        await driver.until_seen("There is no model folder")
        assert stub.calls == [["evaluate", "2", "--split", "test", "--json"]]


async def test_what_changes_while_figures_are_worked_out_makes_them_stale(start, stub, folder):
    store = open_store(folder, "bo")
    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("SINCE RUN 1")
        screen = driver.app.screen
        number, *others = found(driver, "run:2 split:test")
        labels.assign(store, [number], GIVEN[(number + 1) % 2])
        await driver.until_seen("stale: labels have changed since")
        worked_out = dict(screen._findings)

        async def made(subject, analysis):
            labels.assign(store, [others.pop()], None)  # after it was worked out
            return replace(worked_out[analysis], stale="")

        screen._made = made
        await driver.press("ctrl+l")
        await driver.until(lambda: not screen._awaited and "stale" in driver.text)
    store.close()


async def test_figures_that_come_when_others_are_looked_at_are_not_shown_as_theirs(
    start, stub, folder, monkeypatch
):
    def read(store, subject, analysis):
        return Finding(problem="nothing of dev") if subject.split == "dev" else None

    async def made(subject, analysis):
        await working.wait()
        return Finding(problem="nothing of test")

    working = asyncio.Event()
    monkeypatch.setattr(errors, "read_finding", read)
    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("run 2 tiny")
        driver.app.screen._made = made
        await driver.press("ctrl+l", "s")
        await driver.until_seen("nothing of dev")
        working.set()
        await driver.until(lambda: not driver.app.screen._awaited)
        assert "nothing of test" not in driver.text


async def test_run_split_and_reference_are_chosen_with_keys(start, stub, folder):
    stub.fail()
    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("run 2 tiny")
        await driver.press("s")
        await driver.until_seen("dev tweets")
        await driver.press("r")
        await driver.until_seen("Errors of which run?")
        await driver.press("G", "enter")
        await driver.until_seen("run 1 baseline")
        await driver.until_seen("versus run 2")
        await driver.press("v")
        await driver.until_seen("Compare run 1 with which run?")
        assert "baseline" not in "".join(driver.lines[14:30]), "not with itself"
        await driver.press("escape", "d")
        await driver.until_seen("train tweets")
        asked = ["evaluate", "1", "--split", "train", "--json"]
        await driver.until(lambda: asked in stub.calls)


async def test_it_is_about_the_shown_run_until_another_one_is_chosen(start, stub, folder):
    async def show(run):
        await driver.press("R")
        await driver.at_rest()
        await driver.press({1: "G", 2: "g"}[run], "o")
        await driver.until_seen(f"text · run {run}")
        await driver.press("E")
        await driver.until_seen("[Errors")

    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("run 2 tiny")
        await show(1)
        await driver.until_seen("run 1 baseline")
        await driver.press("r", "g", "enter")
        await driver.until_seen("run 2 tiny")
        await show(2)
        await show(1)
        await driver.until_seen("run 2 tiny · ")


async def test_a_move_repaints_two_cells(start, stub, folder):
    async with start(folder, program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("SINCE RUN 1")
        for name in ("matrix", "sure", "changes"):
            lines = driver.app.screen.query_one(f"#errors-{name}", LineList)
            driver.app.screen.query_one(LineLists).activate(lines)
            await driver.pilot.pause()
            painted = []
            lines.refresh = lambda *regions, painted=painted, **more: painted.extend(regions)
            lines.step(1)
            assert [region.area for region in painted] == [1, 1], name
            del lines.refresh


def test_labels_are_shortened_to_fit_and_very_many_become_a_list_of_pairs(examined):
    store = open_store(examined)
    run = runs.get(store, 2)
    store.close()
    names = [f"{n:02} number" for n in range(20)]

    def content(labels, width):
        confusion = [
            [3 * (a == b) + (b == 0) for b in range(len(labels))] for a in range(len(labels))
        ]
        of = {"precision": None, "recall": 0.5, "n": 4}
        report = {"labels": labels, "confusion": confusion, "classes": dict.fromkeys(labels, of)}
        return confusion_content(run, "test", report, width)

    assert "03 number" in content(names[:4], 80).text
    assert "a label of th…" in content(["a label of the longer kind", "b"], 80).text, (
        "cut with a sign"
    )
    short = content(names[:5], 70)
    assert "03 number" not in short.text
    assert max(map(len, short.text.splitlines())) <= 70
    long = [f"a label with a long name {n}" for n in range(9)]
    for named, width in ((long[:5], 58), (long, 80), (names, 118)):
        matrix = content(named, width)
        assert max(map(len, matrix.text.splitlines())) <= width
        assert matrix.lines[1][0].text.startswith(f" 2 {named[1][:5]}")
        assert matrix.heads[0][0].text.split() == [
            "given",
            *map(str, range(1, len(named) + 1)),
            "n",
            "recall",
        ]
    assert "1 a label with a long n…" in content(long, 66).text, "what is cut says so"
    pairs = content([f"{name} that is long" for name in names], 58)
    assert max(map(len, pairs.text.splitlines())) <= 58
    assert "01 number that is… → " in pairs.text
    pairs = content(names, 70)
    assert [stop.name for stop in pairs.stops[:2]] == [
        "01 number → 00 number",
        "02 number → 00 number",
    ]
    assert len(pairs.stops) == 39, "the cells that hold tweets, errors first"
    assert all(stop.opens is not None for stop in pairs.stops)


def test_a_run_is_set_against_the_promoted_one_or_one_that_scored_about_as_many(workspace):
    store = open_store(workspace)
    few = runs.add(store, "few", "qlora", "few", None, ["positive", "negative"])
    add_predictions(store, few, [Prediction(1, (0.9, 0.1), 0.8, 0.3, False)])
    runs.update(store, few, state="done")
    assert [other_run(store, run) for run in (1, 2, few)] == [2, 1, 2]
    displayed_run.promote(store, few)
    assert [other_run(store, run) for run in (1, 2)] == [few, few]
    store.close()


def test_the_head_has_both_figures_with_their_intervals_where_there_is_room(examined):
    store = open_store(examined)
    run = runs.get(store, 2)
    store.close()
    figures = {"accuracy": 0.72, "macro_f1": 0.66}
    ends = {f"{name}_{end}": at for name in figures for end, at in (("low", 0.5), ("high", 0.8))}
    findings = {"evaluation": Finding(figures | ends | {"n": 100})}
    accuracy = " run 2 tiny · 100 test tweets · accuracy 72.0 % [50.0, 80.0]"
    macro_f1 = " · macro F1 66.0 % [50.0, 80.0]"
    keys, versus = "r other run  s split  v versus run 1 ", "v versus run 1 "
    for width, left, right in (
        (80, accuracy, ""),
        (100, accuracy + macro_f1, ""),
        (120, accuracy + macro_f1, versus),
        (140, accuracy + macro_f1, keys),
    ):
        line = page.about(run, Subject(2, "test", 1), findings, width)
        assert line.rstrip() == f"{left}{right.rjust(width - len(left))}".rstrip()


@pytest.mark.parametrize("alone", [True, False])
async def test_a_run_that_stands_alone_has_the_room_for_its_own_figures(
    start, examined, tmp_path, alone
):
    folder = shutil.copytree(examined, tmp_path / "few")
    store = open_store(folder)
    shown = displayed_run.shown_run(store)
    for other in [run.id for run in runs.every(store) if alone and run.id != shown]:
        runs.delete(store, other)
    store.close()
    async with start(folder, size=(80, 24)) as driver:
        await driver.press("E")
        await driver.until_seen("no other run to compare with" if alone else "SINCE RUN 1")
        box = driver.app.screen.query_one(f"#{page.CHANGES}")
        await driver.until(lambda: (box.size.height == 3) == alone)


def test_tweets_are_listed_as_far_as_a_list_goes_round_the_one_that_is_opened():
    ids = list(range(1, 454))
    for tweet in (None, 1, 300, 453):
        opened = listed(2, ids, "453 broken", tweet)
        assert opened.filter == f"run:2 id:{','.join(map(str, ids))}", "there is room for all"
        assert opened.what == "453 broken"
    ids = list(range(1, 2_001))
    for tweet, first in ((None, 1), (1, 1), (1_000, 750), (2_000, 1_501)):
        opened = listed(2, ids, "2,000 broken", tweet)
        shown = opened.filter.removeprefix("run:2 id:").split(",")
        assert (int(shown[0]), len(shown)) == (first, 500)
        assert opened.what == "500 of 2,000 broken"


def test_an_axis_has_round_ends_and_a_bar_lies_on_it():
    low, high = wilson(91, 136)
    axis = axis_of([(low, high), (0.61, 0.66)])
    assert (round(axis.low, 3), round(axis.high, 3)) == (0.5, 0.8)
    bar = axis.bar(91 / 136, low, high, 31)
    assert (bar.index("├"), bar.index("■"), bar.index("┤")) == (9, 17, 24)
    assert axis_of([]).bar(1, 1, 1, 5) == "    ■"
    assert axis_of([(0.5, 0.5)]).bar(0.5, 0.5, 0.5, 3).count("■") == 1

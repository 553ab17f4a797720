"""A finished run is offered beside the one that is shown, and never takes the list."""

from contextlib import asynccontextmanager

import pytest

from storage.runs import displayed_run, runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import open_store
from workbench.tui.listing.run_offers import Offer
from workbench.tui.screens.queue import QueueScreen


@pytest.fixture
def elsewhere(workspace):
    """The workspace as another process has it open; run 2 is shown, and judged on 100 tweets."""
    store = open_store(workspace, "ben")
    judge(store, 2, 0.81)
    yield store
    store.close()


def judge(store, run, accuracy, n=100):
    report = {
        "accuracy": accuracy,
        "accuracy_low": accuracy - 0.1,
        "n": n,
        "macro_f1": 0.7,
        "accuracy_high": accuracy + 0.07,
    }
    runs.save_evaluation(store, run, "test", report)


@asynccontextmanager
async def ended(start, stub, **options):
    """The app with run 3 just ended; it scored one tweet, at 81 % of 100 test tweets."""
    stub.start_outside()
    async with start(program=stub.program, **options) as driver:
        await driver.until_seen("run 3 training")
        stub.move(state="done", step=20)
        yield driver


OFFER = (
    "run 3 tiny, 1 of 12 scored: 81.0 % [73.0, 87.0]; shown is run 2 fast: "
    "81.0 % [71.0, 88.0] on 100 test tweets; o shows run 3, O leaves it"
)


async def test_a_finished_run_is_offered_with_both_accuracies(start, stub, elsewhere):
    async with ended(start, stub, size=(180, 40)) as driver:
        await driver.press("j")
        await driver.until_seen(OFFER)
        await driver.until_seen("run 3 offered (o)")
        assert "text · run 2 fast, 11 of 12 scored" in driver.text
        assert driver.current == 2
        assert driver.app._browse.tweets.tweet_at(0).pred == "positive"
        assert displayed_run.shown_run(elsewhere) == 2


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (80, "run 3: 81.0 % [73.0, 87.0], shown: 81.0 % [71.0, 88.0]; o shows, O leaves it"),
        (60, "run 3: 81.0 % [73.0, 87.0], shown: 81.0 % [71.0, 88.0]… F3"),
    ],
)
async def test_an_offer_stays_on_its_line_and_covers_nothing(start, stub, elsewhere, width, said):
    stub.start_outside()
    stub.move(state="done", step=20)
    async with start(program=stub.program, size=(width, 24)) as driver:
        await driver.press("Q")
        await driver.until(lambda: said in driver.lines[-1])
        assert not driver.app._notifications


def test_what_is_offered_without_a_figure_names_the_runs_alone():
    offer = Offer({3: "run 3 tiny, 1 of 12 scored", 2: "run 2 fast"}, [{}, {}])
    longest, *_, shortest = offer.sentences(QueueScreen)
    said = "run 3 tiny, 1 of 12 scored; shown is run 2 fast; o shows run 3, O leaves it"
    assert longest == said
    assert shortest == "run 3; o shows, O leaves it"


def another(store):
    """A run that has just been done."""
    run = runs.add(
        store, f"after {runs.newest(store)}", "qlora", "fast", None, ("positive", "negative")
    )
    add_predictions(store, run, [Prediction(1, (0.25, 0.75), 0.5, 0.5, False)])
    runs.update(store, run, state="done")
    return run


async def test_the_keys_of_an_offer_act_in_every_place_that_names_them(start, stub, elsewhere):
    """But on a form, where letters are typed, and on Runs, where o is about the run there."""
    answered = (("o", lambda run: displayed_run.shown_run(elsewhere) == run),)
    answered += (("O", lambda run: displayed_run.offered(elsewhere) is None),)
    stub.start_outside()
    async with start(program=stub.program) as driver:
        await driver.until_seen("run 3 training")
        for place, name in (("B", "browse"), ("Q", "queue"), ("E", "errors"), ("T", "run 3")):
            for key, has_answered in answered:
                run = another(elsewhere)
                await driver.press(place)
                await driver.until(lambda name=name: driver.app.screen.name == name)
                sentence = Offer({run: f"run {run}"}, [{}]).sentences(type(driver.app.screen))[0]
                assert sentence == f"run {run}; o shows run {run}, O leaves it"
                await driver.press(key)
                await driver.until(lambda run=run, done=has_answered: done(run))
        await driver.press("R")
        await driver.until_seen("▌")
        run = another(elsewhere)
        offered = Offer({run: f"run {run}"}, [{}])
        assert "; o on its line shows run" in offered.sentences(type(driver.app.screen))[0]
        await driver.press("O")
        await driver.until(lambda: displayed_run.offered(elsewhere) is None)
        await driver.press("T", "n")
        await driver.until_seen("Train on the labels")
        assert "; in Browse o shows run" in offered.sentences(type(driver.app.screen))[0]


async def test_errors_shows_the_run_that_is_taken_there(start, stub, elsewhere):
    async with start(program=stub.program) as driver:
        await driver.press("E")
        await driver.until_seen("run 2 fast")
        run = another(elsewhere)
        await driver.press("o")
        await driver.until_seen(f"run {run} fast · ")


async def test_o_shows_it_and_says_how_many_tweets_it_scored(start, stub, elsewhere):
    async with ended(start, stub) as driver:
        await driver.until_seen("run 3 offered (o)")
        await driver.press("o")
        await driver.until_seen("Predictions of run 3 tiny, 1 of 12 scored.")
        await driver.until_seen("text · run 3 tiny, 1 of 12 scored")
        await driver.until(lambda: "offered" not in driver.text)
        await driver.press("space")
        assert driver.history(1)[-1]["run"] == 3
    async with start() as driver:
        await driver.until_seen("text · run 3 tiny")


async def test_capital_o_leaves_it(start, stub, elsewhere):
    async with ended(start, stub) as driver:
        await driver.until_seen("run 3 offered (o)")
        await driver.press("O")
        await driver.until_seen("Run 3 is not shown; R lists it with the others.")
        await driver.until(lambda: "offered" not in driver.text)
        await driver.press("o")
        await driver.until_seen("No new run is offered")
    async with start() as driver:
        await driver.until_seen("text · run 2 fast")
        assert "offered" not in driver.text


async def test_an_offer_waits_for_the_next_start(start, stub, elsewhere):
    async with ended(start, stub) as driver:
        await driver.until_seen("run 3 offered (o)")
    async with start(program=stub.program, size=(180, 40)) as driver:
        await driver.until_seen(OFFER)
        await driver.press("r")
        await driver.until_seen("tiny")
        await driver.press("g", "o")
        await driver.until_seen("text · run 3 tiny")
        await driver.until(lambda: "offered" not in driver.text)


async def test_a_stale_accuracy_is_computed_anew_before_it_is_set_beside_another(
    start, stub, elsewhere
):
    number = next(n for n in range(1, 13) if driver_split(elsewhere, n) == "test")
    elsewhere.db.execute("INSERT OR REPLACE INTO relabelled VALUES ('test', 99)")
    assert runs.get(elsewhere, 2).metrics["test"]["stale"], number
    async with ended(start, stub) as driver:
        await driver.until(lambda: ["evaluate", "2", "--split", "test", "--json"] in stub.calls)


def driver_split(store, number):
    return store.db.execute("SELECT split FROM current WHERE tweet = ?", [number]).fetchone()[0]


async def test_the_first_run_of_all_is_taken_at_once(start, stub, elsewhere):
    for run in (1, 2):
        runs.delete(elsewhere, run)
    async with ended(start, stub) as driver:
        await driver.until_seen("text · run 3 tiny, 1 of 12 scored")
        await driver.until_seen("run 3 done: accuracy 81.0 % [73.0, 87.0] of 100 test tweets")
        assert "offered" not in driver.text


async def test_a_star_promotes_a_run_and_takes_it_back(start, stub, elsewhere):
    async with start(program=stub.program) as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("G", "asterisk")
        await driver.until_seen("Run 1 is promoted.")
        await driver.until(lambda: "▌ ★    1  baseline" in driver.text)
        assert displayed_run.promoted_run(elsewhere) == 1
        await driver.press("asterisk")
        await driver.until_seen("Run 1 is no longer promoted.")
        assert displayed_run.promoted_run(elsewhere) is None


async def test_only_a_run_that_is_done_is_promoted(start, stub):
    stub.start_outside()
    async with start(program=stub.program) as driver:
        await driver.press("r")
        await driver.until_seen("tiny")
        await driver.press("g", "asterisk")
        await driver.until_seen("only a run that is done can be promoted")


async def test_the_deletion_of_the_shown_run_says_what_is_shown_instead(start, elsewhere):
    displayed_run.promote(elsewhere, 1)
    async with start() as driver:
        await driver.press("r")
        await driver.until_seen("baseline")
        await driver.press("g", "D", "y")
        await driver.until_seen(
            "Run 2 is deleted; U brings it back. Run 1 baseline, 11 of 12 scored is shown now."
        )
        await driver.press("escape")
        await driver.until_seen("Run 1 baseline, 11 of 12 scored is shown now.")
        await driver.until_seen("text · run 1 baseline")
        assert driver.app.recall_run(1) == "Run 1 baseline, 11 of 12 scored is shown now."
        runs.update(elsewhere, 2, state="done")
        add_predictions(elsewhere, 2, [Prediction(1, (0.2, 0.8), 0.6, 0.5, False)])
        assert driver.app.recall_run(2) == "Run 2 fast, 1 of 12 scored is shown now."
        await driver.until_seen("text · run 2 fast")


async def test_a_message_reaches_a_screen_that_is_just_being_opened(start):
    async with start() as driver:
        driver.app.places.go("runs")
        driver.app.say("something has ended")
        await driver.until_seen("something has ended")

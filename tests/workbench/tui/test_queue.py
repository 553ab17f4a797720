"""The queue: one tweet after the other, its answers, its end, and what it is made of."""

import re
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest

from storage.config import Config
from storage.history import labels
from storage.runs import analyses, runs
from storage.runs.predictions import Prediction, add_predictions
from storage.store import create_store, open_store
from storage.transfer import importing, removing
from storage.transfer.importing import ImportOptions
from workbench.tui import list_screen
from workbench.tui.reviewing import reasons, sources
from workbench.tui.reviewing.progress import Pace
from workbench.tui.reviewing.queue_keys import QueueUse, while_answering
from workbench.tui.reviewing.reasons import Reasons
from workbench.tui.widgets.key_line import KeyLine
from workbench.tui.widgets.queue_card import QueueCard

RANKED = ((3, 0.9), (8, 0.8), (1, 0.7), (2, 0.6), (4, 0.55), (7, 0.1), (9, 0.05))
"""Suspects and the chance that their label is wrong: four of them are expected to be."""
EXPECTED = (3, 8, 1, 2)


def rank(folder, ranked=RANKED):
    store = open_store(folder, "ana")
    runs.save_queue(store, "suspects", [(*row, "run 1 baseline") for row in ranked], run=1)
    store.close()


@pytest.fixture
def queue(start, workspace, stub):
    """Opens the queue on a workspace whose suspects are ranked."""
    rank(workspace)

    def begin(**options):
        return start(program=stub.program, **options)

    return begin


async def come(driver):
    await driver.press("Q")
    await driver.until_seen("1 of 4")


VOTES = {
    "labels": ["positive", "negative"],
    "voters": [{"name": "similar texts", "weight": 0.5}, {"name": "run 1 baseline", "weight": 0.5}],
    "reasons": {
        str(tweet): {
            "given": 1,
            "says": [[0.1, 0, 0.91], [0.6, 1, 0.62]],
            "near": [[1, 0.9]],
            "slope": None,
        }
        for tweet, *_ in RANKED
    },
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_suspect_shows_who_votes_against_its_label_and_its_neighbours(
    queue, workspace, size
):
    store = open_store(workspace, "ana")
    analyses.save_analysis(store, "suspects", {}, VOTES, analyses.label_state(store), runs=[1])
    store.close()
    async with queue(size=size) as driver:
        await come(driver)
        await driver.until_seen("votes positive by similar texts (.91)")
        assert ("nearest #1 positive" in " ".join(driver.text.split())) == (size[0] == 120)
        votes = next(line for line in driver.lines if "similar texts" in line)
        assert size[0] == 120 or votes.rstrip().endswith("…"), "what is cut says so"
        screen = driver.app.screen
        screen._walk.queue = replace(screen._walk.queue, blind=frozenset({3}))
        screen.draw()
        await driver.until_seen("this one is blind")
        assert "similar texts" not in driver.text, "the votes say what is hidden"


def numbers(driver):
    return driver.app.screen.tweets.ids


async def test_the_queue_has_as_many_suspects_as_are_expected_to_be_wrong(queue):
    async with queue() as driver:
        await come(driver)
        assert tuple(numbers(driver)) == EXPECTED
        await driver.until_seen("Queue 4]")
        for told in (
            "Suspects · r1 baseline, out of fold",
            "sold all my $GME, never again",
            "#3 · train",
            "imported",
            "! positive",
            "keep negative",
            "4 left of 4",
        ):
            assert told in driver.text, told


def test_it_says_how_many_runs_ranked_it(workspace):
    store = open_store(workspace)
    runs.save_queue(store, "suspects", [(3, 0.9, "run 1 baseline, run 2 fast")], 1, others=[2])
    store.close()
    made = sources.read_queue(workspace, sources.SUSPECTS, blind=False)
    assert made.basis == "r1 baseline, out of fold, with 1 other run"


@pytest.mark.parametrize(
    ("key", "label", "kind", "sign"),
    [
        ("1", "positive", "set", "✓···"),
        ("2", "negative", "set", "k···"),
        ("enter", "negative", "set", "k···"),
        ("space", "negative", "set", "k···"),
    ],
)
async def test_each_answer_is_saved_and_leads_to_the_next(queue, key, label, kind, sign):
    async with queue() as driver:
        await come(driver)
        await driver.press(key)
        await driver.until_seen("2 of 4")
        event = driver.history(3)[-1]
        assert (event["new"], event["kind"], event["queue"]) == (label, kind, "suspects")
        assert driver.app.screen.tweets.current_id == 8
        assert sign in driver.text
        await driver.until_seen("Queue 3]")
        await driver.press("u")
        await driver.until_seen("1 of 4")
        assert driver.tweet(3).label == "negative"
        assert "4 left of 4" in driver.text


async def test_marks_that_decide_lead_on_and_a_flag_does_not(queue):
    async with queue() as driver:
        await come(driver)
        await driver.press("f")
        await driver.until_seen("review")
        assert driver.app.screen.tweets.current_id == 3
        await driver.press("x")
        await driver.until_seen("x···")
        await driver.press("a")
        await driver.until_seen("xa··")
        assert driver.tweet(3).excluded and driver.tweet(8).ambiguous
        assert driver.app.screen.tweets.current_id == 1


async def test_what_is_skipped_comes_again_and_the_end_says_what_to_do(queue):
    async with queue(size=(80, 24)) as driver:
        await come(driver)
        await driver.press("semicolon", "2", "1", "1")
        await driver.until_seen("1 left of 4")
        assert driver.app.screen.tweets.current_id == 3
        await driver.press("semicolon")
        await driver.until_seen("no other one left")
        await driver.press("1")
        await driver.until_seen("All 4 are decided")
        await driver.until_seen("T trains on them")
        assert "2 kept" in driver.text
        before = {number: len(driver.history(number)) for number in EXPECTED}
        driver.app.screen.say("")
        await driver.until(lambda: "↵ anew  k back" in driver.lines[-1])
        assert "exclude" not in driver.lines[-1]
        for name, pressed in (("1", "1"), ("space", "space"), ("x", "x")):
            await driver.press(pressed)
            await driver.until_seen(f"No tweet is shown that {name} could be about; k goes back")
        assert before == {number: len(driver.history(number)) for number in EXPECTED}
        await driver.press("k")
        await driver.until_seen("#3 ")
        await driver.press("u")
        await driver.until_seen("1 left of 4")
        await driver.press("1")
        await driver.until_seen("All 4 are decided")


async def test_an_empty_queue_shows_what_undo_or_somebody_else_opens_again(queue, workspace):
    async with queue() as driver:
        await come(driver)
        await driver.press("1", "2", "2", "2")
        await driver.until_seen("All 4 are decided")
        await driver.press("enter")
        await driver.until_seen("No suspects are left")
        await driver.press("u")
        await driver.until_seen("1 left of 1")
        await driver.until_seen("#2 ")
        assert numbers(driver) == (2,) and "No suspects" not in driver.text
        await driver.press("2", "enter")
        await driver.until_seen("No suspects are left")
        store = open_store(workspace, "ana")
        labels.undo(store)
        store.close()
        await driver.until_seen("1 left of 1")


async def test_what_was_decided_elsewhere_leaves_the_queue_and_is_not_overwritten(
    queue, workspace, monkeypatch, does_not_look
):
    said, say = [], KeyLine.say  # a busy machine may look when the next tweet is there already
    monkeypatch.setattr(
        KeyLine, "say", lambda line, *given: said.append(given) or say(line, *given)
    )
    async with queue() as driver:
        await come(driver)
        store = open_store(workspace, "ben")
        labels.assign(store, [8], "positive")
        labels.assign(store, [3], "positive")
        store.close()
        await driver.press("2")
        await driver.until(lambda: any("ben made it positive" in text for text, *_ in said))
        assert driver.tweet(3).label == "positive"
        await driver.until_seen("2 left of 4")


async def overrule(driver, key, told):
    """Press a key that says who was first, and again, so that it overrules them."""
    before = driver.tweet(3)
    await driver.press(key)
    await driver.until_seen(": again to overrule")
    assert driver.tweet(3) == before and told in " ".join(driver.text.split())
    await driver.press(key)


@pytest.fixture
def does_not_look(monkeypatch):
    """The screen does not see what others have changed before a key asks for it."""
    monkeypatch.setattr(list_screen, "data_version", lambda store: None)


async def test_who_decided_first_is_told_before_an_answer_overrules_it(
    queue, workspace, does_not_look
):
    async with queue() as driver:
        await come(driver)
        with closing(open_store(workspace, "ben")) as store:
            labels.assign(store, [3], "negative")
        await overrule(driver, "1", "annotator ben kept it negative")
        await driver.until(lambda: driver.tweet(3).label == "positive")


async def test_what_is_decided_after_it_was_told_is_told_before_an_answer_overrules_it(
    queue, workspace
):
    async with queue() as driver:
        await come(driver)
        with closing(open_store(workspace, "ben")) as store:
            labels.assign(store, [3], "negative")
            await driver.until_seen("Tweet 3: annotator ben kept it negative")
            labels.mark(store, [3], "excluded", True)
        await overrule(driver, "1", "annotator ben excluded it")
        await driver.until(lambda: driver.tweet(3).label == "positive")


async def test_a_tweet_that_somebody_else_has_excluded_stays_until_a_key_overrules_that(
    queue, workspace, does_not_look
):
    async with queue() as driver:
        await come(driver)
        with closing(open_store(workspace, "ben")) as store:
            labels.mark(store, [3], "excluded", True)
        await overrule(driver, "x", "annotator ben excluded it")
        await driver.until(lambda: not driver.tweet(3).excluded)
        assert driver.app.screen.tweets.current_id == 3


async def test_what_the_same_person_keeps_on_another_screen_is_overruled_only_once_it_was_told(
    queue, workspace, does_not_look
):
    async with queue() as driver:
        await come(driver)
        with closing(open_store(workspace, "ana")) as other:
            labels.assign(other, [3], "negative")
        await overrule(driver, "1", "kept it negative")
        await driver.until(lambda: driver.tweet(3).label == "positive")
        await driver.press("x", "u", "k", "1", "k", "0")
        await driver.until_seen("Tweet 3: positive → none.")


async def test_the_list_counts_what_was_decided_in_the_queue(queue):
    async with queue() as driver:
        await driver.settled()
        assert "fixed" not in driver.lines[-2]
        await come(driver)
        await driver.press("1")
        await driver.until(lambda: driver.tweet(3).label == "positive")
        await driver.press("B")
        await driver.until(lambda: "1 fixed" in driver.lines[-2])


async def test_what_others_decide_is_seen(queue, workspace):
    async with queue() as driver:
        await come(driver)
        store = open_store(workspace, "ben")
        labels.assign(store, [8], "positive")
        store.close()
        await driver.until_seen("·✓··")
        await driver.until_seen("Queue 3]")


async def test_at_the_end_a_tweet_that_somebody_opens_again_is_gone_to(queue, workspace):
    store = open_store(workspace, "ben")
    async with queue() as driver:
        await come(driver)
        for tweet in EXPECTED:
            labels.assign(store, [tweet], "positive")
        await driver.until_seen("All 4 are decided")
        labels.undo(store)
        await driver.until_seen(f"#{EXPECTED[-1]} ")
        assert driver.app.screen.tweets.cursor == 3, "the first is decided still"
        labels.redo(store)
        await driver.until_seen("All 4 are decided")
        await driver.press("k")
        labels.undo(store)
        await driver.until_seen("1 left of 4")
        assert driver.app.screen.tweets.cursor == 3, "where somebody has gone back to"
    store.close()


async def test_tweets_that_somebody_deletes_leave_the_queue(queue, workspace):
    async with queue() as driver:
        await come(driver)
        store = open_store(workspace, "ben")
        _, following, *others = driver.app.screen.tweets.ids
        removing.delete(store, [following])
        await driver.until_seen("3 left of 3")
        assert driver.app.screen.tweets.current_id == 3
        await driver.press("2")
        await driver.until_seen("2 left of 3")
        assert driver.app.screen.tweets.current_id == others[0]
        removing.delete(store, [3, *others])
        store.close()
        # an empty queue is read again, and of those that are there one is expected to be wrong
        await driver.until(lambda: "No suspects are left" in driver.text or "#4" in driver.text)
        assert not {3, *others} & {*driver.app.screen.tweets.ids}


def place_of(driver, text):
    """The row and column of a text on the screen."""
    return next((y, line.index(text)) for y, line in enumerate(driver.lines) if text in line)


async def test_a_blind_tweet_hides_the_prediction_until_it_is_answered(queue, workspace):
    rank(workspace, [(number, 0.99) for number in (3, 8, 1, 2, 4, 7)])
    async with queue() as driver:
        await driver.press("Q")
        await driver.until_seen("1 of 6")
        await driver.press(*"111")
        await driver.until_seen("4 of 6")
        assert "take" in driver.text
        keep = place_of(driver, "keep")
        await driver.press("1")
        await driver.until_seen("5 of 6")
        await driver.until_seen("this one is blind")
        assert "take" not in driver.text
        assert place_of(driver, "keep") == keep, "no button moves, nor says how long a label is"
        await driver.press("space")
        await driver.until_seen("This one is blind")
        await driver.press("1")
        await driver.until_seen("Tweet 4: kept positive. r1 said positive.")
        await driver.until_seen("1 of 1 agreed")
        assert "take" in driver.text
        store = open_store(workspace)
        blind = store.db.execute("SELECT count(*) FROM actions WHERE blind = 1").fetchone()[0]
        store.close()
        assert blind == 1


async def test_b_shows_all_predictions_or_hides_some(queue, workspace):
    rank(workspace, [(number, 0.99) for number in (3, 8, 1, 2, 4, 7)])
    async with queue() as driver:
        await driver.press("Q")
        await driver.until_seen("every 5th is blind")
        await driver.press("b")
        await driver.until_seen("All predictions are shown")
        await driver.press("semicolon", "semicolon", "semicolon", "semicolon")
        await driver.until_seen("5 of 6")
        assert "take" in driver.text
        await driver.press("b")
        await driver.until_seen("this one is blind")


async def test_other_queues_are_chosen_by_keys(queue):
    async with queue() as driver:
        await come(driver)
        await driver.press("s")
        await driver.until_seen("Go through")
        await driver.press("escape")
        store = driver.app.store
        labels.mark(store, [10], "excluded", True)  # else the engine would be asked for tweet 10
        await driver.press("d")
        await driver.until_seen("Disagreements")
        await driver.until(lambda: tuple(numbers(driver)) == (3, 8))
        await driver.press("m")
        await driver.until_seen("Close calls")
        await driver.until(lambda: len(numbers(driver)) == 11)  # what is excluded is decided
        await driver.press("r")
        await driver.until_seen("By lot")
        others = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]
        await driver.until(lambda: sorted(numbers(driver)) == others)
        await driver.press("r")
        await driver.until_seen("Suspects · r1")


async def test_the_engine_chooses_among_tweets_without_a_label(queue, stub):
    async with queue() as driver:
        await come(driver)
        await driver.press("m")
        await driver.until(
            lambda: ["queue", "--strategy", "margin", "--limit", "100", "--json"] in stub.calls
        )


async def test_without_predictions_enter_makes_what_is_missing(start, make_workspace, tmp_path):
    folder = make_workspace(tmp_path / "bare", with_runs=False)
    asked = tmp_path / "asked"
    program = ("sh", "-c", f'echo "$@" >> {asked}; exit 0', "sh")
    async with start(folder, program=program) as driver:
        await driver.press("Q")
        await driver.until_seen("No suspects are ranked yet")
        await driver.until_seen("makes what is missing")
        assert "↵ make it  r random" in driver.lines[-1] and "exclude" not in driver.lines[-1]
        for name in ("1", "x", "0", "e"):
            await driver.press(name)
            await driver.until_seen(f"No tweet is shown that {name} could be about.")
        await driver.press("j", "semicolon", "k")
        await driver.until_seen("No tweet is shown that this key could be about.")
        await driver.press("enter")
        await driver.until(lambda: asked.exists())
        assert "train --recipe baseline --json" in asked.read_text()


async def test_an_empty_workspace_says_so(start, empty_workspace):
    async with start(empty_workspace) as driver:
        await driver.press("Q")
        await driver.until_seen("There are no tweets yet")
        assert "ctrl+p import a file" in driver.lines[-1]
        await driver.press("m", "r", "enter", "b")
        await driver.until_seen("No tweet is shown that b could be about.")
        assert "There are no tweets yet" in driver.text


async def test_conflicts_and_judgements_are_decided_here_too(start, tmp_path, stub):
    folder = tmp_path / "judged"
    path = tmp_path / "judged.csv"
    path.write_text(
        "id,text,label,annotator\n"
        "1,up we go,positive,ben\n1,up we go,negative,eve\n"
        "2,down we go,negative,ben\n2,down we go,negative,eve\n2,down we go,positive,zoe\n"
        "3,fine,positive,ben\n4,hm,positive,ben\n4,hm,negative,eve\n"
    )
    store = create_store(folder, Config(labels=("positive", "negative")), "ana")
    importing.run(store, importing.plan(store.config, path, ImportOptions()))
    run = runs.add(store, "baseline", "baseline", "baseline", None, ["positive", "negative"])
    add_predictions(store, run, [Prediction(n, (0.9, 0.1), 0.8, 0.3, False) for n in (1, 2, 3)])
    runs.save_queue(store, "suspects", [(3, 0.9, "run 1")], run)
    store.close()
    async with start(folder, program=stub.program) as driver:
        await driver.press("Q")
        await driver.until_seen("fine")
        await driver.press("s", "G", "enter")
        await driver.until_seen("Judgements that differ")
        await driver.until(lambda: tuple(numbers(driver)) == (1, 4, 2))
        await driver.until_seen("ben positive · eve negative")
        await driver.until_seen("none      a tie of 2 people")
        await driver.press("1")
        await driver.until_seen("#4 ")
        await driver.press("0")
        await driver.until_seen("Tweet 4: left without a label.")
        await driver.until_seen("2 of 3 people, imported")
        await driver.press("enter")
        await driver.until_seen("All 3 are decided: 1 taken · 1 kept · 1 left open.")
        await driver.press("s", "G", "k", "enter")
        await driver.until_seen("No equal texts and no judgements are at odds")


async def test_the_reasons_are_read_beside_the_screen_and_shown_when_they_come(
    start, workspace, tmp_path
):
    rank(workspace)
    answer = '{"words": [{"word": "sold", "effect": 0.31}, {"word": "my", "effect": -0.12}]}'
    asked = tmp_path / "asked"
    script = f"""echo "$4 $5" >> {asked}
    if [ "$5" = --run ]; then echo '{answer}'; else echo '[{answer}, {answer}]'; fi"""
    async with start(workspace, program=("sh", "-c", script, "sh")) as driver:
        await come(driver)
        await driver.until_seen("sold +.31   my −.12   r1 baseline")
        await driver.until(lambda: asked.read_text().split() == ["3", "--run", "8", "1"])
        await driver.press("1")  # the first was asked about alone, then all others
        await driver.until_seen("2 of 4")
        await driver.until_seen("sold +.31   my −.12   r1 baseline")


async def test_no_process_is_begun_while_keys_come(monkeypatch):
    counts = iter([1, 2, 3, 3])
    monkeypatch.setattr(reasons, "RESTS_S", 0)
    monkeypatch.setattr(reasons, "host", lambda app: SimpleNamespace(inputs=next(counts)))
    await Reasons(None, None, None)._until_the_hand_rests()
    assert next(counts, None) is None, "it has looked until no other key had come"


async def test_a_tweet_of_which_nothing_can_be_said_leaves_the_reasons_of_others(
    start, workspace, tmp_path
):
    rank(workspace)
    script = """case "$4 $5" in "3 --run"|"1 --run") echo '{"words": []}';;
    "2 --run") echo '{"words": [{"word": "disaster", "effect": 0.5}]}';;
    *) echo "workbench: Tweet 8 has no words." >&2; exit 1;; esac"""
    async with start(workspace, program=("sh", "-c", script, "sh")) as driver:
        await come(driver)
        await driver.press("1", "1", "1")
        await driver.until_seen("disaster +.50")


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_long_text_is_scrolled_and_has_its_answers_below(
    start, make_workspace, tmp_path, stub, size
):
    text = " ".join(f"word{n}" for n in range(400))
    folder = make_workspace(tmp_path / "long", [(text, "positive")], with_runs=False)
    store = open_store(folder, "ana")
    run = runs.add(store, "baseline", "baseline", "baseline", None, ["positive", "negative"])
    runs.save_queue(store, "suspects", [(1, 0.9, "run 1")], run)
    store.close()
    async with start(folder, size=size, program=stub.program) as driver:
        await driver.press("Q")
        await driver.until_seen("word0 ")
        await driver.until_seen("lines more")
        assert sum("word" in line for line in driver.lines) >= 3
        await driver.press("K")
        await driver.until_seen("nothing more above")
        more = int(re.search(r"(\d+) lines more: J K", driver.text)[1])
        await driver.press("J")
        await driver.until_seen(f"{more - 1} lines more: J K")
        await driver.until(lambda: "word0 " not in driver.text)
        assert "keep positive" in driver.text


async def test_only_what_differs_between_two_tweets_is_painted(queue):
    async with queue(size=(80, 24)) as driver:
        await come(driver)
        await driver.pilot.pause()
        card, painted = driver.app.screen.query_one(QueueCard), []
        card.refresh = lambda *regions, **more: painted.extend(regions)
        driver.app.screen.draw()
        assert painted == [], "nothing has changed"
        await driver.press("1")
        await driver.until(lambda: painted)
        assert sum(region.area for region in painted) < 80 * 8
        assert all(region.height == 1 for region in painted)


def test_the_pace_leaves_pauses_out():
    pace = Pace()
    for at in (0, 10, 20, 1000, 1010):
        pace.answered(at)
    assert pace.seconds == 10
    assert pace.words(12, brief=False) == "360/h · about 2 min left"
    assert pace.words(12, brief=True) == "2 min left"
    assert Pace([0, 2.61, 5.2, 7.8]).words(60, brief=False).startswith("1,400/h")
    assert Pace([1.0, 2.0]).words(12, brief=True) == ""


async def test_the_queue_is_as_it_was_left(queue):
    async with queue() as driver:
        await come(driver)
        await driver.press("1", "escape")
        await driver.until_seen("[Browse]")
        await driver.press("Q")
        await driver.until_seen("2 of 4")
        assert driver.app.screen.tweets.current_id == 8
        await driver.press("e")
        await driver.type("odd")
        await driver.press("enter")
        await driver.until_seen("note          odd")
        await driver.press("comma")
        await driver.type("neg")
        await driver.press("enter")
        await driver.until_seen("3 of 4")
        assert driver.tweet(8).note == "odd"


@pytest.mark.parametrize(
    ("room", "named", "not_named"),
    [
        (118, "m margin  d disagreement  r random  b blind  esc list", "queues"),
        (98, "a ambiguous  e note  ; skip  u undo  s queues  esc list  ? more", "m "),
        (78, "x exclude  f flag  a ambig  e note  ; skip  u undo  s queues  esc list", "m "),
        (58, "x exclude  f flag  a ambig  e note  ; skip  u undo  ? more", "esc"),
    ],
)
def test_each_key_is_named_with_its_word_and_the_correcting_ones_always(room, named, not_named):
    line = "  ".join(f"{name} {word}" for name, word in while_answering(room, QueueUse()))
    assert named in line and not_named not in line and len(line) <= room


@pytest.mark.parametrize(
    ("names", "answers"),
    [
        (("no", "yes", "so"), "[3] so   [space] take no   [↵] keep so"),
        (("bears", "bullish", "neutral"), "[3] neutral  [space] take bears  [↵] keep neutral"),
        (("bearish", "bullish", "neutral"), "[3] neutral  [space] take  [↵] keep"),
        (("a" * 24, "b" * 24, "c" * 24), f"[3] {'c' * 24}  [space] take  [↵] keep"),
        ([f"{n} of many labels" for n in range(30)], "[,] others  [space] take  [↵] keep"),
        ([f"{n} of many labels that are long" for n in range(5)], "[space] take  [↵] keep"),
    ],
)
async def test_answers_that_have_no_room_are_said_shorter_or_cut_with_a_sign(
    start, stub, tmp_path, names, answers
):
    folder = tmp_path / "three"
    store = create_store(folder, Config(labels=names), "ana")
    (path := tmp_path / "three.csv").write_text(f"id,text,label\n1,up we go,{names[2]}\n")
    importing.run(store, importing.plan(store.config, path, ImportOptions()))
    run = runs.add(store, "baseline", "baseline", "baseline", None, list(names))
    chances = (0.9, 0.1, *[0.0] * (len(names) - 2))
    add_predictions(store, run, [Prediction(1, chances, 0.8, 0.3, False)])
    runs.save_queue(store, "suspects", [(1, 0.9, "run 1")], run)
    store.close()
    async with start(folder, size=(80, 24), program=stub.program) as driver:
        await driver.press("Q")
        await driver.until_seen("up we go")
        line = next(line for line in driver.lines if "[↵]" in line)
        assert line.rstrip().endswith(answers)


async def test_an_answer_and_the_next_tweet_are_painted_in_one_go(queue, drawn, monkeypatch):
    monkeypatch.setattr(Reasons, "want", lambda self, ids: None)
    async with queue() as driver:
        await come(driver)
        await driver.pilot.pause()
        painted, display = [], driver.app._display
        monkeypatch.setattr(
            driver.app, "_display", lambda *what: painted.append(what) or display(*what)
        )
        await driver.press("1")
        await driver.until_seen("2 of 4")
        await driver.at_rest()
        assert "positive" in driver.lines[-1]
        assert len(painted) == 1
        for key, place in (("u", "1 of 4"), ("semicolon", "2 of 4"), ("k", "1 of 4")):
            await driver.press(key)
            await driver.until_seen(place)

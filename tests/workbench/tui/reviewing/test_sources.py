"""What queues are made of: open tweets only, as many as a queue holds, and how many follow."""

from dataclasses import replace

import pytest

from storage.config import Config
from storage.history import labels
from storage.runs import runs
from storage.runs.analyses import note_queue
from storage.runs.predictions import Prediction, add_predictions
from storage.store import create_store
from storage.transfer import importing
from workbench.tui.reviewing import queue_text, sources
from workbench.tui.reviewing.progress import CHANGED, Answer

TIED, OUTVOTED, ALIKE = range(1, 5), range(5, 9), range(9, 13)
EVERY = range(1, 13)
SET_ASIDE = {"excluded": [1, 5, 9], "ambiguous": [2, 6, 10]}
OPEN = {
    "suspects": {3, 4, 7, 8, 11, 12},
    "margin": {3, 4, 7, 8, 11, 12},
    "disagreement": {7, 8, 11, 12},
    "random": {3, 4, 7, 8, 11, 12},
    "conflicts": {3, 4},
    "adjudicate": {3, 4, 7, 8},
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Judgements of three people that are tied, that differ and that do not; some tweets marked."""
    scratch = tmp_path_factory.mktemp("judged")
    said = [(n, "up", "ben") for n in (*TIED, *OUTVOTED)]
    said += [(n, "down", who) for n in EVERY for who in (("eve",) if n in TIED else ("eve", "zoe"))]
    rows = [f"{n},so many words of {n},{label},{who}" for n, label, who in said]
    (scratch / "people.csv").write_text("\n".join(["id,text,label,annotator", *rows]) + "\n")
    store = create_store(scratch / "workspace", Config(labels=("up", "down")), "ana")
    plan = importing.plan(store.config, scratch / "people.csv", importing.ImportOptions())
    importing.run(store, plan)
    run = runs.add(store, "baseline", "baseline", "baseline", None, ["up", "down"])
    add_predictions(store, run, [Prediction(n, (0.9, 0.1), 0.8, 0.3, False) for n in EVERY])
    runs.save_queue(store, "suspects", [(n, 0.99, "run 1") for n in EVERY], run)
    for mark, ids in SET_ASIDE.items():
        labels.mark(store, ids, mark, True)
    yield store
    store.close()


@pytest.mark.parametrize("kind", OPEN)
def test_what_is_set_aside_does_not_come_again_and_what_follows_is_counted(
    judged, monkeypatch, kind
):
    whole = sources.read_queue(judged.folder, kind, blind=False)
    assert (set(whole.ids), whole.more) == (OPEN[kind], 0)
    monkeypatch.setattr(sources, "LIMIT", 1)
    monkeypatch.setattr(sources, "MOST_SUSPECTS", 1)
    first = sources.read_queue(judged.folder, kind, blind=False)
    assert (len(first.ids), first.more) == (1, len(OPEN[kind]) - 1)
    labels.assign(judged, first.ids, "up")
    then = sources.read_queue(judged.folder, kind, blind=False)
    labels.undo(judged)
    assert then.more == len(OPEN[kind]) - 2, "what had no room follows"
    assert then.ids and then.ids != first.ids


def test_a_single_run_disagrees_with_labels_also_where_some_tweets_have_none(judged):
    assert sources.meanings(judged)["disagreement"] == sources.KINDS["disagreement"]
    assert sources.preparation(judged, "disagreement", anew=True) == ()
    assert sources.preparation(judged, "random", anew=True)[0] == "queue"
    other = runs.add(judged, "fast", "qlora", "fast", None, ["up", "down"])
    add_predictions(judged, other, [Prediction(n, (0.2, 0.8), 0.6, 0.3, False) for n in EVERY])
    said = "tweets without a label on which runs differ"
    assert sources.meanings(judged)["disagreement"] == said
    assert sources.preparation(judged, "disagreement", anew=True)[0] == "queue"
    note_queue(judged, "disagreement", [1, other], None)  # in which there is nothing
    found = sources.read_queue(judged.folder, "disagreement", blind=False)
    assert set(found.ids) == OPEN["disagreement"], "then it is of labels again"
    runs.delete(judged, other)


def test_the_end_of_a_queue_says_what_follows_and_names_what_there_is(judged):
    queue = replace(sources.read_queue(judged.folder, "conflicts", blind=False), more=7)
    answers = {tweet: Answer(CHANGED, "labelled", None) for tweet in queue.ids}
    said = queue_text.end_sentences(judged, queue, answers)
    assert "All 2 are decided: 2 labelled." in said
    assert "s shows 4 more on which annotators differ." in said
    assert "↵ makes the queue anew, with 7 more" in said
    errors = "E shows where a run is wrong."
    assert errors in said
    runs.delete(judged, 1)
    assert errors not in queue_text.end_sentences(judged, queue, answers), "there is no run"

"""How far somebody is in a queue, read after each edit from what that has touched only."""

import random
import time
from contextlib import suppress

import pytest

from storage.errors import UserError
from storage.history import label_set, labels, snapshots
from storage.newest_events import newest_event
from storage.store import open_store
from storage.transfer import removing
from workbench.tui.reviewing import progress, sources
from workbench.tui.reviewing.sources import SUSPECTS, ReviewQueue
from workbench.tui.reviewing.walk import QueueWalk

QUEUE = (3, 8, 1, 2, 4, 7)


@pytest.fixture
def stores(workspace):
    opened = [open_store(workspace, name) for name in ("ana", "ben")]
    yield opened
    for store in opened:
        store.close()


def edit(store, chance):
    """Something that people do to labels; whatever is refused at the moment is left out."""
    tweet, name = chance.choice(QUEUE), chance.choice(store.config.labels)
    work = (
        lambda: labels.assign(store, [tweet], name),
        lambda: labels.assign(store, [tweet], None),
        lambda: labels.mark(store, [tweet], "excluded", chance.random() < 0.5),
        lambda: labels.mark(store, [tweet], "ambiguous", chance.random() < 0.5),
        lambda: labels.undo(store),
        lambda: labels.redo(store),
        lambda: snapshots.restore_snapshot(store, "start"),
    )
    with suppress(UserError):
        chance.choice(work)()


def fresh(store, queue, walk):
    return progress.read_answers(store, queue, walk._given, queue.ids)


@pytest.mark.parametrize("seed", range(3))
def test_the_answers_are_those_of_reading_all_anew_whoever_edits(stores, seed):
    chance, own = random.Random(seed), stores[0]
    queue = ReviewQueue(SUSPECTS, QUEUE, run=1, event=newest_event(own))
    walk = QueueWalk(own, lambda tweet: False)
    walk.begin(queue)
    snapshots.take(own, "start")
    for _ in range(40):
        edit(chance.choice(stores), chance)
        walk.look()
        assert walk.answers == fresh(own, queue, walk)
    assert walk.answers


def test_a_tweet_that_is_deleted_has_no_answer(stores):
    own, other = stores
    queue = ReviewQueue(SUSPECTS, QUEUE, run=1, event=newest_event(own))
    walk = QueueWalk(own, lambda tweet: False)
    walk.begin(queue)
    labels.assign(own, [3, 8], "negative")
    walk.look()
    removing.delete(other, [3])
    walk.look()
    assert walk.answers == fresh(own, queue, walk)
    assert list(walk.answers) == [8]


def test_a_tweet_that_is_deleted_after_the_queue_was_read_is_left_out(stores):
    own, other = stores
    queue = ReviewQueue(SUSPECTS, QUEUE, run=1, event=newest_event(own))
    removing.delete(other, [3])
    walk = QueueWalk(own, lambda tweet: False)
    walk.begin(queue)
    walk.leave_out_deleted()
    assert walk.queue.ids == QUEUE[1:]


def test_a_label_that_is_renamed_meanwhile_is_kept_all_the_same(stores):
    own, _ = stores
    walk = QueueWalk(own, lambda tweet: False)
    walk.begin(ReviewQueue(SUSPECTS, QUEUE, run=1, event=newest_event(own)))
    labels.assign(own, [3], "negative")
    walk.look()
    assert walk.answers[3].kind == "kept"
    label_set.rename(own, "negative", "bad")
    walk.look()
    assert walk.answers[3].kind == "kept"


def test_the_newest_of_several_decisions_is_told_though_a_clock_was_set_back(stores, monkeypatch):
    (own, other), made_here = stores, set()
    walk = QueueWalk(own, lambda tweet: False, made_here)
    walk.begin(ReviewQueue(SUSPECTS, QUEUE, run=1, event=newest_event(own)))
    walk.meet(3)
    labels.assign(other, [3], "negative")
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    labels.mark(other, [3], "excluded", True)
    told = walk.overtaken_by(3)
    assert (told.field, told.annotator) == ("excluded", "ben")
    made_here.add(labels.mark(own, [3], "excluded", False).action)
    assert walk.overtaken_by(3) is None


def test_a_look_reads_no_more_when_much_is_decided(stores):
    own, _ = stores
    walk = QueueWalk(own, lambda tweet: False)
    walk.begin(ReviewQueue(SUSPECTS, QUEUE, run=1, event=newest_event(own)))
    labels.assign(own, QUEUE[:-1], "negative")
    walk.look()
    read = []
    own.db.set_trace_callback(read.append)
    walk.look()
    assert not any("predictions" in sql for sql in read), "nothing has happened"
    labels.assign(own, [QUEUE[-1]], "negative")
    read.clear()
    walk.look()
    asked = next(sql for sql in read if "predictions" in sql)
    assert "IN (7)" in asked
    assert len(walk.answers) == len(QUEUE)


def test_what_a_queue_goes_through_is_known_without_a_look_at_the_tweets(stores):
    own, read = stores[0], []
    own.db.set_trace_callback(read.append)
    sources.meanings(own)
    assert not [sql for sql in read if "FROM current" in sql]


def test_what_was_answered_blind_stays_so_when_others_are_hidden_anew(stores):
    own = stores[0]
    event, blind = newest_event(own), frozenset({8, 2})
    queue = ReviewQueue(SUSPECTS, QUEUE, run=1, event=event, blind=blind)
    walk = QueueWalk(own, lambda tweet: False)
    walk.begin(queue)
    labels.assign(own, [8], "negative")
    walk.look()
    walk.hides = False
    assert walk.hide_anew() and walk.queue.blind == {8}
    walk.hides = True
    assert walk.hide_anew() and walk.queue.blind == {8, 7}, "the fifth of those that are open"

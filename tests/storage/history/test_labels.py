"""The history of labels: nothing is lost, and everything can be taken back and done again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import UsageError, UserError
from storage.history import integrity, labels
from storage.history.edit_conflicts import EditConflict
from storage.history.events import EditContext
from storage.query import tweets
from storage.store import open_store


def label_of(store, number):
    return tweets.tweet(store, number).label


def events(store, number):
    names = ("kind", "field", "old", "new")
    return [tuple(event[name] for name in names) for event in labels.history(store, number)]


# Single changes


def test_a_label_is_set_counted_and_remembered(small):
    labels.assign(small, [1], "negative")
    tweet = tweets.tweet(small, 1)
    assert (tweet.gold, tweet.label, tweet.changed) == ("positive", "negative", True)
    assert tweets.counts(small).corrected == 1
    assert events(small, 1) == [
        ("gold import", "label", None, "positive"),
        ("set", "label", "positive", "negative"),
    ]


def test_a_label_is_on_disk_for_every_other_process_at_once(small, reopen):
    labels.assign(small, [1], "negative")
    assert label_of(reopen(small, "ben"), 1) == "negative"


def test_a_label_survives_kill_9(small, repository, reopen):
    script = (
        "import os\nfrom pathlib import Path\nfrom storage.history import labels\n"
        "from storage.store import open_store\n"
        f"labels.assign(open_store(Path({str(small.folder)!r})), [1], 'negative')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=repository, check=False)
    assert done.returncode == -9
    again = reopen(small)
    assert label_of(again, 1) == "negative"
    assert integrity.check(again) == []


def test_clear_takes_the_label_away_and_keeps_gold(small):
    labels.assign(small, [1], None)
    tweet = tweets.tweet(small, 1)
    assert (tweet.gold, tweet.label, tweet.changed) == ("positive", None, True)
    assert tweets.counts(small).labelled == 4
    assert events(small, 1)[-1] == ("clear", "label", "positive", None)


def test_a_first_label_of_an_unlabelled_tweet_is_no_correction(small):
    labels.assign(small, [6], "positive")
    assert not tweets.tweet(small, 6).changed
    counts = tweets.counts(small)
    assert (counts.labelled, counts.corrected) == (6, 0)


@pytest.mark.parametrize(
    ("field", "kind"), [("excluded", "exclude"), ("review", "flag"), ("ambiguous", "flag")]
)
def test_a_mark_is_set_and_removed(field, kind, small):
    labels.mark(small, [2], field, True)
    assert tweets.tweet(small, 2).flags == [field]
    assert getattr(tweets.counts(small), field) == 1
    labels.mark(small, [2], field, False)
    assert tweets.tweet(small, 2).flags == []
    assert getattr(tweets.counts(small), field) == 0
    assert events(small, 2)[1:] == [(kind, field, 0, 1), (kind, field, 1, 0)]
    assert label_of(small, 2) == "positive"


def test_a_note_is_written_and_removed(small):
    labels.annotate(small, 3, "sarcasm? \x1b[31m")
    assert tweets.tweet(small, 3).note == "sarcasm? \x1b[31m"
    labels.annotate(small, 3, "")
    assert tweets.tweet(small, 3).note is None
    labels.undo(small)
    assert tweets.tweet(small, 3).note == "sarcasm? \x1b[31m"


def test_a_tweet_is_reviewed_once_somebody_gave_or_kept_its_label(small):
    def reviewed():
        ids = list(tweets.listing(small, "reviewed:yes"))
        assert ids == [t.id for t in tweets.window(small, range(1, 5), None) if t.reviewed]
        return ids

    assert reviewed() == []
    labels.mark(small, [1], "review", True)
    labels.annotate(small, 2, "looks odd")
    assert reviewed() == []
    labels.assign(small, [3], tweets.tweet(small, 3).label)
    labels.assign(small, [1, 4], "negative")
    assert reviewed() == [1, 3, 4]
    labels.undo(small)
    assert reviewed() == [3]
    labels.redo(small)
    assert reviewed() == [1, 3, 4]


def test_what_was_on_the_screen_is_kept_with_the_event(small):
    from storage.runs import runs

    run = runs.add(small, "uid", "baseline", "baseline", None, ("positive", "negative"))
    labels.assign(small, [1], "negative", EditContext("suspects", run))
    event = labels.history(small, 1)[-1]
    assert (event["queue"], event["run"], event["annotator"]) == ("suspects", run, "ana")


def test_a_label_that_is_not_in_the_set_changes_nothing(small, state_of):
    before = state_of(small)
    with pytest.raises(UsageError, match=r"'bullish' is not a label .*positive, negative"):
        labels.assign(small, [1], "bullish")
    assert state_of(small) == before
    assert labels.history(small) == []


def test_a_tweet_that_is_not_there_changes_nothing(small, state_of):
    before = (state_of(small), len(labels.history(small)))
    for number in (0, 7, -1, 2**63, 10**30):
        with pytest.raises(UserError, match=f"no tweet {number}; the ids run from 1 to 6"):
            labels.assign(small, [number], "positive")
    with pytest.raises(UserError):
        labels.history(small, 7)
    assert (state_of(small), len(labels.history(small))) == before
    with pytest.raises(UserError, match="nothing to undo"):
        labels.undo(small)


def test_history_of_all_starts_with_the_newest(small):
    labels.assign(small, [1], "negative")
    labels.mark(small, [2], "review", True)
    newest = labels.history(small, limit=2)
    assert [(event["tweet"], event["field"]) for event in newest] == [(2, "review"), (1, "label")]
    assert len(labels.history(small)) == 2


# Append-only


@pytest.mark.parametrize("table", ["actions", "label_events"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id + 1", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_the_history(table, verb, small):
    labels.assign(small, [1], "negative")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        small.db.execute(verb.format(table))


def test_undo_adds_to_the_history(small):
    labels.assign(small, [1], "negative")
    before = small.db.execute("SELECT * FROM label_events ORDER BY id").fetchall()
    labels.undo(small)
    labels.redo(small)
    after = small.db.execute("SELECT * FROM label_events ORDER BY id").fetchall()
    assert after[: len(before)] == before
    assert [kind for kind, *_ in events(small, 1)] == ["gold import", "set", "undo", "redo"]


# Undo and redo


def test_undo_and_redo_go_step_by_step(small):
    labels.assign(small, [1], "negative")
    labels.assign(small, [2], "negative")
    labels.undo(small)
    assert (label_of(small, 1), label_of(small, 2)) == ("negative", "positive")
    labels.undo(small)
    assert (label_of(small, 1), label_of(small, 2)) == ("positive", "positive")
    labels.redo(small)
    assert (label_of(small, 1), label_of(small, 2)) == ("negative", "positive")
    labels.redo(small)
    assert (label_of(small, 1), label_of(small, 2)) == ("negative", "negative")
    with pytest.raises(UserError, match="nothing to redo"):
        labels.redo(small)


def test_undo_never_takes_back_an_import(small):
    with pytest.raises(UserError, match="nothing to undo"):
        labels.undo(small)
    assert tweets.counts(small).labelled == 5


def test_undo_and_redo_survive_a_restart(small, reopen):
    labels.assign(small, [1], "negative")
    labels.assign(small, [1], None)
    small.close()
    again = reopen(small)
    labels.undo(again)
    labels.undo(again)
    assert label_of(again, 1) == "positive"
    again.close()
    later = reopen(small)
    labels.redo(later)
    assert label_of(later, 1) == "negative"


def test_one_bulk_change_is_one_step(small):
    change = labels.assign(small, [1, 2, 2, 6], "negative")
    assert change.tweets == (1, 2, 6)
    assert [event["kind"] for event in labels.history(small, limit=3)] == ["bulk"] * 3
    assert tweets.counts(small).corrected == 2
    labels.undo(small)
    assert [label_of(small, n) for n in (1, 2, 6)] == ["positive", "positive", None]
    with pytest.raises(UserError, match="nothing to undo"):
        labels.undo(small)


def test_a_change_of_nothing_is_no_step(small):
    labels.assign(small, [1], "negative")
    labels.assign(small, [], "positive")
    labels.undo(small)
    assert label_of(small, 1) == "positive"


def test_a_new_change_ends_what_can_be_redone(small):
    labels.assign(small, [1], "negative")
    labels.undo(small)
    labels.assign(small, [2], "negative")
    with pytest.raises(UserError, match="nothing to redo"):
        labels.redo(small)
    assert label_of(small, 1) == "positive"


def test_redo_does_again_what_was_undone_last_and_not_before(small):
    labels.assign(small, [1], "negative")
    labels.undo(small)
    labels.assign(small, [1], None)
    labels.undo(small)
    labels.redo(small)
    assert label_of(small, 1) is None


def test_everyone_undoes_their_own_changes(small, reopen):
    ben = reopen(small, "ben")
    labels.assign(small, [1], "negative")
    labels.assign(ben, [2], "negative")
    change = labels.undo(small)
    assert change.tweets == (1,)
    assert (label_of(small, 1), label_of(small, 2)) == ("positive", "negative")
    with pytest.raises(UserError, match="nothing to undo"):
        labels.undo(small)
    with pytest.raises(UserError, match="nothing to redo"):
        labels.redo(ben)
    assert labels.count_undone(small) == 1


def test_undo_leaves_alone_what_somebody_else_changed_since(small, reopen):
    ben = reopen(small, "ben")
    labels.assign(small, [1, 2, 3], "negative")
    labels.assign(ben, [2], None)
    labels.mark(ben, [3], "review", True)  # another field is no obstacle
    change = labels.undo(small)
    assert (change.tweets, change.skipped) == ((1, 3), 1)
    assert [label_of(small, n) for n in (1, 2, 3)] == ["positive", None, "positive"]
    assert tweets.tweet(small, 3).review
    assert integrity.check(small) == []


def test_undo_leaves_alone_what_somebody_else_confirmed_since(small, reopen):
    ben = reopen(small, "ben")
    labels.assign(small, [1], "negative")
    labels.assign(ben, [1], "negative")
    change = labels.undo(small)
    assert change.skipped == 1
    assert label_of(small, 1) == "negative"


# Any script of changes


many = settings(settings.get_profile("store"))
CHANGES = st.one_of(
    st.tuples(
        st.just("assign"),
        st.lists(st.integers(1, 6), min_size=1, max_size=4),
        st.sampled_from(["positive", "negative", None]),
    ),
    st.tuples(
        st.just("mark"),
        st.lists(st.integers(1, 6), min_size=1, max_size=4),
        st.tuples(st.sampled_from(["excluded", "review", "ambiguous"]), st.booleans()),
    ),
    st.tuples(st.just("note"), st.integers(1, 6), st.text(max_size=5)),
)


def change(store, step):
    kind, target, value = step
    if kind == "assign":
        labels.assign(store, target, value)
    elif kind == "mark":
        labels.mark(store, target, *value)
    else:
        labels.annotate(store, target, value.replace("\x00", "").encode("utf-8", "ignore").decode())


def recount(store):
    rows = list(tweets.each(store))
    return {
        "tweets": len(rows),
        "labelled": sum(row.label is not None for row in rows),
        "corrected": sum(row.changed for row in rows),
        "excluded": sum(row.excluded for row in rows),
        "review": sum(row.review for row in rows),
        "ambiguous": sum(row.ambiguous for row in rows),
    }


@many
@given(script=st.lists(CHANGES, max_size=8))
def test_as_many_undos_give_the_start_and_redos_the_end(script, scratch, state_of):
    store = scratch()
    states = [state_of(store)]
    for step in script:
        change(store, step)
        states.append(state_of(store))
        assert states[-1]["counts"] == recount(store)
    for state in reversed(states[:-1]):
        labels.undo(store)
        assert state_of(store) == state
    with pytest.raises(UserError):
        labels.undo(store)
    for state in states[1:]:
        labels.redo(store)
        assert state_of(store) == state
    with pytest.raises(UserError):
        labels.redo(store)
    assert integrity.check(store) == []


STEPS = st.sampled_from(["change", "change", "undo", "redo"]).flatmap(
    lambda kind: CHANGES if kind == "change" else st.just(kind)
)


@many
@given(script=st.lists(STEPS, max_size=14))
def test_undo_and_redo_are_two_stacks(script, scratch, state_of):
    store = scratch()
    done, undone = [state_of(store)], []
    for step in script:
        if step == "undo":
            if len(done) == 1:
                with pytest.raises(UserError):
                    labels.undo(store)
                continue
            labels.undo(store)
            undone.append(done.pop())
        elif step == "redo":
            if not undone:
                with pytest.raises(UserError):
                    labels.redo(store)
                continue
            labels.redo(store)
            done.append(undone.pop())
        else:
            change(store, step)
            done.append(state_of(store))
            undone = []
        assert state_of(store) == done[-1]
    assert integrity.check(store) == []


@many
@given(
    script=st.lists(
        st.tuples(st.sampled_from(["ana", "ben"]), st.one_of(CHANGES, st.just("undo"))), max_size=10
    )
)
def test_two_people_at_once_keep_the_store_sound(script, scratch):
    ana = scratch()
    ben = open_store(ana.folder, "ben")
    try:
        for name, step in script:
            store = ana if name == "ana" else ben
            if step != "undo":
                change(store, step)
                continue
            try:
                labels.undo(store)
            except UserError:
                continue
        assert integrity.check(ana) == []
        counts = tweets.counts(ana)
        assert {name: getattr(counts, name) for name in recount(ana)} == recount(ana)
    finally:
        ben.close()


def test_ten_thousand_tweets_are_changed_and_taken_back_as_one(make_store, fill, state_of):
    store = fill(make_store(), ({"text": f"text {n}", "label": "positive"} for n in range(10_000)))
    before = state_of(store)
    labels.assign(store, range(1, 10_001), "negative")
    assert tweets.counts(store).corrected == 10_000
    labels.undo(store)
    assert state_of(store) == before


# What others changed since it was shown


@pytest.fixture
def ben(small, reopen):
    return reopen(small, "ben")


def test_a_label_is_not_written_over_one_that_was_not_seen(small, ben):
    labels.assign(small, [1], "negative", seen={1: "positive"})
    before = small.db.execute("SELECT * FROM steps").fetchall()
    with pytest.raises(EditConflict) as caught:
        labels.assign(ben, [1], "positive", seen={1: "positive"})
    latest = caught.value.latest
    assert (caught.value.tweets, latest.annotator, latest.value) == (1, "ana", "negative")
    assert latest.at == labels.history(small, 1)[-1]["at"]
    assert len(events(small, 1)) == 2
    assert small.db.execute("SELECT * FROM steps").fetchall() == before
    assert labels.assign(ben, [1], "positive", seen={1: "negative"}).tweets == (1,)
    assert label_of(small, 1) == "positive"


def test_a_label_that_somebody_took_away_is_noticed(small, ben):
    labels.assign(small, [1], None)
    with pytest.raises(EditConflict) as caught:
        labels.assign(ben, [1], "positive", seen={1: "positive"})
    assert caught.value.latest.value is None
    labels.assign(ben, [1], "positive", seen={1: None})


def test_one_of_many_that_was_changed_holds_up_all_of_them(small, ben):
    labels.assign(small, [3], "negative")
    labels.assign(small, [2], "negative")
    seen = {number: label_of(ben, number) for number in range(1, 6)} | {3: "positive"}
    with pytest.raises(EditConflict) as caught:
        labels.assign(ben, seen, "positive", seen=seen | {2: "positive"})
    assert (caught.value.tweets, caught.value.latest.tweet) == (2, 2)
    assert len(events(small, 1)) == 1
    assert integrity.check(small) == []


@pytest.mark.parametrize("field", ["excluded", "review", "ambiguous"])
def test_a_mark_that_somebody_else_set_is_noticed_and_other_fields_are_not(small, ben, field):
    labels.assign(small, [1], "negative")
    labels.mark(ben, [1], field, True, seen={1: False})
    with pytest.raises(EditConflict) as caught:
        labels.mark(small, [1], field, True, seen={1: False})
    assert (caught.value.latest.field, caught.value.latest.annotator) == (field, "ben")


def test_a_note_is_not_written_over_one_that_was_not_seen(small, ben):
    labels.annotate(ben, 1, "sarcasm")
    with pytest.raises(EditConflict) as caught:
        labels.annotate(small, 1, "a joke", seen={1: None})
    assert caught.value.latest.value == "sarcasm"
    assert tweets.tweet(small, 1).note == "sarcasm"


def test_undo_says_who_changed_what_it_leaves_alone(small, ben):
    labels.assign(small, [1], "negative")
    labels.assign(ben, [1], "positive")
    change = labels.undo(small)
    assert (change.tweets, change.skipped) == ((), 1)
    assert (change.conflict.annotator, change.conflict.value) == ("ben", "positive")


def test_an_outlook_tells_what_undo_would_do_and_no_other_step_is_taken_back(small, ben):
    labels.assign(small, [1, 2, 4], "negative")
    labels.assign(ben, [2], "positive")
    found = labels.undo_preview(small, "undo")
    changes = {("label", "negative", "positive"): 1, ("label", "negative", "negative"): 1}
    assert (found.changes, found.left) == (changes, 1)
    labels.mark(small, [5], "review", True)
    with pytest.raises(UserError, match="undo again"):
        labels.undo(small, step=found.step)
    assert label_of(small, 1) == "negative"
    labels.undo(small)
    assert labels.undo(small, step=found.step).tweets == (1, 4)
    again = labels.undo_preview(small, "redo")
    assert (again.step, again.changes[("label", "positive", "negative")]) == (found.step, 1)
    assert labels.redo(small, step=again.step).tweets == (1, 4)


def test_states_are_those_of_the_tweets_in_any_number(small):
    labels.annotate(small, 3, "a note")
    labels.mark(small, [2], "review", True)
    states = list(tweets.states(small, [3, 2, 99, 6], None))
    assert {state.id: (state.label, state.review, state.note) for state in states} == {
        number: (found.label, found.review, found.note)
        for number in (2, 3, 6)
        if (found := tweets.tweet(small, number))
    }

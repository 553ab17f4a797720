"""What was computed is kept with the runs and the labels it rests on, and says when it is stale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.history import label_set, labels
from storage.history.events import Edit, begin_action, write_edits
from storage.query import tweets
from storage.runs import runs, suspect_ranking
from storage.runs.analyses import label_state, read_analysis, save_analysis
from storage.runs.predictions import Prediction, add_predictions
from storage.transactions import transaction
from storage.transfer import importing, removing
from storage.transfer.importing import ImportOptions

LABELS = ("positive", "negative")


@pytest.fixture
def kept(small):
    """Keeps a result and gives what reads it again, or why it is stale."""
    for recipe in ("baseline", "fast"):
        runs.add(small, recipe, "qlora", recipe, None, LABELS)

    def keep(kind="slices", result=None, numbers=(2, 1), **options):
        given = {"run": 2, "split": "test"}
        state = options.pop("state", None) or label_state(small)
        save_analysis(small, kind, given, result, state, numbers, **options)
        return lambda wanted=None: read_analysis(small, kind, given, wanted)

    return keep


def test_a_result_is_read_as_it_was_kept_and_replaced_by_the_next(small, kept):
    assert read_analysis(small, "slices", {"run": 2}) is None
    again = kept(result={"n": 3, "rate": float("nan"), "text": "caf\u00e9 \ud83d"})
    found = again()
    assert found.result == {"n": 3, "rate": None, "text": "caf\u00e9 \ud83d"}
    assert (found.runs, found.stale) == ((2, 1), "")
    assert kept(result=[])().result == []
    assert small.db.execute("SELECT count(*) FROM analyses").fetchone() == (1,)
    assert read_analysis(small, "slices", {"split": "test", "run": 2}).result == []


def test_labels_that_change_make_it_stale_and_marks_and_kept_labels_do_not(small, kept):
    state = label_state(small)
    again = kept()
    labels.mark(small, [1], "review", True)
    labels.assign(small, [2], tweets.tweet(small, 2).label)
    assert again().stale == ""
    labels.assign(small, [1], "negative")
    assert again().stale == "labels have changed since"
    assert kept()().stale == ""
    assert kept(state=state)().stale == "labels have changed since"  # they did meanwhile


def test_of_one_split_only_its_labels_count_and_tweets_that_are_moved(small, kept):
    again, of_test = kept(split="train"), kept("why", split="test")
    labels.assign(small, [1], "negative")
    labels.assign(small, [1], "positive")
    assert (again().stale, of_test().stale) == ("labels have changed since", "")
    action = begin_action(small, "merge")
    with transaction(small.db):
        write_edits(small, action, [Edit(1, "split", "train", "test", None)])
    assert of_test().stale == "tweets were moved to another split since"


def test_other_runs_make_it_stale_and_a_deleted_one_takes_it_along(small, kept):
    again = kept()
    assert again((1, 2)).stale == ""
    assert again((2,)).stale == "run 1 takes no part any more"
    assert again((1, 2, 4)).stale == "run 4 had no part in it"
    runs.save_queue(small, "mix", [(1, 0.5, "random")], 2)
    runs.save_queue(small, "margin", [(1, 0.5, "margin")], 1)
    runs.delete(small, 1)
    assert again() is None
    assert (len(runs.queue(small, "mix")), runs.queue(small, "margin")) == (1, [])


def test_a_label_set_that_changes_makes_it_stale(small, kept):
    again = kept()
    label_set.rename(small, "positive", "bullish")
    assert again().stale == "the labels were renamed, merged or added to since"


def test_tweets_that_come_matter_where_texts_are_read_and_removals_drop_results(
    small, kept, tmp_path
):
    by_runs, by_texts = kept("slices"), kept("suspects", reads_tweets=True)
    runs.save_queue(small, "suspects", [(1, 0.5, "x"), (2, 0.4, "x")], 1)
    path = tmp_path / "more.csv"
    path.write_text("text,label\nanother one,positive\n", encoding="utf-8")
    importing.run(small, importing.plan(small.config, path, ImportOptions()))
    assert (by_runs().stale, by_texts().stale) == ("", "tweets were imported since")
    removing.delete(small, [2])
    assert (by_runs(), by_texts()) == (None, None)
    assert suspect_ranking.ranking(small).run == 1
    assert [row.tweet for row in runs.queue(small, "suspects")] == [1]


def test_a_workspace_that_can_only_be_read_keeps_nothing(small):
    store = replace(small, read_only=True)
    save_analysis(store, "slices", {}, 1, label_state(store))
    assert read_analysis(store, "slices", {}) is None


def test_a_run_that_predicts_more_makes_what_was_computed_from_it_stale(small, kept):
    again = kept()
    add_predictions(small, 1, [Prediction(1, (0.9, 0.1), 0.8, 0.3, False)])
    assert again().stale == "run 1 has predicted more since"
    assert kept()().stale == ""

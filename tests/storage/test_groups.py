"""Groups of equal and nearly equal texts: one split each, and what is conflicting in them."""

from __future__ import annotations

import random
from collections import defaultdict

from storage import groups
from storage.history import integrity
from storage.query import tweets
from storage.runs import runs, training_set
from workbench.evaluation.near_duplicate_groups import compare_new_tweets


def variants(number):
    """A story of made-up words, told twice with one word changed."""
    rng = random.Random(number)
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(24)]
    return " ".join(words), " ".join([*words[:11], "other", *words[12:]])


def far_ends():
    """Two texts that are not nearly equal, and one between them that is to both."""
    words = [f"word{n}" for n in range(60)]
    ends = [words[:], words[:]]
    for place in (3, 4):
        ends[0][place] = f"left{place}"
        ends[1][place + 20] = f"right{place}"
    return *(" ".join(end) for end in ends), " ".join(words)


def splits_by_group(store):
    found = defaultdict(set)
    for tweet in tweets.each(store):
        found[tweet.group].add(tweet.split)
    return found


def test_nearly_equal_texts_join_one_group_and_one_split(make_store, fill):
    rows = [{"text": text} for number in range(40) for text in variants(number)]
    store = fill(make_store(), rows)
    assert groups.count_uncompared(store) == 80
    assert compare_new_tweets(store) == 40
    assert groups.count_uncompared(store) == 0
    found = splits_by_group(store)
    assert len(found) == 40
    assert all(len(splits) == 1 for splits in found.values())
    assert tweets.duplicates(store, 1) == [1, 2]
    assert list(tweets.listing(store, "duplicate:yes")) == list(range(1, 81))
    assert integrity.check(store) == []
    assert compare_new_tweets(store) == 0


def test_a_new_text_goes_where_the_one_it_resembles_is(make_store, fill):
    store = fill(make_store(test_share=0.5), [{"text": variants(n)[0]} for n in range(60)])
    compare_new_tweets(store)
    before = {tweet.id: tweet.split for tweet in tweets.each(store)}
    store = fill(store, [{"text": variants(n)[1]} for n in range(60)])
    came = {tweet.id: tweet.split for tweet in tweets.each(store) if tweet.id > 60}
    compare_new_tweets(store)
    for number in range(1, 61):
        one, other = tweets.tweet(store, number), tweets.tweet(store, number + 60)
        assert one.group == other.group == number
        assert one.split == other.split == before[number]
    assert set(came.values()) == {"train", "test"}


def test_an_import_that_ends_during_a_comparison_is_left_for_the_next(
    make_store, fill, reopen, monkeypatch
):
    store = fill(make_store(), [{"text": text} for text in variants(1)])
    read = groups.followers

    def followers(store, last):
        fill(reopen(store, "ben"), [{"text": variants(2)[0]}] * 2)
        return read(store, last)

    with monkeypatch.context() as patch:
        patch.setattr(groups, "followers", followers)
        assert compare_new_tweets(store) == 1
    assert groups.count_uncompared(store) == 2
    assert compare_new_tweets(store) == 0
    assert integrity.check(store) == []


def test_a_comparison_that_ends_late_does_not_forget_what_another_has_done(
    make_store, fill, reopen, monkeypatch
):
    store = fill(make_store(), [{"text": text} for text in variants(1)])
    join = groups.merge_groups

    def late(store, found, compared):
        monkeypatch.undo()
        other = fill(reopen(store, "ben"), [{"text": variants(2)[0]}])
        compare_new_tweets(other)
        return join(store, found, compared)

    monkeypatch.setattr(groups, "merge_groups", late)
    compare_new_tweets(store)
    assert groups.count_uncompared(store) == 0


def test_a_split_from_the_file_stays_and_a_leak_is_not_trained_on(make_store, fill):
    test, train = variants(1)
    rows = [
        {"text": test, "label": "positive", "split": "test"},
        {"text": train, "label": "positive", "split": "train"},
        {"text": "something else entirely", "label": "negative", "split": "train"},
    ]
    store = fill(make_store(), rows)
    assert groups.leaks(store) == 0
    compare_new_tweets(store)
    assert [tweet.split for tweet in tweets.each(store)] == ["test", "train", "train"]
    assert groups.leaks(store) == 1
    assert [example.id for example in training_set.training(store)[0]] == [3]


def test_an_equal_text_joins_the_group_of_a_nearly_equal_one(make_store, fill):
    one, other = variants(3)
    store = fill(make_store(), [{"text": one}, {"text": "nothing like it"}, {"text": other}])
    compare_new_tweets(store)
    store = fill(store, [{"text": other.upper()}])
    assert [tweet.group for tweet in tweets.each(store)] == [1, 2, 1, 1]
    assert compare_new_tweets(store) == 0


def test_two_groups_become_one_when_a_text_between_them_comes(make_store, fill):
    one, other, between = far_ends()
    store = fill(make_store(), [{"text": one}, {"text": other}])
    assert compare_new_tweets(store) == 0
    store = fill(store, [{"text": between}])
    compare_new_tweets(store)
    assert len(splits_by_group(store)) == 1


def test_conflicts_name_the_tweets_and_their_labels(make_store, fill):
    rows = [
        {"text": "Up we go", "label": "positive"},
        {"text": "up we GO", "label": "negative"},
        {"text": "down it goes", "label": "negative"},
        {"text": "Down it goes", "label": "negative"},
        {"text": "up we go  ", "label": None},
    ]
    store = fill(make_store(), rows)
    [conflict] = groups.conflicts(store)
    assert conflict.as_json() == {
        "group": 1,
        "tweets": [1, 2, 5],
        "golds": ["positive", "negative", None],
    }


def test_the_command_line_groups_and_lists_conflicts(cli, tmp_path, write, monkeypatch):
    one, other = variants(5)
    path = write("t.csv", f'text,label\n"{one}",positive\n"{other}",negative\nno,negative\n')
    said = cli("-w", tmp_path / "w", "import", path)
    assert "1 more is nearly equal to another and joined its group." in said.out
    [conflict] = cli("-w", tmp_path / "w", "conflicts", "--json").json
    assert conflict["tweets"] == [1, 2]
    assert "1 group with more than one gold label." in cli("-w", tmp_path / "w", "conflicts").out
    assert cli("-w", tmp_path / "w", "group", "--json").json == {"compared": 0, "joined": 0}
    assert cli("-w", tmp_path / "w", "status", "--json").json["conflicts"] == 1


def test_a_large_import_leaves_the_comparison_for_later(cli, tmp_path, write, monkeypatch):
    monkeypatch.setattr("workbench.commands.groups.MAX_NEW", 3)
    path = write("t.csv", "text\n" + "".join(f"text number {n}\n" for n in range(4)))
    said = cli("-w", tmp_path / "w", "import", path)
    assert "4 tweets are not compared for nearly equal texts yet: `workbench group`" in said.out
    assert cli("-w", tmp_path / "w", "group", "--json").json["compared"] == 4


def test_a_test_tweet_takes_the_texts_between_it_and_another_along(make_store, fill):
    """Two groups that become one are test if one was: a test tweet never enters training."""
    one, other, between = far_ends()
    store = fill(make_store(), [{"text": one}, {"text": other}])
    compare_new_tweets(store)
    store.db.execute("UPDATE current SET split = iif(tweet = 1, 'train', 'test')")
    store = fill(store, [{"text": between}])
    compare_new_tweets(store)
    assert tweets.split_counts(store) == {"test": 3}


def test_an_accuracy_is_stale_once_its_split_has_other_tweets(make_store, fill):
    store = fill(make_store(test_share=0.5), [{"text": variants(n)[0]} for n in range(20)])
    compare_new_tweets(store)
    report = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "macro_f1": 0.7, "n": 5}
    run = runs.add(store, "uid", "baseline", "baseline", None, ("positive", "negative"))
    runs.save_evaluation(store, run, "test", report)
    store = fill(store, [{"text": "nothing like the others " * 9}])
    compare_new_tweets(store)
    assert not runs.get(store, run).metrics["test"]["stale"]
    store = fill(store, [{"text": variants(n)[1]} for n in range(20)])
    before = {tweet.id: tweet.split for tweet in tweets.each(store)}
    compare_new_tweets(store)
    assert before != {tweet.id: tweet.split for tweet in tweets.each(store)}
    assert runs.get(store, run).metrics["test"]["stale"]

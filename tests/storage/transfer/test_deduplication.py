"""Rows that repeat one of their file: what becomes of the splits that they name."""

from __future__ import annotations

import pytest

from storage.query import tweets
from storage.transfer import parsing


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("said", "split"),
    [
        (("train", "test"), "test"),
        (("test", "train"), "test"),
        (("dev", "train", "dev"), "dev"),
        (("train", "dev", "test", "dev"), "test"),
        (("", "dev"), "dev"),
        (("train", ""), "train"),
    ],
)
def test_of_several_splits_of_one_tweet_test_wins(
    large, said, split, make_store, take_in, write, monkeypatch
):
    monkeypatch.setattr(parsing, "LARGE", 0 if large else 1 << 30)
    rows = "".join(f"7,up we go,{name}\n" for name in said) + "8,down,dev\n"
    path = write("rows.csv", "id,text,split\n" + rows)
    store, report = take_in(make_store(), path)
    assert [tweet.split for tweet in tweets.each(store)] == [split, "dev"]
    told = [notice for notice in report.notices if "another split" in notice]
    assert len(told) == ("" not in said) and all("'7'" in notice for notice in told)
    store, report = take_in(store, path, update=frozenset({"splits"}))
    assert [tweet.split for tweet in tweets.each(store)] == [split, "dev"]
    assert (report.merged.differences, report.merged.updated) == ((), {})


def test_of_several_splits_of_a_tweet_that_was_there_test_wins(make_store, take_in, write):
    head = "id,worker,text,label,split\n"
    store, _ = take_in(make_store(), write("a.csv", head + "7,w1,up,positive,train\n"))
    rows = "7,w1,up,positive,train\n7,w2,up,negative,test\n7,w3,up,positive,dev\n"
    path = write("b.csv", head + rows)
    store, report = take_in(store, path)
    (differing,) = [d for d in report.merged.differences if d.kind == "splits"]
    assert [(c.old, c.new, c.tweets) for c in differing.changes] == [("train", "test", 1)]
    assert any("2 rows name another split" in notice for notice in report.notices)
    store, _ = take_in(store, path, update=frozenset({"splits"}))
    assert [tweet.split for tweet in tweets.each(store)] == ["test"]

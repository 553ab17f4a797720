"""Ids that a spreadsheet has rounded are none: tweets are known by their texts, and it is said."""

from __future__ import annotations

import json

import pytest

from storage.history import integrity
from storage.query import tweets
from storage.transfer import exporting, parsing
from storage.transfer.rounded_ids import may_be

EXACT = [1050118621198921728 + 7919 * n**5 for n in range(1, 9)]
TEXTS = [f"tweet of {n} about $TSLA" for n in range(8)]
TEXTS[5] = TEXTS[4]
LABELS = ["positive", "negative"] * 4


def table(ids, labels=LABELS):
    rows = zip(ids, TEXTS, labels, strict=True)
    return "tweet_id,text,label\n" + "".join(
        f'"{one}",{text},{label}\n' for one, text, label in rows
    )


ROUNDED = {
    "shown by Excel": lambda n: f"{n:.2E}",
    "shown where the decimal sign is a comma": lambda n: f"{n:.2E}".replace(".", ","),
    "written by pandas": lambda n: repr(float(n)),
    "written by Java": lambda n: repr(float(n)).replace("e+", "E"),
    "cut after 15 digits": lambda n: f"{n // 10**4}0000",
    "rounded to 3 digits": lambda n: f"{round(n, -16)}",
}


@pytest.mark.parametrize("how", ROUNDED)
@pytest.mark.parametrize("large", [False, True])
def test_tweets_are_matched_by_text(how, large, make_store, take_in, write, monkeypatch):
    if large:
        monkeypatch.setattr(parsing, "LARGE", 0)  # in a process of its own
    ids = [ROUNDED[how](n) for n in EXACT]
    store, _ = take_in(make_store(), write("exact.csv", table(EXACT)))
    store, report = take_in(store, write("rounded.csv", table(ids, LABELS[::-1])))
    assert (report.read, report.added, report.existing) == (8, 0, 8)
    (said,) = [notice for notice in report.notices if "rounded" in notice]
    assert said.startswith(f"8 records: the id (such as {ids[0]}) is rounded, as spreadsheets do")
    assert report.merged.differences[0].tweets == 8
    assert [tweet.external_id for tweet in tweets.each(store)] == list(map(str, EXACT))


@pytest.mark.parametrize("how", ROUNDED)
def test_a_first_import_keeps_each_row_and_what_stood_there(
    how, make_store, take_in, write, tmp_path
):
    ids = [ROUNDED[how](n) for n in EXACT]
    store, report = take_in(make_store(), write("rounded.csv", table(ids)))
    assert (report.added, report.existing) == (8, 0)  # two texts are equal, and their ids too
    assert [tweet.external_id for tweet in tweets.each(store)] == [None] * 8
    assert tweets.source_columns(store, 1) == {"tweet_id": ids[0]}
    found = list(tweets.listing(store, f'tweet_id:"{ids[0]}"'))
    assert found == [n for n, one in enumerate(ids, start=1) if one == ids[0]]
    _, again = take_in(store, write("rounded.csv", table(ids)))
    assert (again.added, again.existing) == (0, 8)
    assert integrity.check(store) == []
    exporting.export(store, tmp_path / "out.csv")
    _, back = take_in(store, tmp_path / "out.csv")
    assert (back.added, back.existing) == (0, 8)


def test_equal_texts_are_told_apart_by_what_is_left_of_their_ids(make_store, take_in, write):
    rows = [("1050118621198921728", "buy", "positive"), ("1390118621198921728", "buy", "negative")]
    head = "tweet_id,text,label\n"
    store, _ = take_in(make_store(), write("a.csv", head + "\n".join(map(",".join, rows))))
    turned = [(f"{int(one):.2E}", text, label) for one, text, label in reversed(rows)]
    content = head + "\n".join(map(",".join, turned)) + "\n7.00E+18,buy,positive"
    _, report = take_in(store, write("b.csv", content), dry_run=True)
    assert (report.added, report.existing, report.merged.differences) == (1, 2, ())


@pytest.mark.parametrize(
    "value", [1.0501186211989217e18, 1050118621198920000.0, "1.05E+18"], ids=str
)
def test_numbers_of_json_that_have_lost_digits_are_no_ids(value, make_store, take_in, write):
    path = write("t.jsonl", "".join(json.dumps({"id": value, "text": t}) + "\n" for t in TEXTS))
    store, report = take_in(make_store(), path)
    assert report.added == 8
    assert {tweet.external_id for tweet in tweets.each(store)} == {None}
    assert any(notice.startswith("8 records: the id") for notice in report.notices)


@pytest.mark.parametrize(
    "ids",
    [
        EXACT,
        [1050118621198920000, *EXACT[1:]],  # one in ten thousand ends so
        [16094592000000000 + n * 1000000000 for n in range(8)],  # microseconds of whole seconds
        [10**18 * n for n in range(1, 9)],
        ["12e4", "5E10", "1e5", "7E7", "a+b", "1+1", "0E", "E0"],
        ["10", "20", "30", "40", "50", "60", "70", "80"],
        ["007", "7", "0", "00", "1.0", "1.5", "1,5", "-1"],
        [9007199254740990 + n for n in range(8)],
    ],
    ids=["exact", "one by chance", "times", "round", "hex", "tens", "small", "16 digits"],
)
def test_ids_that_only_look_like_it_stay(ids, make_store, take_in, write):
    store, report = take_in(make_store(), write("t.csv", table(ids)))
    assert [tweet.external_id for tweet in tweets.each(store)] == [str(one) for one in ids]
    assert not any("rounded" in notice for notice in report.notices)


def test_what_may_have_been_rounded():
    assert may_be("1050118621198921728", "1.05E+18")
    assert may_be("1049999999999999999", "1.05E+18")
    assert not may_be("1061000000000000000", "1.05E+18")
    assert may_be("1050118621198921728", "1050118621198920000")
    assert not may_be("1050118621199000000", "1050118621198920000")
    assert may_be("1050118621198921728", "1.0501186211989217e+18")
    assert may_be(None, "1.05E+18")
    assert may_be("1.05E+18", "1.05E+18")
    assert not may_be("two words", "1.05E+18")

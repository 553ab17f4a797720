"""Keeping, taking, excluding, flagging and noting from the command line, each as one undo step."""

from __future__ import annotations

from contextlib import closing

import pytest

from storage.history import labels
from storage.store import open_store
from workbench.commands import marking


@pytest.fixture
def four(home, cli, write):
    rows = ["up we go,positive", "to the moon,positive", "down it goes,negative", "no idea,"]
    assert cli("import", write("t.csv", "text,label\n" + "\n".join(rows))).status == 0
    return home


def ok(result):
    assert result.status == 0, result.err
    return result


def flags(cli):
    return {row["id"]: row["flags"] for row in ok(cli("list", "--json")).json if row["flags"]}


@pytest.mark.parametrize(
    ("command", "mark", "on", "off"),
    [
        (
            "exclude",
            "excluded",
            "Excluded 2 tweets from training.",
            "Let 2 tweets be trained on again.",
        ),
        ("flag", "review", "Flagged 2 tweets for review.", "Took the flag off 2 tweets."),
        (
            "ambiguous",
            "ambiguous",
            "Marked 2 tweets as ambiguous.",
            "Took the mark ambiguous off 2 tweets.",
        ),
    ],
)
def test_marks_are_set_taken_away_and_taken_back(four, cli, command, mark, on, off):
    assert ok(cli(command, "1", "3")).out.strip() == on
    assert flags(cli) == {1: [mark], 3: [mark]}
    taken_off = ok(cli(command, "--off", "--where", "id:>0 id:<3")).out
    assert taken_off.splitlines() == [off, "1 of them had no such mark."]
    assert flags(cli) == {3: [mark]}
    ok(cli("undo"))
    ok(cli("undo"))
    assert flags(cli) == {}
    assert ok(cli(command, "--where", "label:positive", "--json")).json["tweets"] == [1, 2]


def test_a_note_is_written_replaced_and_removed(four, cli):
    assert ok(cli("note", "1", "sarcasm")).out.strip() == "Wrote the note of tweet 1."
    ok(cli("note", "--where", "label:positive", "both"))
    assert [ok(cli("show", n, "--json")).json["note"] for n in (1, 2, 3)] == ["both", "both", None]
    ok(cli("undo"))
    assert ok(cli("show", "1", "--json")).json["note"] == "sarcasm"
    assert ok(cli("note", "1", "")).out.strip() == "Took away the note of tweet 1."
    assert ok(cli("list", "note:yes", "--json")).json == []


def test_tweets_that_had_the_label_already_are_told_apart(four, cli):
    told = ok(cli("label", "1", "3", "4", "positive")).out
    assert told.splitlines() == ["Labelled 3 tweets positive.", "1 of them had it already."]
    assert ok(cli("label", "1", "3", "positive", "--json")).json["unchanged"] == 2


def test_a_label_that_somebody_changes_while_it_is_kept_stays_theirs(four, cli, monkeypatch):
    def overtake(store, ids, run, choose, missing):
        ben = open_store(store.folder, "ben")
        labels.assign(ben, [1], "negative")
        ben.close()
        return {1: "positive"}

    monkeypatch.setattr(marking, "_chosen", overtake)
    assert "1 tweet was changed by somebody meanwhile" in cli("keep", "1").err
    assert [row["id"] for row in ok(cli("list", "label:positive", "--json")).json] == [2]


def test_what_is_kept_counts_as_reviewed(four, cli):
    assert ok(cli("keep", "1")).out.strip() == "Kept the label of tweet 1."
    assert ok(cli("keep", "--where", "label:negative", "--json")).json["tweets"] == [3]
    assert [row["id"] for row in ok(cli("list", "reviewed:yes", "--json")).json] == [1, 3]
    event = ok(cli("history", "1", "--json")).json[-1]
    assert (event["old"], event["new"]) == ("positive", "positive")
    ok(cli("undo"))
    assert [row["id"] for row in ok(cli("list", "reviewed:yes", "--json")).json] == [1]


def test_a_label_that_somebody_changes_meanwhile_is_not_kept(four, cli, monkeypatch):
    read = marking._chosen

    def overtaken(*arguments):
        wanted = read(*arguments)
        with closing(open_store(four, "ben")) as other:
            labels.assign(other, [1], "negative")
        return wanted

    monkeypatch.setattr(marking, "_chosen", overtaken)
    result = cli("keep", "1", "2")
    assert result.status == 1 and "changed by somebody meanwhile" in result.err
    assert ok(cli("show", "1", "--json")).json["label"] == "negative"


def test_predictions_are_taken_as_labels(trained, cli):
    differing = ok(cli("list", "disagree:yes", "--limit", "3", "--json")).json
    ids = [row["id"] for row in differing]
    done = ok(cli("take", *ids))
    assert done.out.strip() == "Took the predictions of run 1 for 3 tweets."
    after = {row["id"]: row["label"] for row in ok(cli("list", "changed:yes", "--json")).json}
    assert after == {row["id"]: row["pred"] for row in differing}
    ok(cli("undo"))
    assert ok(cli("list", "changed:yes", "--json")).json == []


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("keep",), 2, "either by their ids or with --where"),
        (("flag", "1", "--where", "id:1"), 2, "either by their ids or with --where"),
        (("exclude", "1", "99"), 1, "There is no tweet 99"),
        (("ambiguous", "--where", "id:>99"), 1, "No tweet passes the filter 'id:>99'"),
        (("note", "text"), 2, "either by their ids or with --where"),
        (("note", "1"), 2, "either by their ids or with --where"),
        (("keep", "1", "4"), 1, "Tweet 4 has no label to keep; give it one"),
        (("take", "1"), 1, "There are no predictions yet, so there is nothing to take"),
        (("take", "1", "--run", "7"), 1, "There is no run 7"),
    ],
)
def test_what_cannot_be_done_changes_nothing(four, cli, arguments, status, sentence):
    before = ok(cli("history", "--json")).out
    result = cli(*arguments)
    assert (result.status, sentence in result.err) == (status, True), result.err
    assert ok(cli("history", "--json")).out == before

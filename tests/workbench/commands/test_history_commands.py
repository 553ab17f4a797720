"""Snapshots, diffs, restores, bulk edits and agreement from the command line."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from storage.history.events import batch_size
from workbench.console import printing, progress

MANY = 2 * batch_size(0) + 1
"""Labelled in three parts."""
TEXTS = ("up we go", "to the moon", "bull run", "down it goes")


@pytest.fixture
def filled(home, cli, write):
    rows = "".join(f"{text},{'negative' if 'down' in text else 'positive'}\n" for text in TEXTS)
    assert cli("import", write("t.csv", "text,label\n" + rows)).status == 0
    return home


def ok(result):
    assert result.status == 0, result.err
    return result


def test_a_snapshot_a_diff_and_a_restore(filled, cli):
    taken = ok(cli("snapshot", "start", "--note", "as it came", "--json")).json
    assert (taken["name"], taken["tweets"], taken["note"]) == ("start", 4, "as it came")
    ok(cli("label", 1, 2, "negative"))
    ok(cli("label", 3, "none", "--annotator", "ben"))
    found = ok(cli("diff", "start", "now", "--json")).json
    assert found["tweets"] == 3
    assert found["changes"] == [
        {"field": "label", "count": 2, "old": "positive", "new": "negative"},
        {"field": "label", "count": 1, "old": "positive", "new": None},
    ]
    assert found["rows"][2] == {"tweet": 3, "field": "label", "old": "positive", "new": None}
    assert ok(cli("diff", "gold", "--json")).json["rows"] == found["rows"]
    assert len(ok(cli("diff", "start", "--json", "--limit", 1)).json["rows"]) == 1
    table = ok(cli("diff", "start")).out
    assert "3 tweets differ between start and now" in table
    assert "to the moon" in table
    assert ok(cli("restore", "start")).out == (
        "3 tweets are as in 'start' again; `workbench undo` takes it back.\n"
    )
    ok(cli("label", 2, "negative"))
    assert ok(cli("restore", "START")).out == (
        "1 tweet is as in 'start' again; `workbench undo` takes it back.\n"
    )
    nothing = cli("restore", "start")
    assert (nothing.status, nothing.out) == (1, "")
    assert "Nothing differs from the snapshot 'start'; nothing was changed." in nothing.err
    ok(cli("undo"))
    ok(cli("undo"))
    assert ok(cli("diff", "start", "--json")).json["tweets"] == 0
    ok(cli("undo"))
    assert ok(cli("diff", "start", "--json")).json["rows"] == found["rows"]
    listed = ok(cli("snapshots", "--json")).json
    assert [row["name"] for row in listed] == ["start"]
    assert "as it came" in ok(cli("snapshots")).out


def test_tweets_imported_in_between_are_counted(filled, cli, write):
    ok(cli("snapshot", "start"))
    ok(cli("import", write("u.csv", "text,label\nsideways again,positive\n")))
    assert ok(cli("diff", "start", "--json")).json["imported"] == 1
    assert "1 tweet is in one of them only" in ok(cli("diff", "start")).out


def test_a_snapshot_that_is_not_there_fails_with_a_sentence(filled, cli):
    result = cli("restore", "nothing")
    assert (result.status, result.out) == (1, "")
    assert result.err == (
        "workbench: There is no snapshot 'nothing'; make one with `workbench snapshot NAME`.\n"
    )
    assert cli("snapshot", "now").status == 2


def test_all_tweets_that_pass_a_filter_are_labelled_as_one_step(filled, cli):
    done = ok(cli("label", "--where", "label:positive id:<3", "negative", "--json")).json
    assert done["tweets"] == [1, 2]
    assert [row["label"] for row in ok(cli("list", "--json")).json] == [
        "negative",
        "negative",
        "positive",
        "negative",
    ]
    ok(cli("undo"))
    assert ok(cli("list", "label:negative", "--json")).json[0]["id"] == 4


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--where", "id:>99", "negative"), 1, "No tweet passes the filter 'id:>99'"),
        (("--where", "id:<3", "bullish"), 2, "'bullish' is not a label"),
        (("--where", "id:<", "negative"), 2, "The filter has"),
        (("1", "--where", "id:<3", "negative"), 2, "either by their ids or with --where"),
        (("negative",), 2, "either by their ids or with --where"),
    ],
)
def test_what_cannot_be_labelled_changes_nothing(arguments, status, sentence, filled, cli):
    before = ok(cli("list", "--jsonl")).out
    result = cli("label", *arguments)
    assert result.status == status
    assert sentence in result.err
    assert ok(cli("list", "--jsonl")).out == before


def test_what_takes_long_shows_how_far_it_is(home, cli, write, monkeypatch):
    rows = "".join(f"tweet number {n}\n" for n in range(MANY))
    ok(cli("import", write("t.csv", "text\n" + rows)))
    assert cli("label", "--where", "", "positive").err == ""
    monkeypatch.setattr(progress, "DELAY_S", 0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = ok(cli("label", "--where", "", "negative", "--json"))
    assert len(json.loads(result.out)["tweets"]) == MANY
    assert "labelling" in result.err
    assert f"/{MANY}" in result.err
    assert "undoing" in ok(cli("undo")).err


def test_agreement_of_two_of_three_and_of_nobody(filled, cli):
    def label(who, *given):
        for number, name in enumerate(given, start=1):
            ok(cli("label", number, name, "--annotator", who))

    nobody = ok(cli("agreement", "--json")).json
    assert nobody["value"] is None
    assert "Nobody has labelled" in nobody["reason"]
    label("ana", "positive", "positive", "negative", "negative")
    assert "Only ana has labelled" in ok(cli("agreement")).out
    label("ben", "positive", "negative", "negative", "negative")
    two = ok(cli("agreement", "--json")).json
    assert (two["measure"], two["n"]) == ("Cohen's kappa", 4)
    assert two["value"] == pytest.approx(0.5)
    assert ok(cli("agreement", "id:<3", "--json")).json["n"] == 2
    three = ok(cli("agreement", "--with-gold", "--json")).json
    assert three["measure"] == "Krippendorff's alpha"
    assert [(pair["a"], pair["b"]) for pair in three["pairs"]] == [
        ("ana", "ben"),
        ("ana", "gold"),
        ("ben", "gold"),
    ]
    plain = ok(cli("agreement", "--with-gold")).out
    assert "Krippendorff's alpha: " in plain
    assert "ana, gold" in plain


def test_the_history_names_both_labels_in_80_columns(filled, cli, monkeypatch):
    monkeypatch.setattr(printing, "console", lambda: Console(width=80, highlight=False))
    cli("label", "1", "negative")
    cli("label", "1", "positive")
    told = " ".join(cli("history", "1").out.split())
    assert "negative → positive" in told and "…" not in told


def test_a_long_word_in_the_last_column_is_folded(monkeypatch, capsys):
    monkeypatch.setattr(printing, "console", lambda: Console(width=30))
    printing.table(None, ("made", "file"), [("today", "/a/" + "x" * 60)])
    assert capsys.readouterr().out.count("x") == 60

"""Commands that list imports, take one back, and delete tweets."""

from __future__ import annotations

import io
import sys

import pytest

CSV = "text,label\nup we go,positive\ndown it goes,negative\nsideways,\n"


@pytest.fixture
def filled(home, cli, tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("text\nsideways\na new one\nanother new one\n")
    for name in ("a.csv", "b.csv"):
        assert cli("import", tmp_path / name).status == 0


def texts(cli, *options):
    return [tweet["text"] for tweet in cli("list", "--json", *options).json]


def test_imports_are_listed_and_taken_back(filled, cli):
    listed = cli("imports", "--json").json
    assert [(one["id"], one["added"]) for one in listed] == [(1, 3), (2, 2)]
    assert {"file", "at", "annotator"} < set(listed[0])
    out = cli("unimport", 2).out
    assert out == "Import 2 is taken back: 2 tweets are gone.\n"
    assert texts(cli) == ["up we go", "down it goes", "sideways"]
    assert [one["id"] for one in cli("imports", "--json").json] == [1]
    assert cli("status", "--json").json["tweets"] == 3
    assert cli("check").status == 0


def test_an_import_that_was_worked_on_stays(filled, cli):
    cli("label", 1, "negative")
    result = cli("unimport", 1)
    assert (result.status, result.out) == (1, "")
    assert "Import 1 stays, as 1 of its tweets" in result.err
    assert len(texts(cli)) == 5


def test_tweets_are_deleted_after_a_question_only(filled, cli):
    result = cli("delete-tweets", 1)
    assert (result.status, result.out) == (2, "")
    assert "add --yes" in result.err
    cli("label", 2, "positive")
    cli("backup")
    out = cli("delete-tweets", 1, 2, "--yes").out
    assert "2 tweets deleted for good (events of the history: 1, predictions: 0)." in out
    assert "Older copies may still hold the texts:" in out
    assert texts(cli) == ["sideways", "a new one", "another new one"]
    assert texts(cli, "down") == []
    assert cli("show", 1).status == 1
    log = cli("history", "--json").json[0]
    assert (log["kind"], log["old"], log["new"]) == ("delete", 2, 0)
    assert "tweets: 2 → 0" in cli("history").out
    assert cli("check").status == 0


@pytest.mark.parametrize(("answer", "left"), [("n", 5), ("y", 3)])
def test_a_terminal_is_asked(answer, left, filled, cli, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    result = cli("delete-tweets", "--where", '"new one"')
    assert "Delete 2 tweets with all that is known of them for good?" in result.out
    assert ("Nothing was changed." in result.out) == (answer == "n")
    assert len(texts(cli)) == left
    alone = cli("delete-tweets", "1", "--json").err
    assert "Delete 1 tweet with all that is known of it for good" in alone


def test_tweets_are_deleted_by_a_filter(filled, cli):
    told = cli("delete-tweets", "--where", '"new one"', "--yes", "--json").json
    assert (told["tweets"], told["events"], told["predictions"]) == (2, 0, 0)
    assert texts(cli) == ["up we go", "down it goes", "sideways"]
    assert cli("delete-tweets", "--where", "nowhere", "--yes").out.startswith("No tweet passes")


@pytest.mark.parametrize("arguments", [(), (1, "--where", "up"), (99, "--yes")])
def test_what_names_no_tweets_is_refused(arguments, filled, cli):
    result = cli("delete-tweets", *arguments)
    assert result.status in (1, 2)
    assert len(texts(cli)) == 5

"""Tweets named by the id that their file gave them."""

from __future__ import annotations

import pytest

IDS = ["2", "1", "007", "two words", 'say "hi"', "ünï-код-🚀", "1050118621198921728", "-5"]
"""The first two are the numbers of one another."""


@pytest.fixture
def filled(home, cli, write):
    rows = (f'"{one.replace(chr(34), chr(34) * 2)}",tweet of {n},A' for n, one in enumerate(IDS, 1))
    path = write("t.csv", "id,text,airline\n" + "\n".join(rows) + "\n")
    assert cli("import", path).status == 0
    return home


def ok(result):
    assert result.status == 0, result.err
    return result


@pytest.mark.parametrize(("number", "external"), list(enumerate(IDS, start=1)))
def test_every_command_takes_the_id_of_the_file(number, external, filled, cli):
    assert ok(cli("show", "--external", external, "--json")).json["id"] == number
    for command, *rest in (("label", "positive"), ("flag",), ("note", "look"), ("keep",)):
        done = ok(cli(command, "--external", external, *rest, "--json")).json
        assert done["tweets"] == [number]
    assert (
        ok(cli("exclude", "--external", external)).out
        == f"Excluded tweet {number} from training.\n"
    )
    assert (
        ok(cli("ambiguous", f"--external={external}")).out
        == f"Marked tweet {number} as ambiguous.\n"
    )
    events = ok(cli("history", "--external", external, "--json")).json
    assert {event["tweet"] for event in events} == {number}
    assert ok(cli("delete-tweets", "--external", external, "--yes", "--json")).json["tweets"] == 1
    assert cli("show", number).status == 1


def test_numbers_and_ids_of_the_file_together_are_one_step(filled, cli):
    done = ok(cli("label", "4", "--external", "2", "--external", "007", "positive", "--json")).json
    assert done["tweets"] == [1, 3, 4]
    ok(cli("undo"))
    assert ok(cli("list", "label:positive", "--json")).json == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("show", "--external", "7"), 1, "No tweet has the id '7' of a file."),
        (("show",), 2, "Name the tweet by its id, or by that of its file (--external ID)."),
        (("show", "1", "--external", "2"), 2, "Name one tweet, by its id or by that of its file"),
        (("history", "1", "--external", "2"), 2, "Name one tweet, by its id or by that"),
        (("label", "--external", "7", "positive"), 1, "No tweet has the id '7' of a file."),
        (("flag", "--external", "2", "--where", "id:1"), 2, "--external ID names one by the id"),
        (("delete-tweets", "--yes"), 2, "those of their file (--external ID), or give --where"),
        (("list", "colour:red"), 2, "source columns: airline) at column 1."),
    ],
)
def test_what_names_no_tweet_is_one_sentence(arguments, status, message, filled, cli):
    result = cli(*arguments)
    assert (result.status, message in result.err) == (status, True), result.err
    assert "Traceback" not in result.err


def test_a_shell_finds_by_id_and_column(filled, cli):
    assert [t["id"] for t in ok(cli("list", 'id:"two words"', "--json")).json] == [4]
    assert [t["id"] for t in ok(cli("list", r'id:"say \"hi\""', "--json")).json] == [5]
    assert len(ok(cli("list", "airline:a -id:>3", "--json")).json) == 3


@pytest.mark.parametrize(
    "command",
    [
        ("list",),
        ("export", "out.csv"),
        ("agreement",),
        ("flag", "--where"),
        ("delete-tweets", "--yes", "--where"),
    ],
)
def test_every_command_with_a_filter_knows_source_columns(command, filled, cli, tmp_path):
    arguments = [tmp_path / one if one == "out.csv" else one for one in command]
    result = cli(*arguments, r'airline:A id:"say \"hi\""')
    assert "Traceback" not in result.err
    assert "no field" not in result.err
    assert result.status == 0 or command == ("agreement",), result.err

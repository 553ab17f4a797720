"""`workbench measure` in sentences and as JSON."""

from __future__ import annotations


def test_an_empty_workspace_has_an_answer(home, cli):
    said = cli("measure").out
    assert "Labelled blind, people agree with the run on - (0 tweets)." in said
    assert "`workbench queue` makes some blind" in said
    assert "No two runs of a kind" in said
    assert cli("measure", "--json").json["gains"] == []

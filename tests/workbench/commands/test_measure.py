"""`workbench measure` in sentences and as JSON."""

from __future__ import annotations


def test_an_empty_workspace_has_an_answer(home, cli):
    said = cli("measure").out
    assert "No tweet was labelled blind yet, suspects aside." in said
    assert "No tweet was labelled with its prediction in view yet, suspects aside." in said
    assert "`workbench queue` makes some blind" in said
    assert "No two runs of a kind" in said
    assert cli("measure", "--json").json["gains"] == []
    card = cli("report").out
    assert (
        "No tweet was labelled blind yet, suspects aside." in card
        and "No suspect was decided yet." in card
    )

"""What the command says of a file whose tweets are there already."""

from __future__ import annotations

import json

import pytest

CSV = "text,label\nup we go,positive\ndown it goes,negative\nsideways,\n"
EDITED = (
    "text,label,split,note\nup we go,negative,test,\ndown it goes,positive,train,\n"
    "sideways,positive,train,odd\n"
)


@pytest.fixture
def filled(home, cli, tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text(EDITED)
    assert cli("import", tmp_path / "a.csv", "--split-as", "train").status == 0
    return tmp_path / "b.csv"


def test_edits_in_a_file_are_told_and_the_last_sentence_says_how_to_take_them(filled, cli):
    lines = cli("import", filled).out.splitlines()
    assert lines[-6:] == [
        "2 tweets have another label in this file (negative in place of positive: 1, positive in "
        "place of negative: 1).",
        "1 tweet has another note in this file.",
        "1 tweet has another split in this file (test in place of train: 1).",
        "1 tweet without a label has the label of this file now.",
        "`workbench undo` takes that back as one step.",
        "What differs stays as it is in the workspace; repeat the import with --update "
        "labels,notes,splits to take what the file says.",
    ]
    told = cli("import", filled, "--json").json["merged"]
    assert [d["kind"] for d in told["differences"]] == ["labels", "notes", "splits"]
    assert told["differences"][0]["tweets"] == 2
    assert told["differences"][0]["changes"][0] == {
        "field": "label",
        "old": "positive",
        "new": "negative",
        "tweets": 1,
    }


def test_an_update_is_told_and_undone_in_one_step(filled, cli):
    before = cli("list", "--json").json
    dry = cli("import", filled, "--update", "labels,splits", "--dry-run").out
    assert "2 tweets would get the label that the file says." in dry
    assert cli("list", "--json").json == before
    out = cli("import", filled, "--update", "labels,splits").out
    assert "2 tweets got the label that the file says." in out
    assert "1 tweet got the split (with all of its group) that the file says." in out
    assert out.splitlines()[-1].startswith("What differs stays as it is in the workspace")
    assert "--update notes to" in out
    assert [t["label"] for t in cli("list", "--json").json] == ["negative", "positive", "positive"]
    assert cli("undo").status == 0
    assert cli("list", "--json").json == before


def test_a_kind_that_is_none_is_refused(filled, cli):
    result = cli("import", filled, "--update", "labels,texts")
    assert (result.status, result.out) == (2, "")
    assert "--update knows labels, flags, notes, splits, not 'texts'" in result.err


def test_a_file_without_edits_says_nothing_of_them(home, cli, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in ("one text", "another")))
    cli("import", path)
    assert cli("import", path).out.splitlines()[-1] == "2 rows read, 0 added, 2 there already."

"""The command `labels`: what there is, what it means, and what changes it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest


@pytest.fixture
def labels(cli, small):
    """Runs `labels …` on a small workspace."""

    def run(*arguments):
        return cli("-w", small.folder, *arguments)

    return run


def test_labels_are_listed_with_their_counts_and_what_they_mean(labels, small):
    text = (small.folder / "workbench.toml").read_text()
    text = text.replace("[definitions]", '[definitions]\npositive = "Expects a gain."\nodd = "No."')
    text = text.replace("[examples]", '[examples]\npositive = ["to the moon"]')
    (small.folder / "workbench.toml").write_text(text)
    shown = labels("labels")
    assert "Expects a gain. “to the moon”" in shown.out
    assert "'odd' means, which is no label" in shown.err
    [first, second] = labels("labels", "--json").json
    assert first["definition"] == "Expects a gain."
    assert first["examples"] == ["to the moon"]
    assert second["label"] == "negative"
    assert first["tweets"] + second["tweets"] > 0


def test_a_rename_is_said_and_taken_back(labels):
    assert labels("labels", "rename", "negative", "bearish").out == (
        "'negative' is called 'bearish' (`workbench undo` takes it back).\n"
    )
    assert "'bearish' is called 'negative'." in labels("undo").out
    assert "'negative' is called 'bearish'." in labels("redo").out
    entry = labels("history", "--json", "--limit", "1").json[0]
    assert (entry["field"], entry["old"], entry["new"]) == ("labels", "negative", "bearish")


def test_a_merge_says_how_many_tweets_it_is_about(labels):
    labels("labels", "add", "bad")
    shown = labels("labels", "merge", "negative", "bad").out
    assert shown.startswith("'negative' became 'bad'; ")
    assert labels("labels", "--json").json[1]["label"] == "bad"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rename", "negative", "Positive"), "given twice"),
        (("rename", "odd", "even"), "'odd' is not a label"),
        (("merge", "negative"), "last the one that they become"),
        (("merge", "negative", "negative"), "one label already"),
        (("remove", "negative"), "workbench labels merge"),
        (("add", "n\u0435gative"), "look alike"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(labels, arguments, said):
    failed = labels("labels", *arguments)
    assert failed.status in (1, 2)
    assert said in failed.err


def test_differences_and_restored_snapshots_say_what_became_of_the_labels(labels):
    labels("snapshot", "before")
    labels("labels", "rename", "negative", "bearish")
    labels("label", "1", "bearish")
    assert "Between them 'negative' was renamed 'bearish'." in labels("diff", "before").out
    assert "'negative' was renamed 'bearish'" in labels("restore", "before").out


@pytest.fixture
def meant(small):
    """What labels mean, in the settings of the small workspace."""
    path = small.folder / "workbench.toml"
    text = path.read_text().replace(
        "[definitions]", '[definitions]\nnegative = "Expects a \\"loss\\" & says so."'
    )
    path.write_text(text.replace("[examples]", '[examples]\npositive = ["to the moon"]'))


@pytest.mark.usefixtures("meant")
def test_other_programs_are_told_what_labels_mean(labels):
    view = ElementTree.fromstring(labels("labels", "--for", "labelstudio").out)
    choices = {choice.get("value"): choice.get("hint") for choice in view.iter("Choice")}
    assert choices == {"positive": "to the moon", "negative": 'Expects a "loss" & says so.'}
    told = labels("labels", "--for", "argilla").json
    assert "**positive**: “to the moon”" in told["guidelines"]
    options = told["questions"][0]["settings"]["options"]
    assert [option["value"] for option in options] == ["positive", "negative"]


@pytest.mark.usefixtures("meant")
@pytest.mark.parametrize("name", ["out.parquet", "folder"])
def test_exports_carry_what_labels_mean(labels, cli, tmp_path, name):
    form = ("--format", "datasets") if name == "folder" else ()
    labels("export", tmp_path / name, *form)
    there = tmp_path / "there"
    cli("init", there)
    assert "What 2 labels mean" in cli("-w", there, "import", tmp_path / name).out
    entries = {entry["label"]: entry for entry in cli("-w", there, "labels", "--json").json}
    assert entries["negative"]["definition"] == 'Expects a "loss" & says so.'
    assert entries["positive"]["examples"] == ["to the moon"]
    assert "labels mean" not in cli("-w", there, "import", tmp_path / name).out


@pytest.mark.parametrize(
    "changes",
    [
        [("rename", "negative", "bearish")],
        [("add", "bad"), ("merge", "negative", "bad")],
        [("rename", "negative", "bad"), ("rename", "positive", "good"), ("add", "mixed")],
    ],
)
def test_a_backup_that_is_restored_brings_its_labels_along(changes, labels, small, tmp_path):
    small.close()
    before, toml = labels("labels", "--json").json, small.folder / "workbench.toml"
    labels("backup", tmp_path / "copy.db")
    for change in changes:
        labels("labels", *change)
    after = labels("labels", "--json").json
    labels("restore-backup", tmp_path / "copy.db", "--yes")
    assert labels("labels", "--json").json == before
    [replaced] = small.folder.glob("workbench.db.replaced-*")
    labels("restore-backup", replaced, "--yes")
    assert labels("labels", "--json").json == after
    assert "bearish" in toml.read_text() or "bad" in toml.read_text()
    assert labels("check").status == 0

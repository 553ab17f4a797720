"""How often an answer flips after changes that should not matter, by command."""

from __future__ import annotations


def test_a_baseline_is_asked_about_changed_tweets(trained, cli):
    found = cli("invariance", "--sample", "20", "--json").json
    assert (found["run"], found["n"]) == (1, 20)
    by_change = {each["change"]: each for each in found["changes"]}
    assert by_change["exclamation marks"]["n"] == 20
    for each in found["changes"]:
        assert len(each["flips"]) == each["flipped"] <= each["n"]
        for flip in each["flips"]:
            assert flip["before"] != flip["after"]
            asked = cli("classify", flip["text"], "--run", "1", "--json").json
            assert asked["label"] == flip["after"]
    assert cli("invariance", "--sample", "20", "--json").json == found
    assert "exclamation marks" in cli("invariance", "--sample", "5").out

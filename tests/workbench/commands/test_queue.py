"""`workbench queue`, and labels that say which queue they came from."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def half(home, cli, write):
    """Sixteen tweets, of which four have a label."""
    metals = ("oil", "gold", "tin", "zinc")
    texts = [f"{metal} is {how}" for metal in metals for how in ("up", "down", "flat", "odd")]
    labels = ["positive", "negative", "positive", "negative", *[None] * 12]
    rows = [
        {"text": text, "label": label, "split": "train"}
        for text, label in zip(texts, labels, strict=True)
    ]
    path = write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert cli("import", path).status == 0
    return home


def test_a_queue_is_a_list_of_tweets_with_rank_score_and_source(half, cli):
    found = cli("queue", "--limit", 6, "--json")
    assert [row["rank"] for row in found.json] == [1, 2, 3, 4, 5, 6]
    assert {row["source"] for row in found.json} == {"diverse", "random"}
    assert all(row["label"] is None and 0 <= row["score"] <= 1 for row in found.json)
    assert "a baseline was fitted on 4 tweets" in found.err
    table = cli("queue", "--strategy", "random", "--limit", 3)
    assert "3 of 12 without a label." in table.out
    assert "`workbench label ID LABEL --queue random`" in table.out


def test_tweets_that_have_a_label_are_not_counted_as_without_one(half, cli):
    assert cli("suspects").status == 0
    left = [str(row["id"]) for row in cli("list", "label:none", "--json").json]
    assert cli("label", *left, "positive").status == 0
    said = cli("queue", "--limit", 3).out
    assert "No tweet is without a label; 3 to look at again." in said


def test_a_label_keeps_the_queue_it_came_from(half, cli):
    first = cli("queue", "--strategy", "margin", "--json").json[0]
    assert cli("label", first["id"], "positive", "--queue", "margin").status == 0
    event = cli("history", first["id"], "--json").json[-1]
    assert (event["queue"], event["source"], event["blind"]) == ("margin", "margin", False)
    assert first["id"] not in [
        row["id"] for row in cli("queue", "--strategy", "margin", "--json").json
    ]
    refused = cli("label", 1, "positive", "--queue", "margin")
    assert refused.status == 2
    assert "Tweet 1 is not in the queue 'margin'" in refused.err
    both = cli("label", first["id"], first["id"] + 1, "positive", "--queue", "margin")
    assert "--queue is kept with the label of one tweet" in both.err


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("diverse", "'diverse' is not a share of a mix"),
        ("other=3", "'other=3' is not a share of a mix"),
        ("diverse=-1", "'diverse=-1' is not a share of a mix"),
        ("diverse=0,random=0", "The shares of a mix are all 0"),
    ],
)
def test_wrong_weights_are_one_sentence(half, cli, weights, said):
    found = cli("queue", "--weights", weights)
    assert found.status == 2
    assert said in found.err


def test_weights_choose_the_sources(half, cli):
    rows = cli("queue", "--weights", "random=1,cover=1", "--limit", 4, "--json").json
    assert [row["source"] for row in rows].count("cover") == 2


def test_the_stop_signal_alone(half, cli):
    assert cli("queue", "--stop").out.startswith("Whether more labels change anything is known")
    assert cli("queue", "--stop", "--json").json["agreement"] is None


def test_the_choices_of_the_command_are_the_strategies_that_there_are():
    from workbench.commands.queue import STRATEGIES
    from workbench.evaluation import label_next

    assert STRATEGIES == label_next.STRATEGIES

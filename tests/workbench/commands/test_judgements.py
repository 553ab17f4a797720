"""What the commands say of tweets that several annotators have judged."""

from __future__ import annotations

ROWS = "1,w1,up we go,positive\n1,w2,up we go,negative\n1,w2,down it goes,negative\n"


def test_ties_are_listed_until_somebody_decides(home, cli, tmp_path):
    (tmp_path / "crowd.csv").write_text("id,who,text,label\n" + ROWS)
    result = cli("import", tmp_path / "crowd.csv", "--annotator-column", "who")
    assert "1 tweet has several judgements; 1 is tied and has no label" in result.out
    assert "3 rows read, 2 added, 0 there already, 1 further judgement.\n" in result.out
    assert "w1: positive, w2: negative" in cli("conflicts").out
    (tie,) = cli("conflicts", "--json").json
    assert (tie["tweets"], tie["judgements"]) == ([1], {"w1": "positive", "w2": "negative"})
    (tweet,) = cli("list", "conflict:yes", "--json").json
    assert (tweet["id"], tweet["label"]) == (1, None)
    assert cli("list", "--sort", "adjudicate", "--json").json[0] == tweet
    assert cli("agreement", "--json").json["annotators"]["w2"]["negative"] == 2
    assert cli("status", "--json").json["conflicts"] == 1
    cli("label", 1, "positive")
    assert cli("conflicts", "--json").json == cli("list", "conflict:yes", "--json").json == []
    assert cli("check").status == 0

"""The command suspects makes what it needs, and says why and how often it was right."""

from __future__ import annotations

import json


def test_without_any_run_a_baseline_is_made_and_ranks(home, cli, write, forked):
    words = ("gains at", "profit of"), ("losses of", "default at")
    rows = [
        {
            "text": f"{words[n % 2][n % 3 == 0]} company {n}",
            "label": ["positive", "negative"][n % 2],
        }
        for n in range(40)
    ]
    rows[6]["label"] = "negative"
    file = write("a.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    assert cli("import", file).status == 0
    refused = cli("suspects", "--no-baseline")
    assert refused.status == 1 and "There is no finished baseline run yet" in refused.err
    done = cli("suspects", "--json")
    assert done.status == 0, done.err
    assert "Run 1 (baseline) makes the predictions that this needs." in done.err
    first = done.json[0]
    assert (first["id"], first["source"], first["run"]) == (7, "run 1 baseline", 1)
    assert first["reason"].startswith("positive by ")
    assert {one["label"] for one in first["neighbours"]} == {"positive"}
    assert {one["voter"] for one in first["opinions"]} == {"run 1 baseline", "similar texts"}
    assert (first["precision"]["reviewed"], first["precision"]["share"]) == (0, None)
    assert cli("label", 7, "positive", "--queue", "suspects").status == 0
    told = cli("suspects", "--limit", "1").out
    assert "1 of the last 1 that were reviewed were wrong: 100.0 % [20.7, 100.0]." in told
    assert "By run 1 baseline, similar texts." in told and "nearest: #" in told
    assert len(cli("suspects", "--limit", "1", "--no-why").out.splitlines()) == 3
    assert len(cli("runs", "--json").json) == 1


def test_what_no_baseline_can_learn_from_is_one_sentence_and_no_run(home, cli, write):
    for number, (rows, said) in enumerate(
        (
            ("", "No training tweet carries a label yet"),
            ("up,positive\ndown,positive\nflat,positive\n", "too few for suspects (3 positive)"),
            ("bear,negative\n", "(3 positive, 1 negative): two labels are needed"),
        )
    ):
        if rows:
            more = write(
                f"{number}.csv", f"text,label,split\n{rows.replace(chr(10), ',train' + chr(10))}"
            )
            assert cli("import", more).status == 0
        done = cli("suspects")
        assert done.status == 1 and said in done.err and done.err.count("\n") == 1, done.err
    assert cli("runs", "--json").json == []

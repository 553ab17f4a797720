"""Predictions of another model by command: a run like others, without a model."""

from __future__ import annotations

import json
import shutil

import pytest

from storage.runs.predictions import predictions_of
from storage.store import open_store

TEXTS = [f"tweet number {n}" for n in range(12)]
LABELS = ["positive" if n % 2 else "negative" for n in range(12)]
SPLITS = ["test" if n < 4 else "train" for n in range(12)]


@pytest.fixture
def filled(home, cli, write):
    """Twelve tweets with ids from t0 on, the first four of the test split."""
    rows = [
        {"id": f"t{n}", "text": TEXTS[n], "label": LABELS[n], "split": SPLITS[n]} for n in range(12)
    ]
    assert cli("import", write("t.json", json.dumps(rows))).status == 0
    return home


@pytest.fixture
def bring(cli, write):
    """Import rows as predictions, under a name of their own."""
    names = iter(range(99))

    def run(rows, *options, name=None):
        path = write("p.jsonl", "\n".join(map(json.dumps, rows)))
        return cli("import-predictions", path, "--run", name or f"r{next(names)}", *options)

    return run


def right(n, sure=0.9):
    """A prediction of tweet n that is right."""
    up = sure if LABELS[n] == "positive" else 1 - sure
    return {"positive": up, "negative": 1 - up}


def one_sentence(result, status=1):
    assert result.status == status, (result.out, result.err)
    (line,) = result.err.splitlines()
    return line


def test_imported_predictions_count_like_a_run(filled, cli, bring):
    rows = [{"id": f"t{n}", **right(n)} for n in range(12)]
    rows[0] |= {"positive": 0.9, "negative": 0.1}  # a wrong one
    found = bring(rows, "--json", name="other model").json
    assert (found["run"], found["matched"], found["unmatched"]) == (1, {"id": 12}, 0)
    assert (found["predictions"], found["out_of_sample"]) == (12, 4)
    (run,) = cli("runs", "--json").json
    assert (run["kind"], run["recipe"], run["state"]) == ("imported", "other model", "done")
    assert list(run["metrics"]) == ["test"]
    assert cli("evaluate", "1", "--json").json["accuracy"] == 0.75
    assert cli("suspects", "--run", "1", "--json").json[0]["id"] == 1
    assert [t["id"] for t in cli("list", "run:1 pred:positive label:negative", "--json").json] == [
        1
    ]
    shown = cli("show", "5", "--json").json
    assert (shown["pred"], shown["in_sample"], shown["run"]) == ("negative", True, 1)
    again = bring(
        [{"id": f"t{n}", **right(n)} for n in range(12)], "--out-of-sample", "--json"
    ).json
    assert again["out_of_sample"] == 12
    compared = cli("compare", "1", "2", "--json").json
    assert (compared["n"], compared["mcnemar"]["fixed"]) == (4, 1)
    assert list(cli("runs", "--json").json[0]["metrics"]) == ["test", "train"]
    assert cli("promote", "2").status == 0


def test_runs_with_out_of_sample_predictions_rank_the_suspects_together(filled, cli, bring):
    wrong = {n: {"positive": 0.5, "negative": 0.5} for n in range(12)}
    bring([{"id": f"t{n}", **wrong[n]} for n in range(12)], "--out-of-sample", name="says nothing")
    seven = [{"id": f"t{n}", **right(n, 0.05 if n == 5 else 0.9)} for n in range(7)]
    bring(seven, "--out-of-sample", name="half")
    bring([{"id": "t3", **right(3, 0.01)}], "--out-of-sample", name="few")
    assert cli("promote", "1").status == 0
    ranked = cli("suspects", "--json").json
    assert {row["source"] for row in ranked} == {"run 1 says nothing, run 2 half"}
    assert (len(ranked), ranked[0]["id"]) == (12, 6)
    alone = cli("suspects", "--run", "2", "--json").json
    assert ({row["source"] for row in alone}, len(alone)) == ({"run 2 half"}, 7)


def test_a_deleted_one_comes_back_and_moves_to_another_workspace(filled, cli, bring, tmp_path):
    bring([{"id": f"t{n}", **right(n)} for n in range(12)], name="gpt")
    assert cli("delete", "1", "--yes").status == 0
    said = one_sentence(bring([{"id": "t1", **right(1)}], name="gpt"))
    assert "Run 1 in the trash is called 'gpt' already" in said
    assert "Run 1 is back (done, 12 predictions)" in cli("undelete", "1").out
    other = tmp_path / "other"
    shutil.copytree(filled, other)
    assert cli("-w", other, "delete", "1", "--yes").status == 0
    shutil.rmtree(other / "runs" / ".trash")
    shutil.copytree(filled / "runs" / "1", other / "runs" / "1")
    assert cli("-w", other, "runs", "--json").json[0]["predictions"] == 12


@pytest.mark.parametrize(
    "command",
    [
        ("clone", "1"),
        ("resume", "1"),
        ("logs", "1"),
        ("stop", "1"),
        ("classify", "up", "--run", "1"),
        ("export-adapter", "1", "out"),
        ("predict", "--run", "1"),
    ],
)
def test_what_needs_a_model_is_one_sentence(command, filled, cli, bring):
    bring([{"id": "t1", **right(1)}], name="gpt")
    said = one_sentence(cli(*command))
    assert "Run 1 (gpt) came with `workbench import-predictions`" in said or command[0] == "stop"


def test_rows_are_matched_by_id_by_number_and_by_text(filled, cli, bring, tmp_path):
    rows = [
        {"id": "t3", "text": TEXTS[3], **right(3)},
        {"id": "t9", "text": TEXTS[8], **right(8)},
        {"id": "77", "text": TEXTS[5].upper(), **right(5)},
        {"id": "none", "text": "no such tweet", **right(0)},
        {"id": "t1", "text": "something else", **right(0)},
    ]
    found = bring(rows, "--json").json
    assert (found["matched"], found["unmatched"]) == ({"id": 1, "text": 2}, 2)
    assert found["unmatched_rows"] == [
        "record 4: id 'none', text 'no such tweet'",
        "record 5: the tweet with the id 't1' has another text",
    ]
    store = open_store(filled)
    assert [row.tweet for row in predictions_of(store, 1)] == [4, 6, 9]
    store.close()
    path = tmp_path / "export.jsonl"
    cli("export", path)
    exported = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [{**row, "external_id": None, **right(n)} for n, row in enumerate(exported)]
    assert bring(rows, "--json").json["matched"] == {"number": 12}
    assert bring([{"id": n + 1, "text": TEXTS[n], **right(n)} for n in range(5)], "--json").json[
        "matched"
    ] == {"number": 5}
    assert "is about no tweet of this workspace" in one_sentence(bring([{"id": 3, **right(2)}]))


def test_equal_texts_are_told_apart_by_their_order(home, cli, write, bring):
    texts = ["twice", "twice", "once", "twice"]
    cli(
        "import",
        write(
            "t.json",
            json.dumps(
                [{"text": t, "label": "positive"} for t in texts]
                + [{"text": "other", "label": "negative"}]
            ),
        ),
    )

    def told(rows):
        found = bring(rows, "--json").json
        store = open_store(home)
        shown = {p.tweet: round(p.probabilities[0], 2) for p in predictions_of(store, found["run"])}
        store.close()
        return shown, found["repeated"]

    def row(text, up):
        return {"text": text, "p_positive": up, "p_negative": 1 - up}

    assert told([row("twice", 0.7)]) == ({1: 0.7, 2: 0.7, 4: 0.7}, 0)
    three = [row("twice", 0.7), row("once", 0.5), row("twice", 0.8), row("twice", 0.9)]
    assert told(three) == ({1: 0.7, 2: 0.8, 3: 0.5, 4: 0.9}, 0)
    assert told([row("twice", 0.7)] * 5) == ({1: 0.7, 2: 0.7, 4: 0.7}, 2)
    said = one_sentence(bring([*three, row("twice", 0.1)]))
    assert "p.jsonl, record 5, line 5: it says otherwise of tweet 4 than a row before" in said


def test_a_tweet_may_come_twice_if_both_rows_say_the_same(filled, bring):
    rows = [{"id": "t1", **right(1)}] * 2
    assert bring(rows, "--json").json["repeated"] == 1
    said = one_sentence(bring([*rows, {"id": "t1", **right(1, 0.8)}]))
    assert "record 3, line 3: it says otherwise of tweet 2" in said


def test_a_wrong_row_leaves_nothing_behind(filled, cli, bring):
    rows = [{"id": f"t{n}", **right(n)} for n in range(12)]
    rows[9]["positive"] = 0.5
    assert "record 10, line 10: the probabilities 0.5, 0.1 add up to 0.6" in one_sentence(
        bring(rows)
    )
    assert cli("runs", "--json").json == []
    assert [
        path.name for path in (filled / "runs").iterdir() if path.name != ".collecting.lock"
    ] == []


def test_labels_alone_are_marked(home, cli, write, bring, monkeypatch):
    labels = ["up", "down", "flat"]
    rows = [{"text": TEXTS[n], "label": labels[n % 3], "split": "test"} for n in range(6)]
    other = home.parent / "other"
    cli("-w", other, "import", write("t.json", json.dumps(rows)))
    monkeypatch.setenv("WORKBENCH_HOME", str(other))
    said = bring([{"text": TEXTS[n], "pred": labels[n % 3]} for n in range(6)])
    assert "labels without confidences; each counts as certain" in said.out
    (run,) = cli("runs", "--json").json
    assert run["reason"].startswith("Only labels came with their confidences")
    assert run["metrics"]["test"]["accuracy"] == 1


@pytest.mark.parametrize("name", ["7", "", "x" * 61, "a\nb"])
def test_a_run_needs_a_name(name, filled, bring, cli, write):
    path = write("p.jsonl", json.dumps({"id": "t1", **right(1)}))
    one_sentence(cli("import-predictions", path, "--run", name), 2)

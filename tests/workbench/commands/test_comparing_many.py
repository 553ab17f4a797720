"""Several runs side by side, by command."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from storage.store import open_store
from workbench.recipes import recipes
from workbench.rundir import folder as run_folder


@pytest.fixture
def bring(home, cli, write):
    """Imports 100 test tweets; makes runs that are right on some of them."""
    lines = [
        {"id": f"t{n}", "text": f"tweet {n}", "label": "positive", "split": "test"}
        for n in range(99)
    ] + [{"id": "t99", "text": "tweet 99", "label": "negative", "split": "test"}]
    assert cli("import", write("t.jsonl", "\n".join(map(json.dumps, lines)))).status == 0
    names = iter(range(9))

    def run(right, covers=lambda n: True):
        said = [
            {
                "id": f"t{n}",
                "positive": 0.9 if right(n) else 0.1,
                "negative": 0.1 if right(n) else 0.9,
            }
            for n in range(100)
            if covers(n)
        ]
        path = write("p.jsonl", "\n".join(map(json.dumps, said)))
        return cli("import-predictions", path, "--run", f"r{next(names)}", "--json").json["run"]

    return run


def test_three_runs_are_set_against_the_promoted_one(bring, cli):
    first, second = bring(lambda n: n < 90), bring(lambda n: n < 50)
    half = bring(lambda n: n < 80, covers=lambda n: n % 2 == 0)
    assert cli("promote", second).status == 0
    board = cli("compare", first, second, half, "--json").json
    assert (board["reference"], [row["run"] for row in board["rows"]]) == (
        second,
        [second, first, half],
    )
    rows = {row["run"]: row for row in board["rows"]}
    assert (rows[first]["n"], rows[half]["n"]) == (100, 50)
    # tweets 50 to 89 are right now, and the last one, negative, was and is right
    assert rows[first]["difference"]["accuracy"] == pytest.approx(0.4)
    assert rows[first]["p"] == pytest.approx(2 * 0.5**40)
    assert rows[second]["difference"]["accuracy"] == 0
    assert board["settings"] == ["recipe"]
    assert (board["untuned"], board["advice"]) == (None, None)  # no run here has a base
    said = cli("compare", first, second, half)
    assert said.status == 0 and "+40.0 points" in said.out


def test_settings_that_differ_and_the_untuned_base_have_their_place(bring, cli, home):
    numbers = [bring(lambda n: True) for _ in range(4)]
    kinds = ("qlora", "qlora", "qlora", "predict")
    with closing(open_store(home, "ana")) as store:
        for number, kind, r in zip(numbers, kinds, (4, 8, 4, 4), strict=True):
            file = store.run_folder(number) / run_folder.JOB
            recipe = recipes.load("tiny", (f"lora.r={r}",)).as_json()
            job = json.loads(file.read_text("utf-8"))
            file.write_text(json.dumps(job | {"base": "some-base", "recipe": recipe}), "utf-8")
            store.db.execute(
                "UPDATE runs SET kind = ?, base = 'some-base' WHERE id = ?", [kind, number]
            )
    board = cli("compare", *numbers[:3], "--json").json
    assert (board["untuned"], board["advice"]) == (numbers[3], None)
    assert board["settings"] == ["lora.r"]
    assert [row["settings"]["lora.r"] for row in board["rows"]] == [4, 8, 4, 4]
    assert cli("delete", numbers[3], "--yes").status == 0
    said = cli("compare", *numbers[:3]).out
    assert '`workbench predict --base some-base "split:test" --wait` adds what' in said


def test_a_run_without_predictions_has_the_reason_in_its_row(bring, cli):
    runs = [bring(lambda n: True), bring(lambda n: True)]
    missing = bring(lambda n: True, covers=lambda n: n == 3)
    assert cli("exclude", "4").status == 0
    board = cli("compare", *runs, missing, "--json").json
    reasons = [row["reason"] for row in board["rows"]]
    assert reasons[:2] == [None, None] and f"Run {missing} has no predictions" in reasons[2]
    assert board["rows"][2]["accuracy"] is None
    assert f"Run {missing} has no predictions" in cli("compare", *runs, missing).out
    assert cli("promote", missing).status == 0
    assert cli("compare", *runs, "--table", "--json").json["reference"] == runs[0]
    failed = cli("compare", missing, "--table")
    assert failed.status == 1 and f"Run {missing} has no predictions" in failed.err

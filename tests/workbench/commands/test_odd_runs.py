"""Runs and labels that nothing can be told from: a defined answer, or one clear sentence."""

from __future__ import annotations

import json
import random

import pytest

NAMES = tuple(f"label {n}" for n in range(40))


def rows_of(n, labels, split="test"):
    """So many tweets that take the labels in turn; None is none."""
    return [
        {"id": f"t{place}", "text": f"word{place % 7} tweet {place}", "split": split}
        | ({} if label is None else {"label": label})
        for place in range(n)
        for label in [labels[place % len(labels)]]
    ]


def said_of(rows, labels=("positive", "negative"), probability=None, seed=0):
    """Predictions of rows: of one label by lot, or always the same."""
    rng = random.Random(seed)
    found = []
    for row in rows:
        shares = [rng.random() if probability is None else probability for _ in labels]
        if probability is not None:
            shares = [probability, *[(1 - probability) / (len(labels) - 1)] * (len(labels) - 1)]
        found.append(
            {"id": row["id"]} | {k: v / sum(shares) for k, v in zip(labels, shares, strict=True)}
        )
    return found


POLES = ("positive", "negative")
TWO = rows_of(60, POLES)
CASES = {
    "one class only": (rows_of(60, POLES[:1]), said_of(TWO), said_of(TWO, seed=1)),
    "three tweets": (TWO[:3], said_of(TWO[:3]), said_of(TWO[:3], seed=1)),
    "one tweet": (TWO[:1], said_of(TWO[:1]), said_of(TWO[:1], seed=1)),
    "all predictions equal": (TWO, said_of(TWO, probability=0.5), said_of(TWO, probability=1.0)),
    "no labels": (rows_of(60, (None,)), said_of(TWO), said_of(TWO, seed=1)),
    "a run that covers half": (TWO, said_of(TWO), said_of(TWO[:30], seed=1)),
    "runs that share nothing": (TWO, said_of(TWO[:30]), said_of(TWO[30:], seed=1)),
    "labels without tweets": (
        rows_of(60, POLES),
        said_of(TWO, (*POLES, "other", "none of these")),
        said_of(TWO, (*POLES, "other", "none of these"), seed=1),
    ),
    "40 labels": (
        rows_of(200, NAMES),
        *(said_of(rows_of(200, NAMES), NAMES, seed=s) for s in (0, 1)),
    ),
}
COMMANDS = (
    ("evaluate", "1"),
    ("slices", "1"),
    ("slices", "2", "--versus", "1"),
    ("calibration", "1"),
    ("calibration", "2", "--bins", "100"),
    ("coverage", "2", "--accuracy", "1"),
    ("compare", "1", "2"),
    ("compare", "1", "2", "--table"),
    ("diagnose", "2"),
    ("invariance", "1"),
    ("dynamics", "1"),
    ("why", "1", "--run", "1"),
    ("measure",),
    ("report",),
)


@pytest.mark.parametrize("case", CASES)
def test_every_analysis_answers_or_says_why_not(case, cli, tmp_path, monkeypatch, write):
    rows, *predictions = CASES[case]
    home = tmp_path / "home"
    labels = ",".join(name for name in predictions[0][0] if name != "id")
    assert cli("init", home, "--labels", labels).status == 0
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    assert cli("import", write("t.jsonl", "\n".join(map(json.dumps, rows)))).status == 0
    for number, said in enumerate(predictions):
        path = write("p.jsonl", "\n".join(map(json.dumps, said)))
        done = cli("import-predictions", path, "--run", f"r{number}")
        assert done.status == 0, done.err
    for command in COMMANDS:
        for form in ((), ("--json",)):
            done = cli(*command, *form)
            assert done.status in (0, 1), (command, done.err)
            if done.status:
                assert done.err.startswith("workbench: ") and done.err.count("\n") == 1, done.err
                assert "Traceback" not in done.err
            else:
                assert "nan" not in done.out.lower().split(), (command, done.out)

"""Kinds of tweets on which a run errs, by command, and what it fixes or breaks."""

from __future__ import annotations

import json
import random

import pytest


@pytest.fixture
def bring(home, cli, write):
    """Imports 600 test tweets; gives what makes a run that errs on some of them."""
    rng = random.Random(4)
    words = ["alpha", "beta", "gamma", "delta", "omega"]
    texts = [f"tweet {n} {' '.join(rng.sample(words, 2))}" for n in range(600)]
    labels = ["positive" if rng.random() < 0.5 else "negative" for _ in texts]
    lines = [
        {"id": f"t{n}", "text": text, "label": label, "split": "test", "source": "ab"[n % 2]}
        for n, (text, label) in enumerate(zip(texts, labels, strict=True))
    ]
    assert cli("import", write("t.jsonl", "\n".join(map(json.dumps, lines)))).status == 0
    names = iter(range(9))

    def run(errs, covers=lambda n: True):
        said = [
            {"id": f"t{n}", "positive": p, "negative": 1 - p}
            for n, (text, label) in enumerate(zip(texts, labels, strict=True))
            if covers(n)
            for p in [0.9 if (label == "positive") != errs(n, text) else 0.1]
        ]
        path = write("p.jsonl", "\n".join(map(json.dumps, said)))
        return cli("import-predictions", path, "--run", f"r{next(names)}", "--json").json["run"]

    return run


def by_word(word, seed=1):
    rng = random.Random(seed)
    return lambda n, text: rng.random() < (0.6 if word in text else 0.1)


def test_the_kind_of_tweets_that_a_run_errs_on_is_found_and_listed(bring, cli):
    run = bring(by_word("gamma", 2))
    found = cli("slices", run, "--json").json
    assert [each["name"] for each in found["slices"]] == ["has “gamma”"]
    (worst,) = found["slices"]
    assert worst["low"] > found["events"] / found["n"]
    listed = cli("list", worst["filter"], "--json").json
    assert len(listed) == worst["n"]
    wrong = {tweet["id"] for tweet in listed if tweet["pred"] != tweet["label"]}
    assert wrong == set(worst["tweets"]) and len(wrong) == worst["events"]
    said = cli("slices", run)
    assert "has “gamma”" in said.out and said.status == 0


def test_what_another_run_breaks_and_fixes_has_slices_too(bring, cli):
    first, second = bring(by_word("gamma")), bring(by_word("delta", 2))
    found = cli("slices", second, "--versus", first, "--json").json
    assert [each["name"] for each in found["broken"]["slices"]][:1] == ["has “delta”"]
    compared = cli("compare", first, second, "--json").json["mcnemar"]
    assert found["broken"]["events"] == compared["broken"]
    assert found["fixed"]["events"] == compared["fixed"]
    assert "broken, of" in cli("slices", second, "--versus", first).out
    assert cli("slices", second, "--versus", second).status == 2


def test_a_source_column_is_a_condition(bring, cli):
    rng = random.Random(3)
    run = bring(lambda n, text: rng.random() < (0.5 if n % 2 else 0.1))
    (worst,) = cli("slices", run, "--json").json["slices"]
    assert worst["name"] == "source = b"
    assert len(cli("list", worst["filter"], "--json").json) == worst["n"] == 300


def test_without_errors_or_with_few_tweets_it_says_why_there_is_nothing(bring, cli):
    right = bring(lambda n, text: False)
    found = cli("slices", right, "--json").json
    assert (found["slices"], found["reason"]) == ([], "it happens to no tweet")
    few = bring(lambda n, text: n == 1, covers=lambda n: n < 3)
    assert "3 tweets are too few for slices; 40 are needed" in cli("slices", few).out
    half = bring(by_word("beta"), covers=lambda n: n % 2 == 0)
    assert cli("slices", half, "--json").json["n"] == 300
    apart = bring(lambda n, text: False, covers=lambda n: n > 10)
    failed = cli("slices", few, "--versus", apart)
    assert failed.status == 1 and "both predicted" in failed.err

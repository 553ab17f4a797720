"""`doctor --base`, and what `train` and its dry run say of a base before anything is loaded."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from storage import config
from storage.errors import UserError
from workbench.planning.base_facts import notable_facts
from workbench.recipes import recipes

pytestmark = pytest.mark.models


@pytest.fixture
def base(repository, tmp_path):
    return shutil.copytree(repository / "sample_data" / "base", tmp_path / "base")


def change_config(base, **values):
    path = base / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_doctor_lists_what_is_known_of_a_base(small, cli, base):
    found = cli("-w", small.folder, "doctor", "--base", base, "--load", "--json").json
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert {fact["verdict"] for fact in found["facts"]} == {"ok"}
    assert {"files", "vocabulary", "positions", "tokenizer", "causal", "packing"} <= facts.keys()
    assert facts["4-bit"]["text"] == "16 of 16 linear layers"
    positive = found["words"][0]
    assert (positive["label"], positive["word"]) == ("positive", "Positive")
    assert "".join(positive["tokens"]) == " Positive" and len(positive["ids"]) == 1
    told = cli("-w", small.folder, "doctor", "--base", base).out
    assert "' Negative'" in told and "can be told apart" in told


def test_doctor_says_why_a_base_is_refused(small, cli, base):
    change_config(base, vocab_size=4096)
    done = cli("-w", small.folder, "doctor", "--base", base)
    assert done.status == 1 and "refused" in done.out and "copy both from the same" in done.out
    long_word = {"positive": " ".join(["ab cd"] * 100)}
    config.save(small.folder, replace(config.load(small.folder), words=long_word))
    change_config(base, vocab_size=2048)
    found = cli("-w", small.folder, "doctor", "--base", base, "--json")
    assert found.status == 1
    [refused] = [fact for fact in found.json["facts"] if fact["verdict"] == "refused"]
    assert refused["name"] == "label words" and "leaves no room" in refused["text"]


def test_doctor_needs_no_workspace_for_a_base(cli, base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    found = cli("doctor", "--base", base, "--json").json
    assert found["words"] == [] and len(found["facts"]) > 8
    assert cli("doctor", "--load").status == 2


def test_what_a_run_would_refuse_starts_none(small, cli, base):
    change_config(base, max_position_embeddings=64)
    for more in (["--dry-run"], []):
        done = cli("-w", small.folder, "train", "--recipe", "tiny", "--base", base, *more)
        assert done.status == 1 and "--set training.max_length=64" in done.err
    done = cli("-w", small.folder, "predict", "--base", base)
    assert done.status == 1 and "--set training.max_length=64" in done.err
    assert not list((small.folder / "runs").glob("[0-9]*"))


def test_targets_do_not_matter_where_there_is_no_adapter(base):
    recipe = recipes.load("tiny", ['lora.targets=["q_proj"]'])
    with pytest.raises(UserError, match=r"names no layer of .* it has dense"):
        notable_facts(str(base), recipe)
    assert notable_facts(str(base), replace(recipe, lora=None)) == []


def test_a_dry_run_says_what_is_worth_knowing_of_a_base(small, cli, base):
    change_config(base, sliding_window=16)
    arguments = ("-w", small.folder, "train", "--dry-run", "--recipe", "tiny", "--base", base)
    [warning] = [w for w in cli(*arguments, "--json").json["warnings"] if "window" in w]
    assert "look back 16 tokens only" in warning and warning in cli(*arguments).out


def test_a_dry_run_says_what_label_words_become_in_tokens(small, cli, base):
    words = {"positive": "Positive", "negative": "Positive news"}
    config.save(small.folder, replace(config.load(small.folder), words=words))
    arguments = ("-w", small.folder, "train", "--dry-run", "--recipe", "tiny", "--base", base)
    found = cli(*arguments, "--json").json["words"]
    assert [(each["label"], each["word"]) for each in found] == [*words.items()]
    assert ["".join(each["tokens"]) for each in found] == [" Positive", " Positive news"]
    assert len(found[0]["ids"]) == 1 < len(found[1]["ids"])
    told = cli(*arguments).out
    assert all(repr(token) in told for each in found for token in each["tokens"])
    baseline = (*arguments[:5], "baseline", "--json")
    assert cli(*baseline).json["words"] == []


def test_a_dry_run_refuses_label_words_that_a_run_would(small, cli, base):
    long_word = {"positive": " ".join(["ab cd"] * 100)}
    config.save(small.folder, replace(config.load(small.folder), words=long_word))
    done = cli("-w", small.folder, "train", "--dry-run", "--recipe", "tiny", "--base", base)
    assert done.status == 1 and "leaves no room" in done.err

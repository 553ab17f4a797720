"""Embeddings by a sentence model in a folder, kept by a baseline and by the next one."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from storage.config import save
from storage.errors import UserError
from workbench.modeling.scoring import sentence_embeddings
from workbench.modeling.scoring.sentence_embeddings import embed_sentences
from workbench.recipes import recipes, sentence_models
from workbench.recipes.sentence_models import sentence_model_folder
from workbench.rundir.embeddings import read_embeddings
from workbench.rundir.folder import DONE, read_job
from workbench.runs.collecting import collect
from workbench.runs.snapshotting import snapshot_training
from workbench.worker.reporter import Reporter
from workbench.worker.run import do_run

TEXTS = ["up we go", "down", "up we go up we go down", "bear"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A BERT of a few thousand random weights, as sentence-transformers lays one out."""
    folder = tmp_path_factory.mktemp("sentences")
    words = [
        "[PAD]",
        "[UNK]",
        *[
            "up",
            "we",
            "go",
            "down",
            "bear",
            "bull",
            "market",
            "to",
            "the",
            "moon",
            "it",
            "goes",
            "run",
        ],
    ]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    bert = BertModel(BertConfig(vocab_size=len(words), intermediate_size=32, **size))
    bert.save_pretrained(folder)
    pooling(folder, mean=True)
    return folder


def pooling(folder, mean=False, cls=False):
    path = folder / "1_Pooling" / "config.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"pooling_mode_mean_tokens": mean, "pooling_mode_cls_token": cls}))


def by_hand(folder, text, cls):
    bert = BertModel.from_pretrained(folder).eval()
    tokens = PreTrainedTokenizerFast.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        states = bert(tokens["input_ids"]).last_hidden_state[0]
    vector = (states[0] if cls else states.mean(0)).numpy()
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("cls", [False, True], ids=["mean", "first"])
def test_texts_are_pooled_as_the_folder_says_whatever_is_beside_them(model, monkeypatch, cls):
    pooling(model, mean=not cls, cls=cls)
    monkeypatch.setattr(sentence_embeddings, "BATCH", 3)
    done = []
    found = embed_sentences(model, TEXTS, done.append)
    pooling(model, mean=True)
    for text, vector in zip(TEXTS, found, strict=True):
        assert vector == pytest.approx(by_hand(model, text, cls), abs=1e-5)
    assert done == [3, 4]


def test_what_is_no_sentence_model_is_one_sentence(model, tmp_path):
    with pytest.raises(UserError, match="holds no sentence model"):
        embed_sentences(tmp_path, TEXTS)
    pooling(model)
    with pytest.raises(UserError, match="pools tokens in a way that is not known here"):
        embed_sentences(model, TEXTS)
    pooling(model, mean=True)


def test_a_name_is_a_folder_or_an_installed_package_of_which_nothing_is_run(
    model, tmp_path, monkeypatch
):
    assert sentence_model_folder(str(model), tmp_path) == model
    (tmp_path / "here").symlink_to(model)
    assert sentence_model_folder("here", tmp_path) == tmp_path / "here"
    (tmp_path / "model").symlink_to(model)
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(sentence_models, "find_spec", lambda name: spec if name == "gt_x" else None)
    assert sentence_model_folder("gt-x", tmp_path) == tmp_path / "model"
    with pytest.raises(UserError, match=r"is 'os\.path', which is neither the folder"):
        sentence_model_folder("os.path", tmp_path)


def test_a_baseline_keeps_embeddings_and_the_next_embeds_only_what_is_new(
    small, model, reopen, monkeypatch
):
    save(small.folder, replace(small.config, sentence_model=str(model)))
    store = reopen(small)
    embedded = []

    def embed(folder, texts, progress):
        embedded.append(len(texts))
        return embed_sentences(folder, texts, progress)

    monkeypatch.setattr(sentence_embeddings, "embed_sentences", embed)
    for query in ("id:<5", ""):
        snapshot = snapshot_training(store, recipes.load("baseline"), None, query)
        job = read_job(snapshot.path)
        assert job.sentence_model == str(model)
        assert do_run(job, snapshot.path, Reporter(snapshot.path))
        assert [run.state for run in collect(store)] == [DONE]
    assert embedded == [4, 2]
    found = read_embeddings(snapshot.path)
    assert found.ids.tolist() == [1, 2, 3, 4, 5, 6] and not found.in_sample.any()
    wanted = np.stack([by_hand(model, text, False) for text in ("up we go", "bear market")])
    assert found.vectors[[0, 4]] == pytest.approx(wanted, abs=2e-3)

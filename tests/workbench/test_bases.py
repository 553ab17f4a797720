"""Base models by name: what is a folder here never means the hub."""

from __future__ import annotations

import pytest

from storage.errors import UserError
from workbench.bases import is_local, require_model


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


def test_a_folder_with_a_model_is_taken(model):
    require_model(str(model))
    assert is_local(str(model))


def test_a_hub_name_is_taken_and_is_not_local(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tiiuae/falcon-7b", "gpt2"):
        require_model(name)
        assert not is_local(name)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"folder without a model \(no config\.json"):
        require_model(str(tmp_path))


@pytest.mark.parametrize(
    "name",
    ["/nowhere/at/all", "./nowhere", "~/nowhere-at-all", "a/b/c", "nope/", "my model", "a\\b"],
)
def test_a_path_to_nothing_is_never_asked_of_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="There is no model folder"):
        require_model(name)


def test_a_file_is_no_model(model):
    with pytest.raises(UserError, match="There is no model folder"):
        require_model(str(model / "config.json"))


@pytest.mark.parametrize(
    ("missing", "instead", "message"),
    [
        ("model.safetensors", None, r"no weights \(\*\.safetensors\); download the model whole"),
        ("model.safetensors", "pytorch_model.bin", r"pickles .* convert them to safetensors"),
        ("tokenizer.json", None, r"no tokenizer .* copy the tokenizer files"),
    ],
)
def test_a_folder_with_half_a_model_is_refused(model, missing, instead, message):
    (model / missing).unlink()
    if instead:
        (model / instead).write_text("")
    with pytest.raises(UserError, match=message):
        require_model(str(model))

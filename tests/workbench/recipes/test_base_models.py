"""Base models by name: what is a folder here never means the hub."""

from __future__ import annotations

import os
import shutil

import pytest

from storage.errors import UserError
from workbench.recipes.base_models import fingerprint, is_local, require_model, require_same_base


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
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
    [
        "/nowhere/at/all",
        "./nowhere",
        "~/nowhere-at-all",
        "~nobody-of-that-name/model",
        "a/b/c",
        "nope/",
        "my model",
        "a\\b",
    ],
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


def test_a_base_is_known_by_its_weights_and_not_by_its_dates(tmp_path, repository):
    base = shutil.copytree(repository / "sample_data" / "base", tmp_path / "base")
    known = fingerprint(str(base))
    assert known is not None and fingerprint(str(base)) == known
    weights = next(base.glob("*.safetensors"))
    os.utime(weights, (1, 1))
    require_same_base(str(base), known)
    content = bytearray(weights.read_bytes())
    content[len(content) // 2 :] = content[: len(content) - len(content) // 2]
    weights.write_bytes(content)
    with pytest.raises(UserError, match="has changed since this run was made"):
        require_same_base(str(base), known)


def test_a_name_of_the_hub_has_no_fingerprint():
    assert fingerprint("some/model") is None
    require_same_base("some/model", None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged"),
        ("[1]", "it holds no object"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
    ],
)
def test_a_config_that_is_damaged_is_one_sentence(model, content, message):
    (model / "config.json").write_text(content)
    with pytest.raises(UserError, match=message):
        require_model(str(model))


@pytest.mark.parametrize("named", ['{"a": 1}', "[]", "7", "[null]", '"Llama"'])
def test_architectures_that_are_none_are_passed_over(model, named):
    (model / "config.json").write_text(f'{{"architectures": {named}}}')
    require_model(str(model))


def test_an_adapter_whose_config_is_nested_too_deep_is_no_base(tmp_path):
    (tmp_path / "adapter_config.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="adapter"):
        require_model(str(tmp_path))

"""Adapters and merged models that load without this package."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from storage.errors import UserError, on_one_line
from workbench.modeling.loading import Base, Model, dequantise, load_base
from workbench.modeling.prompts import Prompter, Tokenizer
from workbench.recipes import Recipe

DETAILS = "workbench.json"


def save_adapter(model: Model, tokenizer: Tokenizer, folder: Path, details: dict[str, Any]) -> None:
    """Write a standard PEFT folder with the tokenizer, a model card and workbench.json."""
    model.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)
    (folder / DETAILS).write_text(json.dumps(details, ensure_ascii=False, indent=1), "utf-8")
    (folder / "README.md").write_text(_card(details, merged=False), "utf-8")


def details_of(
    recipe: Recipe, base: str, prompter: Prompter, words: tuple[str, ...], **more: Any
) -> dict[str, Any]:
    """What workbench.json says: enough to ask the model the way it was taught."""
    return {
        "base": base,
        "recipe": recipe.as_json(),
        "labels": list(prompter.labels),
        "words": list(words),
        "label_token_ids": [list(answer) for answer in prompter.answers],
        "template": prompter.template,
        "max_length": prompter.max_length,
        **more,
    }


def load_adapter(base: Base, adapter: Path) -> Model:
    """Put an adapter on a loaded base, for scoring; raises UserError if it does not fit."""
    if not (adapter / "adapter_model.safetensors").is_file():
        raise UserError(f"{adapter} holds no adapter (no adapter_model.safetensors in it).")
    try:
        model = PeftModel.from_pretrained(base.model, str(adapter), use_safetensors=True)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"The adapter {adapter} does not fit its base ({on_one_line(error)}); use the base "
            "that it was trained on."
        ) from None
    return model.eval()


def export(adapter: Path, to: Path, merge: bool, trust_remote_code: bool = False) -> None:
    """Copy an adapter, or merge it into its base, as a folder for plain transformers.

    A merged model has the weights that 4-bit training computed with (the base dequantised),
    so that it predicts what the run predicted.
    """
    details = json.loads((adapter / DETAILS).read_text("utf-8"))
    if to.exists() and any(to.iterdir()):
        raise UserError(f"{to} is not empty; give a new folder.")
    if not merge:
        shutil.copytree(adapter, to, dirs_exist_ok=True)
        return
    from workbench.recipes import from_json

    recipe = from_json(details["recipe"])
    assert recipe.quantization is not None  # noqa: S101 - every adapter comes from such a recipe
    base = load_base(details["base"], recipe.quantization, trust_remote_code)
    dtype = getattr(torch, recipe.quantization.compute_dtype)
    plain = Base(dequantise(base.model, dtype), base.tokenizer, 0, base.linear_total)
    merged = load_adapter(plain, adapter).merge_and_unload()
    merged.config.use_cache = True
    to.mkdir(parents=True, exist_ok=True)
    merged.save_pretrained(to)
    base.tokenizer.save_pretrained(to)
    (to / DETAILS).write_text(json.dumps(details, ensure_ascii=False, indent=1), "utf-8")
    (to / "README.md").write_text(_card(details, merged=True), "utf-8")


def _card(details: dict[str, Any], merged: bool) -> str:
    base, labels = details["base"], ", ".join(details["labels"])
    prompt = details["template"].replace("{text}", "yayyyy thats amazing broo")
    load = (
        'model = AutoModelForCausalLM.from_pretrained("THIS_FOLDER")'
        if merged
        else f"""model = AutoModelForCausalLM.from_pretrained({base!r})
model = PeftModel.from_pretrained(model, "THIS_FOLDER")"""
    )
    imports = "" if merged else "from peft import PeftModel\n"
    library = "transformers" if merged else "peft"
    return f"""---
library_name: {library}
base_model: {base}
pipeline_tag: text-generation
---
# {"Model" if merged else "LoRA adapter"} for labelling short texts as {labels}

Base model: `{base}`. Recipe: {details["recipe"]["name"]}. The prompt ends before the label word;
compare the scores of the label words ({", ".join(details["words"])}, each after a space) at the
next position.

```python
import torch
{imports}from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("THIS_FOLDER")
{load}
inputs = tokenizer({prompt!r}, return_tensors="pt")
logits = model(**inputs).logits[0, -1, {[ids[0] for ids in details["label_token_ids"]]}]
print({details["labels"]}[int(logits.argmax())], torch.softmax(logits.float(), -1))
```
"""

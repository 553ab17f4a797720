"""The model card of an exported model, with code that predicts what the run predicted.

The code needs this package no more. It is filled in with the values that the run computed with; a
test runs it in an exported folder and compares every prediction.
"""

from __future__ import annotations

from typing import Any

from storage.errors import UserError
from workbench.modeling.data.label_tree import NO_END, closed_answers
from workbench.modeling.export.serving_note import serving_note
from workbench.recipes.base_models import base_path

EXAMPLE = "yayyyy thats amazing broo"

CARD = """\
---
library_name: {library}
{base_line}pipeline_tag: text-generation
---
# {what} for labelling short texts as {labels}

Base model: `{base}`{base_note}. Recipe: {recipe}.

The prompt ends before the label word; the label is the one whose word ({words}) is the most
probable at that place, if the model may write these words only. A text that is too long for
{max_length} tokens loses its end.

{definitions}{warnings}{load_note}

```python
{code}
```

Run it in this folder, or set `FOLDER`. {noise}

{serving}"""

LOCAL_BASE = """ (a folder of that name; put the same one where you run this, or set `BASE`)"""

CODE = """\
import torch
{imports}
{falcon}
FOLDER = "."
{base_place}LABELS = {labels}
ANSWERS = {answers}  # the tokens of the label words{ended}
TEMPLATE = {template!r}
ROOM = {room}  # tokens of a prompt

tokenizer = AutoTokenizer.from_pretrained(FOLDER)
{load}
model.eval()
FIRST = tokenizer("a", add_special_tokens=False)["input_ids"][0]
BEGIN = tokenizer("a")["input_ids"]
BEGIN = BEGIN[: BEGIN.index(FIRST)]  # the tokens before each prompt


def defuse(text):  # control tokens in a text are characters like others
    added = tokenizer.added_tokens_decoder.values()
    controls = [token.content for token in added if token.special and len(token.content) > 1]
    while any(control in text for control in controls):
        for control in controls:
            text = text.replace(control, f"{{control[0]}} {{control[1:]}}")
    return text


def encode(text):
    tokens = tokenizer(TEMPLATE.replace("{{text}}", text), add_special_tokens=False)["input_ids"]
    return tokens if tokens[: len(BEGIN)] == BEGIN else BEGIN + tokens


def prompt_of(text):
    text = defuse(text)
    if len(encode(text)) <= ROOM:
        return encode(text)
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ends = [0] + [end for _, end in spans["offset_mapping"]]
    keep = max(0, min(ROOM - len(encode("")), len(ends) - 1))
    while keep > 0 and (excess := len(encode(text[: ends[keep]])) - ROOM) > 0:
        keep = max(0, keep - excess)
    return encode(text[: ends[keep]])


@torch.inference_mode()
def probabilities(text):
    prompt = prompt_of(text)
{scores}
    return torch.stack(scores).float().softmax(-1).tolist()


chances = probabilities({example!r})
print(LABELS[chances.index(max(chances))], chances)
"""

SINGLE = """\
    logits = model(input_ids=torch.tensor([prompt], device=model.device)).logits[0, -1]
    scores = [logits[answer[0]] for answer in ANSWERS]"""

SEVERAL = """\
    scores = []
    for answer in ANSWERS:
        score = torch.zeros(())
        for place, token in enumerate(answer):
            options = {other[place] for other in ANSWERS if other[:place] == answer[:place]}
            if len(options) > 1:  # where only one token can follow, nothing is decided
                tokens = torch.tensor([prompt + answer[:place]], device=model.device)
                logits = model(input_ids=tokens).logits[0, -1].float().cpu()
                score += logits[token] - logits[sorted(options)].logsumexp(0)
        scores.append(score)"""

ENDED = "; one that begins another ends with the end token"

FALCON = """
# From 5.5 on transformers quantises only layers whose class is exactly nn.Linear.
from transformers.models.falcon import modeling_falcon

modeling_falcon.FalconLinear = torch.nn.Linear
"""

QUANTISED = """\
    quantization_config=BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type={type!r},
        bnb_4bit_compute_dtype=torch.{compute_dtype},
        bnb_4bit_use_double_quant={double},
    ),
"""

ADAPTER = """\
model = {auto_class}.from_pretrained(
    BASE,
{quantised}    dtype=torch.{compute_dtype},
    device_map={{"": 0 if torch.cuda.is_available() else "cpu"}},
)
model = PeftModel.from_pretrained(model, FOLDER)
for layer in model.modules():
    layer.support_avx512bf16_for_cpu = False  # on a CPU too, compute in the dtype above"""

MERGED = """\
model = {auto_class}.from_pretrained(
    FOLDER,
    dtype=torch.{compute_dtype},
    device_map={{"": 0 if torch.cuda.is_available() else "cpu"}},
)"""


def base_hint(base: str) -> str:
    """How a base is named for other machines: by its hub name, or of a folder ./ and its name.

    With ./ no library takes the name of a folder for that of a model on the hub.
    """
    folder = base_path(base)
    if folder.is_absolute() or folder.is_dir() or base.startswith((".", "~")):
        return f"./{folder.name}"
    return base


def model_card(details: dict[str, Any], merged: bool) -> str:
    """The README of an adapter or of a merged model, from the values of its workbench.json."""
    quantization = details["recipe"]["quantization"]
    base = base_hint(details["base"])
    answers = _answers(details)
    single = all(len(answer) == 1 for answer in answers)
    quantised = "" if quantization["bits"] != 4 or merged else QUANTISED.format(**quantization)
    auto_class = details.get("auto_class", "AutoModelForCausalLM")
    names = [auto_class, "AutoTokenizer"] + ["BitsAndBytesConfig"] * bool(quantised)
    code = CODE.format(
        imports=("" if merged else "from peft import PeftModel\n")
        + f"from transformers import {', '.join(names)}",
        falcon=FALCON if quantised and details.get("model_type", "falcon") == "falcon" else "",
        base_place="" if merged else f"BASE = {base!r}\n",
        labels=details["labels"],
        answers=[list(answer) for answer in answers],
        ended="" if [*map(list, answers)] == details["label_token_ids"] else ENDED,
        template=details["template"],
        room=details["max_length"] - max(map(len, details["label_token_ids"])),
        load=(MERGED if merged else ADAPTER).format(
            auto_class=auto_class,
            quantised=quantised,
            compute_dtype=quantization["compute_dtype"],
        ),
        scores=SINGLE if single else SEVERAL,
        example=EXAMPLE,
    )
    return CARD.format(
        library="transformers" if merged else "peft",
        what="Model" if merged else "LoRA adapter",
        base=base,
        base_line="" if base.startswith(".") else f"base_model: {base}\n",
        base_note=LOCAL_BASE if base.startswith(".") and not merged else "",
        serving=serving_note(details, merged, base),
        labels=", ".join(details["labels"]),
        recipe=details["recipe"]["name"] + _origin(details),
        words=", ".join(details["words"]),
        max_length=details["max_length"],
        definitions=_definitions(details.get("definitions", {})),
        warnings="".join(f"{warning}\n\n" for warning in details.get("warnings", ())),
        load_note=_load_note(quantization, merged),
        noise=_rounding_note(quantization["compute_dtype"]) + _temperature_note(details),
        code=code.strip(),
    )


def _answers(details: dict[str, Any]) -> list[tuple[int, ...]]:
    """The tokens of each answer; those of an earlier version do not name the end token."""
    words = [tuple(token_ids) for token_ids in details["label_token_ids"]]
    answers = closed_answers(words, details.get("end_token_id", NO_END))
    if any(NO_END in answer for answer in answers):
        raise UserError(
            "The adapter was trained by a version that could not tell a label word from one that "
            "it begins; train again."
        )
    return answers


def _definitions(told: dict[str, str]) -> str:
    """When each label is given, as a list; nothing of labels without a definition."""
    lines = [f"- `{label}`: {' '.join(text.split())}\n" for label, text in told.items()]
    return f"{''.join(lines)}\n" if lines else ""


def _origin(details: dict[str, Any]) -> str:
    """What stands beside the recipe of an adapter that did not begin anew."""
    parent = details.get("parent")
    return "" if parent is None else f", going on from the adapter of run {parent}"


def _load_note(quantization: dict[str, Any], merged: bool) -> str:
    if merged:
        return "The weights are those that the run computed with, with the adapter merged in."
    if quantization["bits"] == 4:
        return "Load the base in 4-bit as below, since the adapter was trained on that."
    return (
        f"Load the base in {quantization['compute_dtype']}, since the adapter was trained on that."
    )


def _temperature_note(details: dict[str, Any]) -> str:
    """How to calibrate the probabilities, where somebody has kept a temperature."""
    if (kept := details.get("temperature")) is None:
        return ""
    return (
        f" For calibrated probabilities divide their logarithms by {kept['value']:.3f} and "
        f"normalise again (fitted on {kept['n']:,} {kept['split']} tweets)."
    )


def _rounding_note(dtype: str) -> str:
    if dtype == "float32":
        return "Its probabilities are those of the run up to rounding in the sixth digit or so."
    return (
        f"It computes in {dtype}, whose rounding depends on how texts are batched and on the "
        "kernels of the GPU: probabilities may differ in the second digit, and a label may differ "
        "where two are about equally probable."
    )

"""The part of a model card about serving the model with vLLM and llama.cpp."""

from __future__ import annotations

from typing import Any

VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` of vLLM can be; it has to be the rank of an adapter at least."""

ADAPTER = """\
## Serving it

With vLLM, where it supports adapters for this kind of model, from this folder:

```console
vllm serve {base} --enable-lora --lora-modules labels=. --max-lora-rank {rank}
```

With llama.cpp, the base and the adapter one by one (`--base` wants a folder):

```console
python convert_hf_to_gguf.py {base} --outfile base.gguf
python convert_lora_to_gguf.py . --base {base} --outfile labels.gguf
llama-server -m base.gguf --lora labels.gguf
```

{asking}{rounding}
"""

MERGED = """\
## Serving it

With vLLM, or with llama.cpp, from this folder:

```console
vllm serve . --served-model-name labels
python convert_hf_to_gguf.py . --outfile labels.gguf
llama-server -m labels.gguf
```

{asking}
"""

ASKING = (
    "Complete the text of the prompt as `TEMPLATE` in the code above has it (not as a chat), with "
    "temperature 0 and {tokens}, and compare the log-probabilities of the label words alone. A "
    "server cuts no text to the {max_length} tokens that the model was trained on."
)
ROUNDING = (
    " Both servers hold the base otherwise than the 4-bit one that the adapter was trained on, so "
    "that probabilities differ somewhat; a model with the adapter merged in (`workbench "
    "export-adapter --merge`) has the very weights."
)


def serving_note(details: dict[str, Any], merged: bool, base: str) -> str:
    """The note for an adapter or a merged model, from the values of its workbench.json."""
    longest = max(len(token_ids) for token_ids in details["label_token_ids"])
    tokens = "one token" if longest == 1 else f"{longest} tokens"
    asking = ASKING.format(tokens=tokens, max_length=details["max_length"])
    if merged:
        return MERGED.format(asking=asking)
    recipe = details["recipe"]
    held_in_4_bit = recipe["quantization"]["bits"] == 4
    return ADAPTER.format(
        base=base,
        rank=_least_rank(recipe["lora"]["r"]),
        asking=asking,
        rounding=ROUNDING if held_in_4_bit else "",
    )


def _least_rank(rank: int) -> int:
    return next((known for known in VLLM_RANKS if known >= rank), rank)

"""Embeddings by a sentence-transformers model in a folder, without the package of that name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from storage.errors import UserError

BATCH = 32
LONGEST = 256


def embed_sentences(
    folder: Path, texts: Sequence[str], progress: Callable[[int], None] = lambda done: None
) -> NDArray[np.float32]:
    """The vectors of length 1 of texts, (texts, dimensions), pooled as the folder says.

    Sorted by length, so that hardly anything is padded; `progress` takes the texts done. Raises
    UserError for a folder that is no such model.
    """
    cls, longest = _settings(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"{folder} holds no sentence model: {reason}") from None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device).eval()
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    vectors = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = tokenizer(
                [texts[row] for row in rows],
                padding=True,
                truncation=True,
                max_length=longest,
                return_tensors="pt",
            ).to(device)
            states = model(**batch).last_hidden_state
            shown = batch["attention_mask"][..., None]
            pooled = states[:, 0] if cls else (states * shown).sum(1) / shown.sum(1)
            vectors[rows] = torch.nn.functional.normalize(pooled.float()).cpu().numpy()
            progress(start + len(rows))
    return vectors


def _settings(folder: Path) -> tuple[bool, int]:
    """Whether the first token stands for all, and the most tokens of a text."""
    pooling, sentence = (
        _json(folder / name) for name in ("1_Pooling/config.json", "sentence_bert_config.json")
    )
    if pooling and not (pooling.get("pooling_mode_cls_token") or _means(pooling)):
        raise UserError(f"{folder} pools tokens in a way that is not known here (mean or first).")
    longest = sentence.get("max_seq_length") or LONGEST
    return bool(pooling.get("pooling_mode_cls_token")), int(longest)


def _means(pooling: dict[str, Any]) -> bool:
    return bool(pooling.get("pooling_mode_mean_tokens"))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

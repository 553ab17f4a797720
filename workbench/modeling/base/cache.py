"""A base model that stays loaded between runs, so that the next one starts at once."""

from __future__ import annotations

import gc
from dataclasses import replace

import torch
from peft import LoraConfig, PeftConfig, PeftModel

from workbench.bases import place_of
from workbench.modeling.base.loading import Base, Model, load_base
from workbench.recipes import Quantization

Key = tuple[str, float, Quantization, str, bool]


class Kept:
    """Holds at most one base; a run that wants another one gets that loaded instead."""

    def __init__(self) -> None:
        self.key: Key | None = None
        self.base: Base | None = None

    def base_for(
        self, name: str, quantization: Quantization, use: str, trust_remote_code: bool = False,
        sharded: bool = False,
    ) -> Base:  # fmt: skip
        """The base as the recipe says, loaded if it is not the one at hand.

        `use` names what becomes of it in a run (its trainer and memory setting), since a run may
        leave it dequantised. Raises what `load_base` raises.
        """
        folder = place_of(name)
        changed = (folder / "config.json").stat().st_mtime if folder.is_dir() else 0.0
        key = (name, changed, quantization, use, trust_remote_code)
        if self.base is None or self.key != key:
            self.drop()
            self.base = load_base(name, quantization, trust_remote_code, sharded)
            self.key = key
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        return self.base

    def take_back(self, model: Model) -> None:
        """Take the adapter off the base after a run, which leaves the base as it was before.

        A base whose own weights came to be those of the adapter is let go of instead.
        """
        if self.base is None:
            return
        if isinstance(model, PeftModel) and not all(map(_apart, model.peft_config.values())):
            self.drop()
            return
        bare = model.unload() if isinstance(model, PeftModel) else model
        bare.requires_grad_(False).eval()
        self.base = replace(self.base, model=bare)
        _tidy()

    def drop(self) -> None:
        """Let go of the base and its memory; a run that failed may have left it in pieces."""
        self.base = self.key = None
        _tidy()


def _apart(adapter: PeftConfig) -> bool:
    """Whether all weights of an adapter lie beside those of the base."""
    lora = isinstance(adapter, LoraConfig)
    return lora and adapter.bias == "none" and not adapter.modules_to_save


def _tidy() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

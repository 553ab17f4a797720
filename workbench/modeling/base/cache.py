"""A base model that stays loaded between runs, so that the next run starts at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from peft import LoraConfig, PeftConfig, PeftModel

from workbench.modeling.base.loading import load_base
from workbench.modeling.base.model import Base, Model
from workbench.modeling.base.out_of_memory import release_memory
from workbench.recipes.base_models import base_path
from workbench.recipes.recipes import Quantization


@dataclass(frozen=True)
class CacheKey:
    """How a cached base was loaded, and for which kind of run."""

    name: str
    modified: float
    """When the config.json of a local base was last changed; 0 for a base from the hub."""
    quantization: Quantization
    purpose: str | None
    """The kind of training that may have changed the base; None if none has."""
    trust_remote_code: bool

    def serves(self, wanted: CacheKey) -> bool:
        """Whether a base that is held like this one can be used for another purpose."""
        untouched = None in (self.purpose, wanted.purpose)
        return self == (replace(wanted, purpose=self.purpose) if untouched else wanted)


@dataclass(frozen=True)
class GivenBack:
    """A model that a run is done with, while its adapter is still on the base."""

    model: Model
    reusable: bool
    """Whether it leaves no traces on the base."""
    adapter: object
    """Which saved adapter it has, for the next that asks for the same; None of any other."""


class BaseModelCache:
    """Holds at most one base model; another one takes its place."""

    def __init__(self) -> None:
        self.key: CacheKey | None = None
        self.base: Base | None = None
        self._given_back: GivenBack | None = None

    def get_or_load(
        self,
        name: str,
        quantization: Quantization,
        purpose: str | None,
        trust_remote_code: bool = False,
        sharded: bool = False,
        adapter: object = None,
    ) -> Base:
        """The base that a recipe asks for, loaded unless it is the one that is held.

        `purpose` names the trainer and memory mode of a training run, which may leave the base
        dequantised; a run that only scores gives None and takes the base as it is held. A model
        that was given back with this `adapter` stays on it for `take_again`. Raises what
        `load_base` raises.
        """
        if adapter is None or self._given_back is None or self._given_back.adapter != adapter:
            self.tidy()
        folder = base_path(name)
        modified = (folder / "config.json").stat().st_mtime if folder.is_dir() else 0.0
        key = CacheKey(name, modified, quantization, purpose, trust_remote_code)
        if self.base is None or not self._serves(key):
            self.clear()
            self.base = load_base(name, quantization, trust_remote_code, sharded)
            self.key = key
        elif purpose is not None:
            self.key = key
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        return self.base

    def _serves(self, wanted: CacheKey) -> bool:
        """Whether the base that is held is the one that is wanted, as asked for or as loaded."""
        if self.base is None or self.key is None:
            return False
        as_loaded = replace(self.key, quantization=self.base.quantization)
        return self.key.serves(wanted) or as_loaded.serves(wanted)

    def give_back(self, model: Model, reusable: bool = True, adapter: object = None) -> None:
        """Note that a run is done with its model, so that its end need not wait for `tidy`."""
        self._given_back = GivenBack(model, reusable, adapter)

    def take_again(self) -> Model | None:
        """The model with the adapter that `get_or_load` was given, if that was still on."""
        given, self._given_back = self._given_back, None
        return None if given is None else given.model

    def tidy(self) -> None:
        """Make the base ready for the next run, if one has given its model back."""
        given, self._given_back = self._given_back, None
        if given is not None and given.reusable:
            self._put_back(given.model)
        elif given is not None:
            self.clear()

    def _put_back(self, model: Model) -> None:
        """Take the adapter of a run off the base, which is then as it was before the run.

        One that was prepared for the next run like it is kept beside the base. A base whose own
        weights the adapter has changed is dropped instead.
        """
        if self.base is None:
            return
        if isinstance(model, PeftModel) and not all(
            map(_leaves_base_unchanged, model.peft_config.values())
        ):
            self.clear()
            return
        kept = self.base.keeping.adapter
        if kept is not None and kept.adapted is model:
            kept.take_off()
            bare = self.base.model
        else:
            bare = model.unload() if isinstance(model, PeftModel) else model
        bare.requires_grad_(False).eval()
        self.base = replace(self.base, model=bare)
        release_memory()

    def release_unused(self) -> None:
        """Free the memory that nothing is in, of which scoring takes much for a moment."""
        release_memory()

    def clear(self) -> None:
        """Drop the base and free its memory, such as after a run that failed half-way."""
        self.base = self.key = self._given_back = None
        release_memory()


def _leaves_base_unchanged(adapter: PeftConfig) -> bool:
    """Whether all trained weights of an adapter are its own and none are those of the base."""
    is_lora = isinstance(adapter, LoraConfig)
    return is_lora and adapter.bias == "none" and not adapter.modules_to_save

"""Fits of adapters on one base, one after another, which share all that is prepared for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from storage.errors import UserError
from workbench.modeling.base.capabilities import ModelCapabilities, probe_capabilities
from workbench.modeling.base.device_memory import choose_memory_mode
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.linear_4bit import dequantise
from workbench.modeling.base.lora import add_adapter
from workbench.modeling.base.model import Base, Model
from workbench.modeling.base.sharding import is_sharded
from workbench.modeling.data.batches import (
    TokenizedExample,
    full_text_examples,
    label_word_examples,
)
from workbench.modeling.data.examples import Examples, balanced_weights
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.packed.checkpoint_io import copy_to_cpu
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.modeling.packed.prepared_adapter import (
    PreparationKey,
    PreparedAdapter,
    take_kept,
)
from workbench.modeling.packed.schedule import TrainingSchedule
from workbench.modeling.packed.training_loop import TrainingLoop
from workbench.modeling.training.pass_limit import read_pass_limit
from workbench.modeling.training.process_group import ProcessGroup
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.modeling.training.warm_start import WarmStart
from workbench.planning.memory_estimate import TokenLengths
from workbench.recipes.memory_modes import MemoryMode
from workbench.recipes.recipes import BALANCED, Lora, Recipe


class AdapterFits:
    """A base with an adapter that is fitted again and again, each time from the same start.

    The base is loaded, the tweets are tokenized, and the layers are compiled and captured once.
    """

    def __init__(
        self,
        recipe: Recipe,
        prompter: Prompter,
        model: Model,
        forward_backward: ForwardBackward,
        tokenized: list[TokenizedExample],
        mode: MemoryMode,
        processes: ProcessGroup,
        sharded: bool,
    ) -> None:
        self.recipe, self.prompter, self.model = recipe, prompter, model
        self.forward_backward, self.tokenized = forward_backward, tokenized
        self.mode, self.processes, self.sharded = mode, processes, sharded
        self.masters = forward_backward.masters
        self.start = copy_to_cpu(self.masters.weights.detach())
        """The weights that each fit begins with."""

    def fit(
        self,
        indices: Sequence[int],
        dev: Examples,
        folder: Path,
        report: ReportEvent,
        stop_asked: Callable[[], bool],
    ) -> TrainingResult:
        """Fit the adapter to some of the examples, from the newest checkpoint in `folder` on.

        Raises UserError if there are none.
        """
        if not indices:
            raise UserError("There is no tweet to train on.")
        with torch.no_grad():
            self.masters.weights.copy_(self.start)
        self.masters.update_compute_copy()
        loop = TrainingLoop(
            self.model,
            self.forward_backward,
            self._schedule(indices, folder),
            dev,
            folder,
            report,
            stop_asked,
        )
        stopped = loop.run(self.start)
        self.mode = loop.schedule.memory_mode
        return TrainingResult(
            self.model,
            steps=loop.state.step,
            stopped=stopped,
            dynamics=loop.dynamics(),
            adapter_step=loop.adapter_step,
            remark=loop.remark,
        )

    def _schedule(self, indices: Sequence[int], folder: Path) -> TrainingSchedule:
        assert self.recipe.training is not None  # noqa: S101 - a qlora recipe has it
        mode = self.mode
        if (most := read_pass_limit(folder)) is not None:
            mode = replace(mode, tokens=min(mode.tokens, most))
        return TrainingSchedule(
            self.recipe.training,
            mode,
            self.forward_backward.capabilities,
            [self.tokenized[index] for index in indices],
            self.recipe.loss == "full-text",
            self.prompter,
            self.processes,
            self.sharded,
        )


@contextmanager
def adapter_fits(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    folder: Path,
    report: ReportEvent,
    processes: ProcessGroup,
    start: WarmStart | None = None,
) -> Iterator[AdapterFits]:
    """Give a base fits of its adapter; afterwards the adapter is ready to be saved and to score.

    What is prepared for them stays with the base for the next run like this one. Raises UserError
    if there is nothing to train on.
    """
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # noqa: S101 - a qlora recipe has both
    if not examples.texts:
        raise UserError("There is no tweet to train on.")
    tokenized = _tokenize(recipe, prompter, examples)
    sharded = is_sharded(base.model)
    lengths = [len(example.tokens) for example in tokenized]
    key = PreparationKey(
        lora,
        settings.seed,
        recipe.loss,
        f"{settings.memory} {settings.gradient_checkpointing}",
        prompter.template,
        tuple(prompter.label_tree.columns),
    )
    prepared = take_kept(base, key, max(lengths))
    if prepared is None:
        prepared = _prepare(base, recipe, prompter, lengths, key, processes)
    else:
        report("note", text="the layers and graphs that an earlier run has compiled are used again")
    mode = prepared.mode
    if (most := read_pass_limit(folder)) is not None:
        mode = replace(mode, tokens=min(mode.tokens, most))
    report("note", text=prepared.capabilities.describe())
    report("note", text=mode.describe())
    with prepared.training(start, lambda text: report("note", text=text)):
        yield AdapterFits(
            recipe, prompter, prepared.adapted, prepared.passes, tokenized, mode, processes, sharded
        )
    if mode.checkpointing:
        prepared.adapted.gradient_checkpointing_disable()
        base.model.disable_input_require_grads()
    if mode.checkpointing or sharded or processes.world_size > 1 or lora.bias != "none":
        prepared.release()
    else:
        base.keeping.adapter = prepared


def _prepare(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    lengths: Sequence[int],
    key: PreparationKey,
    processes: ProcessGroup,
) -> PreparedAdapter:
    """A new adapter on a base, in the memory mode that fits."""
    fuse_attention(base.model)
    if is_sharded(base.model):
        _require_whole_weights(key.lora)
    capabilities = _probe_in_main_process(base, prompter, max(lengths), processes)
    spread = TokenLengths(sum(lengths) / len(lengths), max(lengths))
    mode = choose_memory_mode(recipe, base.model, spread, processes.world_size)
    if mode.dequantised:
        dequantise(base.model, base.model.dtype)
    adapted = add_adapter(base.model, key.lora, key.seed)
    if mode.checkpointing:
        adapted.gradient_checkpointing_enable({"use_reentrant": False})
    label_tokens = None
    if recipe.loss != "full-text":
        label_tokens = torch.tensor(key.label_columns, device=adapted.device)
    masters = MasterWeights(adapted, base.model.dtype)
    passes = ForwardBackward(adapted.get_base_model(), masters, capabilities, label_tokens)
    return PreparedAdapter(key, max(lengths), capabilities, mode, adapted, passes)


def _tokenize(recipe: Recipe, prompter: Prompter, examples: Examples) -> list[TokenizedExample]:
    """The tokens of the examples, with the targets and the weights of the recipe."""
    tokenize = full_text_examples if recipe.loss == "full-text" else label_word_examples
    tokenized = tokenize(prompter, examples.texts, examples.labels)
    if recipe.training is not None and recipe.training.class_weights == BALANCED:
        weights = balanced_weights(examples.labels)
        return [replace(e, weight=w) for e, w in zip(tokenized, weights, strict=True)]
    return tokenized


def _probe_in_main_process(
    base: Base, prompter: Prompter, longest: int, processes: ProcessGroup
) -> ModelCapabilities:
    """What the model can do according to the main process, in all of them.

    The order of the tweets and the number of passes depend on it, so all need the same answer.
    """
    return processes.all_gather([probe_capabilities(base.model, prompter, longest)])[0]


def _require_whole_weights(lora: Lora) -> None:
    if lora.bias != "none":
        raise UserError(
            f"lora.bias={lora.bias} trains weights of the base itself, which training.memory="
            "sharded divides; set lora.bias=none."
        )

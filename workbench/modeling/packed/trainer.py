"""QLoRA fine-tuning on packed rows: the trainer of every recipe that does not name TRL's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from storage.errors import UserError
from workbench.modeling.base.capabilities import ModelCapabilities, probe_capabilities
from workbench.modeling.base.compiling import uncompile_layers
from workbench.modeling.base.device_memory import choose_memory_mode
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.linear_4bit import dequantise
from workbench.modeling.base.lora import add_adapter, fast_lora_layers
from workbench.modeling.base.model import Base
from workbench.modeling.base.sharding import is_sharded
from workbench.modeling.data.batches import full_text_examples, label_word_examples
from workbench.modeling.data.examples import Examples, balanced_weights
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.packed.master_weights import MasterWeights
from workbench.modeling.packed.schedule import TrainingSchedule
from workbench.modeling.packed.training_loop import TrainingLoop
from workbench.modeling.training.pass_limit import read_pass_limit
from workbench.modeling.training.process_group import SINGLE_PROCESS, ProcessGroup
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.planning.memory_estimate import TokenLengths
from workbench.recipes.recipes import BALANCED, Lora, Recipe


def train_packed(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    folder: Path,
    report: ReportEvent,
    stop_asked: Callable[[], bool],
    processes: ProcessGroup = SINGLE_PROCESS,
) -> TrainingResult:
    """Fine-tune an adapter on the base, from the newest checkpoint in `folder` if there is one.

    Order and dropout of a step depend on the seed and the step alone, so a run that was stopped
    and resumed ends with the weights of one that was not, bit for bit on a CPU. Of several
    processes each takes its shard of every step; `stop_asked` has to give the same answer in all
    of them. Raises UserError if there is nothing to train on.
    """
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # noqa: S101 - a qlora recipe has both
    if not examples.texts:
        raise UserError("There is no tweet to train on.")
    schedule = _make_schedule(base, recipe, prompter, examples, folder, report, processes)
    mode = schedule.memory_mode
    if mode.dequantised:
        dequantise(base.model, base.model.dtype)
    adapted = add_adapter(base.model, lora, settings.seed)
    if mode.checkpointing:
        adapted.gradient_checkpointing_enable({"use_reentrant": False})
    hook = base.model.get_input_embeddings().register_forward_hook(_require_gradient)
    masters = MasterWeights(adapted, base.model.dtype)
    with fast_lora_layers(adapted):
        loop = TrainingLoop(adapted, masters, schedule, dev, folder, report, stop_asked)
        stopped = loop.run()
    hook.remove()
    uncompile_layers(adapted)
    masters.restore_original_dtypes()
    loop.forward_backward.release_graphs()  # whose memory would be missing while the run scores
    if mode.checkpointing:
        adapted.gradient_checkpointing_disable()
        base.model.disable_input_require_grads()
    return TrainingResult(
        adapted,
        steps=loop.state.step,
        stopped=stopped,
        dynamics=loop.dynamics(),
        adapter_step=loop.adapter_step,
        remark=loop.remark,
    )


def _make_schedule(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    folder: Path,
    report: ReportEvent,
    processes: ProcessGroup,
) -> TrainingSchedule:
    """The schedule of a run for what its model can do and for the memory that is free."""
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # noqa: S101 - a qlora recipe has both
    full_text = recipe.loss == "full-text"
    tokenize = full_text_examples if full_text else label_word_examples
    tokenized = tokenize(prompter, examples.texts, examples.labels)
    if settings.class_weights == BALANCED:
        weights = balanced_weights(examples.labels)
        tokenized = [replace(e, weight=w) for e, w in zip(tokenized, weights, strict=True)]
    fuse_attention(base.model)
    sharded = is_sharded(base.model)
    if sharded:
        _require_whole_weights(lora)
    capabilities = _probe_in_main_process(base, prompter, processes)
    report("note", text=capabilities.describe())
    lengths = [len(example.tokens) for example in tokenized]
    spread = TokenLengths(sum(lengths) / len(lengths), max(lengths))
    mode = choose_memory_mode(recipe, base.model, spread, processes.world_size)
    if (most := read_pass_limit(folder)) is not None:
        mode = replace(mode, tokens=min(mode.tokens, most))
    report("note", text=mode.describe())
    return TrainingSchedule(
        settings, mode, capabilities, tokenized, full_text, prompter, processes, sharded
    )


def _probe_in_main_process(
    base: Base, prompter: Prompter, processes: ProcessGroup
) -> ModelCapabilities:
    """What the model can do according to the main process, in all of them.

    The order of the tweets and the number of passes depend on it, so all need the same answer.
    """
    return processes.all_gather([probe_capabilities(base.model, prompter)])[0]


def _require_whole_weights(lora: Lora) -> None:
    if lora.bias != "none":
        raise UserError(
            f"lora.bias={lora.bias} trains weights of the base itself, which training.memory="
            "sharded divides; set lora.bias=none."
        )


def _require_gradient(
    layer: torch.nn.Module, given: object, embedded: torch.Tensor
) -> torch.Tensor:
    """Let the embeddings require a gradient, so that all layers look alike to a compiler."""
    return embedded.requires_grad_(torch.is_grad_enabled())

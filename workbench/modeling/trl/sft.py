"""QLoRA fine-tuning with TRL's SFTTrainer and the loss over whole texts, as in the seed recipe."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from datasets import Dataset
from peft import set_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from transformers import TrainerCallback, TrainerState
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_pt_utils import safe_globals
from trl import SFTConfig, SFTTrainer

from storage.errors import on_one_line
from workbench.modeling.base.device_memory import peak_gib
from workbench.modeling.base.lora import lora_config
from workbench.modeling.base.model import Base, Model
from workbench.modeling.data.batches import full_text_examples
from workbench.modeling.data.examples import Examples
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.training import dev_evaluation
from workbench.modeling.training.checkpoints import (
    DamagedCheckpoint,
    load_tensors,
    mark_complete,
    newest_checkpoint,
    resume_note,
    step_of,
)
from workbench.modeling.training.result import ReportEvent, TrainingResult
from workbench.modeling.training.step_clock import StepClock
from workbench.modeling.training.warm_start import WarmStart
from workbench.modeling.trl.micro_batch import train_with_oom_recovery, with_micro_batch
from workbench.recipes.recipes import Recipe, Training

RNG_STATE_NAME = "rng_state.pth"


def train_with_trl(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    checkpoints: Path,
    report: ReportEvent,
    stop_asked: Callable[[], bool],
    start: WarmStart | None = None,
) -> TrainingResult:
    """Fine-tune an adapter on the base, from the newest checkpoint if there is one.

    The weights of the adapter are kept in float32: at the usual learning rates most updates are
    smaller than bfloat16 can hold.
    """
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # noqa: S101 - a qlora recipe has both
    callback = _ReportingCallback(report, stop_asked, prompter, dev, settings)
    dataset = _make_dataset(prompter, examples)

    def make_trainer(micro: int) -> SFTTrainer:
        trainer = SFTTrainer(
            model=base.model,
            args=_sft_config(with_micro_batch(settings, micro), base, checkpoints),
            train_dataset=dataset,
            processing_class=prompter.tokenizer,
            peft_config=lora_config(base.model, lora),
            callbacks=[callback],
        )
        for name, parameter in trainer.model.named_parameters():
            if parameter.requires_grad and "lora_" in name:  # a bias has to fit its base
                parameter.data = parameter.data.float()
        if start is not None:
            start.apply(trainer.model)
        return trainer

    def note(text: str) -> None:
        report("note", text=text)

    def resume(trainer: SFTTrainer) -> TrainingResult:
        newest = newest_checkpoint(checkpoints, _require_undamaged, note)
        if newest is not None:
            note(resume_note(newest.folder))
        trainer.train(resume_from_checkpoint=None if newest is None else str(newest.folder))
        step, best = trainer.state.global_step, trainer.state.best_global_step or 0
        adapter_step = step
        if settings.keep_best and 0 < best < step and not callback.stopped:
            best_checkpoint = checkpoints / f"checkpoint-{best}"
            adapter_step = _restore_best(trainer.model, best_checkpoint, step, report)
        remark = dev_evaluation.ending_remark(step, trainer.state.max_steps, best, adapter_step)
        return TrainingResult(
            trainer.model, step, callback.stopped, adapter_step=adapter_step, remark=remark
        )

    return train_with_oom_recovery(make_trainer, resume, settings, checkpoints, report)


def _require_undamaged(checkpoint: Path) -> None:
    """Raise DamagedCheckpoint if a file of a checkpoint cannot be read.

    Pickles are loaded with `weights_only`, here as in the trainer, so they run no code.
    """
    load_tensors(checkpoint / SAFETENSORS_WEIGHTS_NAME)
    try:
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        with safe_globals():
            for name in (OPTIMIZER_NAME, SCHEDULER_NAME, RNG_STATE_NAME):
                torch.load(checkpoint / name, map_location="cpu", weights_only=True)
    except (OSError, ValueError, TypeError, RuntimeError, EOFError, UnpicklingError) as error:
        raise DamagedCheckpoint(on_one_line(error, 160)) from None
    if state.global_step != step_of(checkpoint):
        raise DamagedCheckpoint(f"{TRAINER_STATE_NAME} does not belong to it")


def _restore_best(model: Model, checkpoint: Path, step: int, report: ReportEvent) -> int:
    """Restore the weights of the best step on dev; the step that the weights are then of.

    That is `step`, the last one, if the checkpoint is damaged.
    """
    try:
        set_peft_model_state_dict(model, load_tensors(checkpoint / SAFETENSORS_WEIGHTS_NAME))
    except DamagedCheckpoint as error:
        report("note", text=f"the best step on dev, of {checkpoint.name}, is damaged ({error})")
        return step
    return step_of(checkpoint)


def _sft_config(settings: Training, base: Base, checkpoints: Path) -> SFTConfig:
    """The settings of a recipe in TRL's terms."""
    cuda = base.model.device.type == "cuda"
    dtype = base.model.dtype
    return SFTConfig(
        output_dir=str(checkpoints),
        max_length=settings.max_length,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        max_steps=settings.max_steps or -1,
        num_train_epochs=settings.epochs,
        warmup_steps=settings.warmup,  # a value below 1 is a share of the steps
        lr_scheduler_type=settings.scheduler,
        save_steps=settings.save_steps,
        save_total_limit=2,
        logging_steps=settings.logging_steps,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        train_sampling_strategy="group_by_length" if settings.length_grouped else "random",
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=not cuda,
        dataloader_pin_memory=cuda,
        seed=settings.seed,
        data_seed=settings.seed,
        disable_tqdm=True,
        report_to="none",
    )


def _make_dataset(prompter: Prompter, examples: Examples) -> Dataset:
    """The tokens of prompt, label word and end, of which TRL's trainer cuts nothing off."""
    rows = full_text_examples(prompter, examples.texts, examples.labels)
    return Dataset.from_dict({"input_ids": [[*row.tokens, row.targets[-1]] for row in rows]})


class _ReportingCallback(TrainerCallback):
    """Reports steps and dev metrics, marks complete checkpoints, stops early or when asked to."""

    def __init__(
        self,
        report: ReportEvent,
        stop_asked: Callable[[], bool],
        prompter: Prompter,
        dev: Examples,
        settings: Training,
    ) -> None:
        self.report = report
        self.stop_asked = stop_asked
        self.prompter = prompter
        self.dev = dev
        self.settings = settings
        self.stopped = False
        self.began = 0.0
        self.first_step = 0
        self.clock = StepClock(0)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.report("phase", phase="training")
        self.began, self.first_step = time.monotonic(), state.global_step
        self.clock = StepClock(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        step, left = state.global_step, state.max_steps - state.global_step
        left_s = self.clock.seconds_left(step, state.max_steps)
        self.report("tick", step=step, steps=state.max_steps, eta_s=left_s)
        if self.dev.texts and (state.global_step % self.settings.save_steps == 0 or left <= 0):
            self._evaluate(kwargs["model"], state)
        best_step = state.best_global_step or 0
        stop_early = dev_evaluation.should_stop_early(self.settings, state.global_step, best_step)
        if stop_early or left <= 0:
            # a resumed run would do one step too many after a checkpoint of the end
            control.should_training_stop, control.should_save = True, False
        elif self.stop_asked():
            control.should_training_stop = control.should_save = self.stopped = True
        return control

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any
    ) -> None:
        if "loss" not in logs:
            return
        steps = max(1, state.global_step - self.first_step)
        batch = args.per_device_train_batch_size * args.gradient_accumulation_steps
        seconds = time.monotonic() - self.began
        norm = float(logs["grad_norm"])
        skipped = args.fp16 and not math.isfinite(norm)  # by its gradient scaler
        self.report(
            "step",
            step=state.global_step,
            steps=state.max_steps,
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            **({} if skipped else {"grad_norm": norm}),
            tweets_per_s=steps * batch / seconds,
            step_s=seconds / steps,
            memory_gib=peak_gib(),
        )

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def _evaluate(self, model: Model, state: Any) -> None:
        """Score the dev tweets and keep the best step in the state, which checkpoints hold."""
        metrics = dev_evaluation.evaluate_on_dev(
            model, self.prompter, self.dev, self.settings.memory
        )
        if metrics.improves_on(state.best_metric):
            state.best_metric, state.best_global_step = metrics.loss, state.global_step
        self.report(
            "dev",
            step=state.global_step,
            steps=state.max_steps,
            accuracy=metrics.accuracy,
            loss=metrics.loss,
            n=metrics.n,
            best_step=state.best_global_step or 0,
        )

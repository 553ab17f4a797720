"""QLoRA fine-tuning with TRL's stock SFTTrainer and the loss over whole texts, as in the seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from datasets import Dataset
from peft import set_peft_model_state_dict
from transformers import TrainerCallback, TrainerState
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_pt_utils import safe_globals
from trl import SFTConfig, SFTTrainer

from storage.errors import on_one_line
from workbench.modeling.base.device_memory import peak_gib
from workbench.modeling.base.loading import Base, Model
from workbench.modeling.data.examples import Examples, Report, Trained
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.export.exporting import WEIGHTS
from workbench.modeling.training import dev_evaluation
from workbench.modeling.training.checkpoints import (
    Damaged,
    going_on,
    newest,
    seal,
    step_of,
    tensors,
)
from workbench.modeling.training.lora import lora_config
from workbench.modeling.trl.micro_batch import divided, with_second_chance
from workbench.recipes import Recipe, Training

RANDOM_NAME = "rng_state.pth"


def train_with_trl(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    checkpoints: Path,
    report: Report,
    stop_asked: Callable[[], bool],
) -> Trained:
    """Fine-tune an adapter on the base, from the newest complete checkpoint if there is one.

    The weights of the adapter are kept in float32: at the usual learning rates most updates are
    smaller than bfloat16 can hold.
    """
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # a qlora recipe has both  # noqa: S101
    progress = _Progress(report, stop_asked, prompter, dev, settings)
    dataset = _texts(prompter, examples)

    def make(micro: int) -> SFTTrainer:
        trainer = SFTTrainer(
            model=base.model,
            args=_arguments(divided(settings, micro), base, checkpoints),
            train_dataset=dataset,
            processing_class=prompter.tokenizer,
            peft_config=lora_config(lora),
            callbacks=[progress],
        )
        for name, parameter in trainer.model.named_parameters():
            if parameter.requires_grad and "lora_" in name:  # a bias has to fit its base
                parameter.data = parameter.data.float()
        return trainer

    def go_on(trainer: SFTTrainer) -> Trained:
        found = newest(checkpoints, _read, lambda text: report("note", text=text))
        if found is not None:
            report("note", text=going_on(found[0]))
        trainer.train(resume_from_checkpoint=None if found is None else str(found[0]))
        step, best = trainer.state.global_step, trainer.state.best_global_step or 0
        taken = step
        if settings.keep_best and 0 < best < step and not progress.stopped:
            taken = _take_best(trainer.model, checkpoints / f"checkpoint-{best}", step, report)
        ending = dev_evaluation.ending(step, trainer.state.max_steps, best, taken)
        return Trained(trainer.model, step, progress.stopped, taken=taken, ending=ending)

    return with_second_chance(make, go_on, settings, checkpoints, report)


def _read(checkpoint: Path) -> None:
    """Look whether a checkpoint of the trainer is whole; raises Damaged.

    What it holds as pickles is read without running any code, here as in the trainer.
    """
    tensors(checkpoint / WEIGHTS)
    try:
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
        with safe_globals():
            for name in (OPTIMIZER_NAME, SCHEDULER_NAME, RANDOM_NAME):
                torch.load(checkpoint / name, map_location="cpu", weights_only=True)
    except (OSError, ValueError, TypeError, RuntimeError, EOFError, UnpicklingError) as error:
        raise Damaged(on_one_line(error)[:160]) from None
    if state.global_step != step_of(checkpoint):
        raise Damaged(f"{TRAINER_STATE_NAME} does not belong to it")


def _take_best(model: Model, checkpoint: Path, step: int, report: Report) -> int:
    """Put the weights of the best step on dev back, and return the step that they are of."""
    try:
        set_peft_model_state_dict(model, tensors(checkpoint / WEIGHTS))
    except Damaged as error:
        report("note", text=f"the best step on dev, of {checkpoint.name}, is damaged ({error})")
        return step
    return step_of(checkpoint)


def _arguments(settings: Training, base: Base, checkpoints: Path) -> SFTConfig:
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


def _texts(prompter: Prompter, examples: Examples) -> Dataset:
    """Prompt and label word as one text each; TRL makes the tokens and cuts nothing off."""
    words = [prompter.tokenizer.decode(answer) for answer in prompter.answers]
    room = prompter.max_length - max(map(len, prompter.answers)) - 1  # and the end token
    return Dataset.from_dict(
        {
            "text": [
                prompter.text(prompter.shortened(text, room), words[label])
                for text, label in zip(examples.texts, examples.labels, strict=True)
            ]
        }
    )


class _Progress(TrainerCallback):
    """Reports steps, dev accuracy and memory; marks complete checkpoints; stops when asked to."""

    def __init__(
        self,
        report: Report,
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

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began, self.first_step = time.monotonic(), state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        left = state.max_steps - state.global_step
        rate = (time.monotonic() - self.began) / max(1, state.global_step - self.first_step)
        self.report("tick", step=state.global_step, steps=state.max_steps, eta_s=left * rate)
        if self.dev.texts and (state.global_step % self.settings.save_steps == 0 or left <= 0):
            self._evaluate(kwargs["model"], state)
        exhausted = dev_evaluation.exhausted(
            self.settings, state.global_step, state.best_global_step or 0
        )  # fmt: skip
        if exhausted or left <= 0:
            # a checkpoint of the end would be gone on from, by one step too many
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
        self.report(
            "step",
            step=state.global_step,
            steps=state.max_steps,
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            grad_norm=float(logs["grad_norm"]),
            tweets_per_s=steps * batch / seconds,
            step_s=seconds / steps,
            memory_gib=peak_gib(),
        )

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def _evaluate(self, model: Model, state: Any) -> None:
        """Score the dev tweets; the best is remembered in the state, which checkpoints hold."""
        found = dev_evaluation.judge(model, self.prompter, self.dev, self.settings.memory)
        if found.better_than(state.best_metric):
            state.best_metric, state.best_global_step = found.loss, state.global_step
        self.report(
            "dev", step=state.global_step, steps=state.max_steps, accuracy=found.accuracy,
            loss=found.loss, n=found.n, best_step=state.best_global_step or 0,
        )  # fmt: skip

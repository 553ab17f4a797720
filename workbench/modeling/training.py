"""QLoRA fine-tuning with TRL: full-text loss as in the public recipe, or label-word loss."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch.nn import functional
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

from workbench.modeling.loading import Base, Model
from workbench.modeling.prompts import Prompter
from workbench.modeling.scoring import label_logits, score
from workbench.recipes import Recipe, Training

COMPLETE = "COMPLETE"
"""Marks a checkpoint whose files are all on the disk."""
IGNORED = -100

Report = Callable[..., None]
"""Called with the kind of an event and its values; see `workbench.runs.folder.append_log`."""


@dataclass(frozen=True)
class Examples:
    """Texts and the number of the label of each."""

    texts: Sequence[str]
    labels: Sequence[int]


@dataclass(frozen=True)
class Trained:
    """A model after training, and how far it came."""

    model: Model
    steps: int
    stopped: bool


def train(
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

    The trainable weights are kept in float32: at the usual learning rates most updates are
    smaller than bfloat16 can hold.
    """
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # a qlora recipe has both  # noqa: S101
    full_text = recipe.loss == "full-text"
    data = _texts(prompter, examples) if full_text else _answers(prompter, examples)
    trainer_class = SFTTrainer if full_text else _label_word_trainer(prompter)
    progress = _Progress(report, stop_asked, prompter, dev, settings.save_steps)
    trainer = trainer_class(
        model=base.model,
        args=_arguments(settings, base, checkpoints, prepared=not full_text),
        train_dataset=data,
        processing_class=prompter.tokenizer,
        peft_config=LoraConfig(
            r=lora.r,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            bias=lora.bias,
            task_type="CAUSAL_LM",
            target_modules=list(lora.targets) if isinstance(lora.targets, tuple) else lora.targets,
        ),
        callbacks=[progress],
    )
    for parameter in trainer.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    newest = newest_checkpoint(checkpoints)
    trainer.train(resume_from_checkpoint=None if newest is None else str(newest))
    return Trained(trainer.model, trainer.state.global_step, progress.stopped)


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _arguments(settings: Training, base: Base, checkpoints: Path, prepared: bool) -> SFTConfig:
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
        dataset_kwargs={"skip_prepare_dataset": prepared},
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


def _answers(prompter: Prompter, examples: Examples) -> Dataset:
    """Tokens of prompt and label word; only the word's positions carry a target."""
    prompts = prompter.prompts(examples.texts)
    answers = [prompter.answers[label] for label in examples.labels]
    pairs = list(zip(prompts, answers, strict=True))
    return Dataset.from_dict(
        {
            "input_ids": [[*prompt, *answer] for prompt, answer in pairs],
            "labels": [[IGNORED] * len(prompt) + list(answer) for prompt, answer in pairs],
        }
    )


def _label_word_trainer(prompter: Prompter) -> type[SFTTrainer]:
    """The stock trainer with the loss of the label words (TRL's way to change a loss).

    With one token per word: the cross-entropy over the label words at the answer. Words of
    several tokens: the cross-entropy over the vocabulary at the tokens of the right word.
    Batches are padded on the right, which causal attention never sees, so no mask is passed.
    """
    answers = torch.tensor([answer[0] for answer in prompter.answers])

    class LabelWordTrainer(SFTTrainer):
        def compute_loss(
            self,
            model: Model,
            inputs: dict[str, torch.Tensor],
            return_outputs: bool = False,
            num_items_in_batch: torch.Tensor | int | None = None,
        ) -> Any:
            targets = inputs["labels"]
            count = len(targets) if num_items_in_batch is None else num_items_in_batch
            if not prompter.single:
                logits = model(input_ids=inputs["input_ids"], use_cache=False).logits[:, :-1]
                flat = logits.reshape(-1, logits.shape[-1]).float()
                wanted = targets[:, 1:].reshape(-1)
                return functional.cross_entropy(flat, wanted, reduction="sum") / count
            first = (targets != IGNORED).int().argmax(dim=1)
            wanted = targets.gather(1, first[:, None])
            scores = label_logits(model, prompter, inputs["input_ids"], first - 1)
            number = (wanted == answers.to(wanted.device)).int().argmax(dim=1)
            return functional.cross_entropy(scores, number, reduction="sum") / count

    return LabelWordTrainer


class _Progress(TrainerCallback):
    """Reports steps, dev accuracy and memory; marks complete checkpoints; stops when asked to."""

    def __init__(
        self,
        report: Report,
        stop_asked: Callable[[], bool],
        prompter: Prompter,
        dev: Examples,
        every: int,
    ) -> None:
        self.report = report
        self.stop_asked = stop_asked
        self.prompter = prompter
        self.dev = dev
        self.every = every
        self.stopped = False
        self.began = 0.0
        self.first_step = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began, self.first_step = time.monotonic(), state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        left = state.max_steps - state.global_step
        rate = (time.monotonic() - self.began) / max(1, state.global_step - self.first_step)
        self.report("tick", step=state.global_step, steps=state.max_steps, eta_s=left * rate)
        if self.dev.texts and (state.global_step % self.every == 0 or left == 0):
            self._evaluate(kwargs["model"], state.global_step)
        if self.stop_asked() and left > 0:
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
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        (folder / COMPLETE).touch()

    def _evaluate(self, model: Model, step: int) -> None:
        rows = score(model, self.prompter, self.dev.texts)
        right = sum(
            row[label] == max(row) for row, label in zip(rows, self.dev.labels, strict=True)
        )
        self.report("dev", step=step, accuracy=right / len(rows), n=len(rows))


def peak_gib() -> float:
    """The most memory this process has used so far in GiB: on the GPU, or resident on a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def remove_checkpoints(folder: Path) -> None:
    """Free the disk after a run that came to its end."""
    shutil.rmtree(folder, ignore_errors=True)

"""QLoRA fine-tuning on packed rows: the loop of every recipe but the stock one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from storage.errors import UserError
from workbench.estimating import MULTIPLE, Lengths
from workbench.modeling.base.capabilities import find_out
from workbench.modeling.base.device_memory import peak_gib, plan
from workbench.modeling.base.falcon_attention import fuse_attention
from workbench.modeling.base.loading import Base, Model, dequantise
from workbench.modeling.base.sharding import is_sharded
from workbench.modeling.data import batches
from workbench.modeling.data.examples import Dynamics, Examples, Report, Trained
from workbench.modeling.data.prompts import Prompter
from workbench.modeling.data.schedule import Work
from workbench.modeling.packed import batch_probe
from workbench.modeling.packed.compiling import uncompile_layers
from workbench.modeling.packed.step_runner import Passes
from workbench.modeling.training import checkpoints, dev_evaluation, out_of_memory
from workbench.modeling.training.checkpoints import Checkpoint, Course, Damaged
from workbench.modeling.training.dynamics import Record
from workbench.modeling.training.lora import Masters, add_adapter, lean
from workbench.modeling.training.process_group import ALONE, Place
from workbench.recipes import Recipe, Training

LONGEST_NORM = 1.0
"""Gradients are clipped to this length, as in the stock trainer."""


def train(
    base: Base,
    recipe: Recipe,
    prompter: Prompter,
    examples: Examples,
    dev: Examples,
    folder: Path,
    report: Report,
    stop_asked: Callable[[], bool],
    place: Place = ALONE,
) -> Trained:
    """Fine-tune an adapter on the base, from the newest complete checkpoint if there is one.

    A run that stopped and went on ends with the same weights, bit for bit on a CPU, as one that
    did not: order and dropout of a step depend on the seed and the step alone. Of several
    processes each takes its share of the tweets of every step; `stop_asked` then has to give the
    same answer in all of them. Raises UserError if there is nothing to train on.
    """
    settings, lora = recipe.training, recipe.lora
    assert settings is not None and lora is not None  # a qlora recipe has both  # noqa: S101
    if settings.trainer == "trl":
        if place.size > 1:
            raise UserError(
                "The stock trainer of this recipe is used on one GPU; leave out --gpus, or name "
                "the recipe fast."
            )
        from workbench.modeling.trl.sft import train_with_trl

        return train_with_trl(
            base, recipe, prompter, examples, dev, folder, report, stop_asked
        )  # fmt: skip
    if not examples.texts:
        raise UserError("There is no tweet to train on.")
    full_text = recipe.loss == "full-text"
    make = batches.text_rows if full_text else batches.answer_rows
    rows = make(prompter, examples.texts, examples.labels)
    fuse_attention(base.model)
    if (shared := is_sharded(base.model)) and lora.bias != "none":
        raise UserError(
            f"lora.bias={lora.bias} trains weights of the base itself, which training.memory="
            "sharded divides; set lora.bias=none."
        )
    # one answer for all: the order of the tweets and the number of passes depend on it
    ways = place.gather([find_out(base.model, prompter)])[0]
    report("note", text=ways.told())
    lengths = [len(row.tokens) for row in rows]
    spread = Lengths(sum(lengths) / len(lengths), max(lengths))
    chosen = plan(recipe, base.model, spread, place.size)
    if (most := out_of_memory.limit(folder)) is not None:
        chosen = replace(chosen, tokens=min(chosen.tokens, most))
    report("note", text=chosen.told())
    if chosen.dequantised:
        dequantise(base.model, base.model.dtype)
    adapted = add_adapter(base.model, lora, settings.seed)
    if chosen.checkpointing:
        adapted.gradient_checkpointing_enable({"use_reentrant": False})
    # the first layer then looks like the others to a compiler
    embedded = base.model.get_input_embeddings().register_forward_hook(_as_if_trained)
    masters = Masters(adapted, base.model.dtype)
    with lean(adapted):
        work = Work(settings, chosen, ways, rows, full_text, prompter, place, shared)
        loop = Loop(adapted, masters, work, dev, folder, report, stop_asked)
        stopped = loop.run()
    embedded.remove()
    uncompile_layers(adapted)
    masters.release()
    loop.passes.forget()  # or the memory of the graphs is missing while the run scores
    if chosen.checkpointing:
        adapted.gradient_checkpointing_disable()
        base.model.disable_input_require_grads()
    return Trained(adapted, loop.course.step, stopped, loop.dynamics(), loop.taken, loop.ending)


class Loop:
    """The course of a run from its first step, or its newest checkpoint, to its last."""

    def __init__(
        self, model: Model, masters: Masters, work: Work, dev: Examples, folder: Path,
        report: Report, stop_asked: Callable[[], bool],
    ) -> None:  # fmt: skip
        settings = work.settings
        self.model, self.masters, self.work = model, masters, work
        self.dev, self.folder, self.report, self.stop_asked = dev, folder, report, stop_asked
        self.place = work.place
        self.device = model.device
        self.multiple = MULTIPLE.get(self.device.type, 8)
        self.optimizer = torch.optim.AdamW(
            [masters.weights], lr=settings.learning_rate, weight_decay=0.0, fused=True
        )
        self.rate = _schedule(settings, work.total, self.optimizer)
        answers = [answer[0] for answer in work.prompter.answers]
        labels = torch.tensor(answers, device=self.device)
        self.passes = Passes(
            model.get_base_model(), masters, work.ways, labels if work.records else None, self._note
        )
        self.course = Course(step=0, seed=settings.seed)
        self.taken = 0
        self.ending: str | None = None
        self.record = Record(work.place)

    def run(self) -> bool:
        """Train; true if it was asked to stop before the end.

        When the memory runs out, it goes on from the last checkpoint with smaller passes, once; of
        several processes the others are in the middle of a step, so that is left to a resumed run.
        """
        start = self.masters.weights.detach().cpu().clone()
        self._restore()
        try:
            return self._run()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory.ran_out(error):
                raise
            tokens = batch_probe.smaller(self.work, self.course.step, self.multiple)
            if tokens is None:
                raise
            if self.place.size > 1:
                out_of_memory.set_limit(self.folder, tokens)
                raise UserError(
                    f"{'The GPU' if self.device.type == 'cuda' else 'The machine'} ran out of "
                    f"memory; resume the run, which goes on with up to {tokens:,} tokens a pass "
                    "and learns the same."
                ) from None
        # not in the handler, whose error holds the tensors of the pass that failed
        self._begin_again(start, tokens)
        return self._run()

    def _run(self) -> bool:
        self.model.train()
        if not self.work.sharded:  # a pass of several processes is not tried by one
            batch_probe.prepare(self.work, self.passes, self.course.step, self.multiple, self._note)
        with checkpoints.writer(self.folder) as writer:
            if self._steps(writer):
                return True
        self._take_best()
        return False

    def _steps(self, writer: checkpoints.Writer) -> bool:
        """Do the steps that are left; true if it was asked to stop in between."""
        settings = self.work.settings
        first, began = self.course.step, time.monotonic()
        losses: list[torch.Tensor] = []
        waited: torch.cuda.Event | None = None
        while self.course.step < self.work.total:
            loss, norm = self._step(self.course.step)
            losses.append(loss)
            step = self.course.step + 1
            self.course = replace(self.course, step=step)
            if self.device.type == "cuda":
                # the host is one step ahead of the device, and no more: a stop must not wait
                if waited is not None:
                    waited.synchronize()
                waited = torch.cuda.Event()
                waited.record()
            rate = (time.monotonic() - began) / (step - first)
            left = self.work.total - step
            self.report("tick", step=step, steps=self.work.total, eta_s=left * rate)
            if step % settings.logging_steps == 0 or left == 0:
                self._log(losses, norm, step - first, began)
                losses = []
            stopping = left > 0 and self.stop_asked()
            if step % settings.save_steps == 0 or left == 0:
                self._evaluate(step)
            if left == 0 or dev_evaluation.exhausted(settings, step, self.course.best_step):
                return False  # what is learned goes into the adapter at once
            if step % settings.save_steps == 0 or stopping:
                self._save(writer)
            if stopping:
                return True
        return False

    def dynamics(self) -> Dynamics | None:
        """The probability of each given label, epoch by epoch."""
        return self.record.dynamics() if self.work.records else None

    def _step(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean loss of a step and the length of its gradient, still on the device."""
        torch.manual_seed(self.work.settings.seed * 1_000_003 + step + (self.place.rank << 40))
        gradient = self.masters.gradient
        gradient.zero_()
        total = torch.zeros((), device=self.device)
        for part, batch in self.work.step(step, self.multiple):
            found = self.passes(batch)
            total += (found * batch.weights.to(self.device)).sum()
            if self.work.records and part:
                numbers = [row.number for row in part]
                self.record.add(numbers, step // self.work.per_epoch, found[: len(numbers)])
        self.place.add_up(gradient)
        self.place.add_up(total)
        norm = gradient.norm()
        gradient.mul_((LONGEST_NORM / (norm + 1e-6)).clamp(max=1))
        self.optimizer.param_groups[0]["lr"] = self._learning_rate(step)
        self.optimizer.step()
        self.masters.publish()
        return total, norm

    def _learning_rate(self, step: int) -> float:
        return self.work.settings.learning_rate * self.rate(step)

    def _begin_again(self, start: torch.Tensor, tokens: int) -> None:
        """Back to the newest checkpoint, or the start, with passes of so many tokens."""
        self._note(
            f"memory ran out after step {self.course.step}; going on from the last checkpoint, or "
            f"the start, with up to {tokens:,} tokens a pass, which learns the same"
        )
        out_of_memory.set_limit(self.folder, tokens)
        self.work.plan = replace(self.work.plan, tokens=tokens)
        self.passes.forget()
        self.optimizer.state.clear()
        with torch.no_grad():
            self.masters.weights.copy_(start)
        self.masters.publish()
        self.course = Course(step=0, seed=self.work.settings.seed)
        self.record = Record(self.place)
        out_of_memory.tidy()
        self._restore()

    def _log(
        self, losses: list[torch.Tensor], norm: torch.Tensor, steps: int, began: float
    ) -> None:
        self.record.fetch()
        mean = float(torch.stack(losses).mean())
        seconds = time.monotonic() - began
        self.report(
            "step",
            step=self.course.step,
            steps=self.work.total,
            loss=mean,
            learning_rate=self._learning_rate(self.course.step - 1),
            grad_norm=float(norm),
            tweets_per_s=steps * min(self.work.per_step, len(self.work.rows)) / seconds,
            step_s=seconds / steps,
            memory_gib=peak_gib(),
        )

    def _evaluate(self, step: int) -> None:
        if not self.dev.texts:
            return
        found = dev_evaluation.judge(
            self.model.get_base_model(), self.work.prompter, self.dev, self.work.settings.memory,
            self.place,
        )  # fmt: skip
        if found.better_than(self.course.best_loss):
            self.course = replace(
                self.course, best_step=step, best_accuracy=found.accuracy, best_loss=found.loss
            )
        self.report(
            "dev", step=step, steps=self.work.total, accuracy=found.accuracy, loss=found.loss,
            n=found.n, best_step=self.course.best_step,
        )  # fmt: skip

    def _save(self, writer: checkpoints.Writer) -> None:
        seen = self.record.of_all()
        if self.place.first:
            writer.save(self.course, self.masters, self.optimizer, seen)

    def _restore(self) -> None:
        """Go on from the newest checkpoint that is whole, the same one in all processes."""
        found = None
        if self.place.first:
            found = checkpoints.newest(self.folder, self._read, self._note)
        name = self.place.gather([None if found is None else found[0].name])[0]
        if name is None:
            return
        whole = self._read(self.folder / name) if found is None else found[1]
        checkpoints.restore(whole, self.masters, self.optimizer)
        self.record.put_back(whole.seen)
        self.course = whole.course
        self._note(checkpoints.going_on(self.folder / name))

    def _read(self, checkpoint: Path) -> Checkpoint:
        return checkpoints.read(checkpoint, self.masters)

    def _take_best(self) -> None:
        """Put the weights of the best step on dev back, if the recipe keeps those."""
        step, best = self.course.step, self.course.best_step
        self.taken = step
        if self.work.settings.keep_best and 0 < best < step:
            self.place.any(False)  # the first process has written it by now
            weights = None
            try:
                weights = checkpoints.read_weights(self.folder / f"checkpoint-{best}", self.masters)
            except Damaged as error:
                self._note(f"the best step on dev was {best}, but its checkpoint: {error}")
            if not self.place.any(weights is None) and weights is not None:
                checkpoints.put_weights(weights, self.masters)
                self.taken = best
        self.ending = dev_evaluation.ending(step, self.work.total, best, self.taken)

    def _note(self, text: str) -> None:
        self.report("note", text=text)


def _as_if_trained(layer: torch.nn.Module, given: object, embedded: torch.Tensor) -> torch.Tensor:
    return embedded.requires_grad_(torch.is_grad_enabled())


def _schedule(
    settings: Training, total: int, optimizer: torch.optim.Optimizer
) -> Callable[[int], float]:
    """The share of the learning rate at each step (counted from 0), as in the stock trainer."""
    from transformers import get_scheduler

    scheduler = get_scheduler(
        settings.scheduler, optimizer, math.ceil(settings.warmup * total), total
    )
    [share] = scheduler.lr_lambdas
    return share

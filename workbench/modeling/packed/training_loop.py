"""The training loop of the packed trainer: steps, evaluations, checkpoints, and recovery."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from storage.errors import UserError
from workbench.modeling.base.device_memory import peak_gib
from workbench.modeling.base.model import Model
from workbench.modeling.base.out_of_memory import is_out_of_memory, release_memory
from workbench.modeling.data.examples import Examples
from workbench.modeling.packed import batch_probe
from workbench.modeling.packed.checkpoint_io import (
    Checkpoint,
    CheckpointWriter,
    TrainingState,
    checkpoint_writer,
    read_checkpoint,
    read_weights,
    restore_checkpoint,
    restore_weights,
)
from workbench.modeling.packed.dynamics import DynamicsRecorder, least_sure
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.packed.schedule import TrainingSchedule
from workbench.modeling.training import dev_evaluation
from workbench.modeling.training.checkpoints import (
    DamagedCheckpoint,
    newest_checkpoint,
    resume_note,
)
from workbench.modeling.training.pass_limit import write_pass_limit
from workbench.modeling.training.result import ReportEvent, TrainingDynamics
from workbench.modeling.training.step_clock import StepClock
from workbench.planning.memory_estimate import ROW_MULTIPLE
from workbench.recipes.recipes import Training

MAX_GRADIENT_NORM = 1.0
"""Gradients are clipped to this norm, as in TRL's trainer."""
MOST_HARD = 8
"""Examples that are reported as the hardest ones."""


class TrainingLoop:
    """Trains from the first step of a schedule, or from its newest checkpoint, to the last."""

    def __init__(
        self,
        model: Model,
        forward_backward: ForwardBackward,
        schedule: TrainingSchedule,
        dev: Examples,
        folder: Path,
        report: ReportEvent,
        stop_asked: Callable[[], bool],
    ) -> None:
        settings = schedule.settings
        self.model, self.forward_backward, self.schedule = model, forward_backward, schedule
        self.masters = forward_backward.masters
        self.dev, self.folder, self.report, self.stop_asked = dev, folder, report, stop_asked
        self.processes = schedule.processes
        self.device = model.device
        self.multiple = ROW_MULTIPLE.get(self.device.type, 8)
        self.optimizer = torch.optim.AdamW(
            [self.masters.weights], lr=settings.learning_rate, weight_decay=0.0, fused=True
        )
        self.rate_factor = _rate_factor(settings, schedule.total_steps, self.optimizer)
        self.state = TrainingState(step=0, seed=settings.seed)
        self._set_state(self.state)
        self.recorder = DynamicsRecorder(schedule.processes)
        self.adapter_step = 0
        """The step that the weights of the adapter are of, at the end."""
        self.remark: str | None = None
        """One sentence, if training ended early or kept the adapter of an earlier step."""

    def run(self, start: torch.Tensor) -> bool:
        """Train from these weights; true if it was asked to stop before the end.

        When memory runs out, it goes on from the last checkpoint with smaller passes, once; of
        several processes the others are in the middle of a step, so UserError asks to resume the
        run. The error of memory is raised again if passes cannot be smaller.
        """
        self._restore()
        try:
            return self._run()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            tokens = batch_probe.smaller_pass(self.schedule, self.state.step, self.multiple)
            if tokens is None:
                raise
            if self.processes.world_size > 1:
                write_pass_limit(self.folder, tokens)
                raise UserError(
                    f"{'The GPU' if self.device.type == 'cuda' else 'The machine'} ran out of "
                    "memory; resume the run, which goes on with the same batches in passes of up "
                    f"to {tokens:,} tokens."
                ) from None
        # not in the handler, whose error holds the tensors of the pass that failed
        self._restart(start, tokens)
        return self._run()

    def dynamics(self) -> TrainingDynamics | None:
        """The probability of each given label, epoch by epoch; none if the loss is another."""
        return self.recorder.result() if self.schedule.records_dynamics else None

    def _run(self) -> bool:
        self.model.train()
        if not self.schedule.sharded:  # one process alone cannot do a pass of a sharded model
            self.report("phase", phase=self.forward_backward.warming_up)
            batch_probe.probe_longest_batch(
                self.schedule, self.forward_backward, self.state.step, self.multiple, self._note
            )
        self.report("phase", phase="training")
        with checkpoint_writer(self.folder) as writer:
            if self._run_steps(writer):
                return True
        self._choose_adapter()
        return False

    def _run_steps(self, writer: CheckpointWriter) -> bool:
        """Do the steps that are left; true if it was asked to stop in between."""
        settings, total = self.schedule.settings, self.schedule.total_steps
        first, began = self.state.step, time.monotonic()
        clock = StepClock(first)
        losses: list[torch.Tensor] = []
        step_before: torch.cuda.Event | None = None
        while self.state.step < total:
            loss, norm = self._step(self.state.step)
            losses.append(loss)
            step = self.state.step + 1
            self.state = replace(self.state, step=step)
            if self.device.type == "cuda":
                # the host is one step ahead of the device, and no more: a stop must not wait
                if step_before is not None:
                    step_before.synchronize()
                step_before = torch.cuda.Event()
                step_before.record()
            left = total - step
            self.report("tick", step=step, steps=total, eta_s=clock.seconds_left(step, total))
            if step % settings.logging_steps == 0 or left == 0:
                self._log(losses, norm, step - first, began)
                losses = []
            stopping = left > 0 and self.stop_asked()
            if step % settings.save_steps == 0 or left == 0:
                self._evaluate(step)
                self._report_hardest(step)
            if left == 0 or dev_evaluation.should_stop_early(settings, step, self.state.best_step):
                return False  # the weights go into the adapter at once, not into a checkpoint
            if step % settings.save_steps == 0 or stopping:
                self._save(writer)
            if stopping:
                return True
        return False

    def _step(self, step: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Update the weights; the mean loss and the gradient's norm, which are on the device.

        A step that is skipped since its gradient overflowed has no norm.
        """
        rank_seed = self.processes.rank << 40
        torch.manual_seed(self.schedule.settings.seed * 1_000_003 + step + rank_seed)
        gradient = self.masters.gradient
        gradient.zero_()
        total = torch.zeros((), device=self.device)
        for examples, batch in self.schedule.step_passes(step, self.multiple):
            losses = self.forward_backward(batch)
            total += (losses * batch.weights.to(self.device)).sum()
            if self.schedule.records_dynamics and examples:
                self.recorder.record(examples, step // self.schedule.steps_per_epoch, losses)
        self.processes.all_reduce_sum(gradient)
        self.processes.all_reduce_sum(total)
        scale = self.forward_backward.loss_scale
        overflowed = scale is not None and not scale.unscale(gradient)
        if overflowed:
            self._skip_step(step)
            return total, None
        norm = gradient.norm()
        gradient.mul_((MAX_GRADIENT_NORM / (norm + 1e-6)).clamp(max=1))
        self.optimizer.param_groups[0]["lr"] = self._learning_rate(step)
        self.optimizer.step()
        self.masters.update_compute_copy()
        return total, norm

    def _skip_step(self, step: int) -> None:
        """Leave the weights as they are, with a smaller factor of the loss from now on."""
        self._set_state(replace(self.state, skipped_steps=self.state.skipped_steps + 1))
        self._note(
            f"the gradient of step {step + 1} overflowed in float16, so the step is skipped and "
            "the loss is scaled by half as much from now on"
        )

    def _set_state(self, state: TrainingState) -> None:
        self.state = state
        if self.forward_backward.loss_scale is not None:
            self.forward_backward.loss_scale.set(state.skipped_steps)

    def _learning_rate(self, step: int) -> float:
        return self.schedule.settings.learning_rate * self.rate_factor(step)

    def _restart(self, start: torch.Tensor, tokens: int) -> None:
        """Go back to the newest checkpoint, or the start, with passes of so many tokens."""
        self._note(
            f"memory ran out after step {self.state.step}; going on from the last checkpoint, or "
            f"the start, with the same batches in passes of up to {tokens:,} tokens"
        )
        write_pass_limit(self.folder, tokens)
        self.schedule.memory_mode = replace(self.schedule.memory_mode, tokens=tokens)
        self.forward_backward.release_graphs()
        self.optimizer.state.clear()
        with torch.no_grad():
            self.masters.weights.copy_(start)
        self.masters.update_compute_copy()
        self._set_state(TrainingState(step=0, seed=self.schedule.settings.seed))
        self.recorder = DynamicsRecorder(self.processes)
        release_memory()
        self._restore()

    def _log(
        self, losses: list[torch.Tensor], norm: torch.Tensor | None, steps: int, began: float
    ) -> None:
        """Report the mean of the losses since the last report, and the speed since the start."""
        self.recorder.copy_to_host()
        mean = float(torch.stack(losses).mean())
        seconds = time.monotonic() - began
        per_step = min(self.schedule.examples_per_step, len(self.schedule.examples))
        self.report(
            "step",
            step=self.state.step,
            steps=self.schedule.total_steps,
            loss=mean,
            learning_rate=self._learning_rate(self.state.step - 1),
            **({} if norm is None else {"grad_norm": float(norm)}),
            tweets_per_s=steps * per_step / seconds,
            step_s=seconds / steps,
            memory_gib=peak_gib(),
        )

    def _evaluate(self, step: int) -> None:
        """Score the dev tweets, if there are any, and keep the best step in the state."""
        if not self.dev.texts:
            return
        metrics = dev_evaluation.evaluate_on_dev(
            self.model.get_base_model(),
            self.schedule.prompter,
            self.dev,
            self.schedule.settings.memory,
            self.processes,
        )
        if metrics.improves_on(self.state.best_loss):
            self.state = replace(self.state, best_step=step, best_loss=metrics.loss)
        self.report(
            "dev",
            step=step,
            steps=self.schedule.total_steps,
            accuracy=metrics.accuracy,
            loss=metrics.loss,
            n=metrics.n,
            best_step=self.state.best_step,
        )

    def _report_hardest(self, step: int) -> None:
        """Report which examples are learnt least surely so far."""
        if self.schedule.records_dynamics:
            hardest = least_sure(self.recorder.all_columns(), MOST_HARD)
            self.report("hardest", step=step, examples=hardest)

    def _save(self, writer: CheckpointWriter) -> None:
        dynamics = self.recorder.all_columns()
        if self.processes.is_main:
            writer.save(self.state, self.masters, self.optimizer, dynamics)

    def _restore(self) -> None:
        """Resume from the newest undamaged checkpoint, the same one in all processes."""
        newest = None
        if self.processes.is_main:
            newest = newest_checkpoint(self.folder, self._read, self._note)
        name = self.processes.all_gather([None if newest is None else newest.folder.name])[0]
        if name is None:
            return
        checkpoint = self._read(self.folder / name) if newest is None else newest.content
        restore_checkpoint(checkpoint, self.masters, self.optimizer)
        self.recorder.restore(checkpoint.dynamics)
        self._set_state(checkpoint.training_state)
        self._note(resume_note(self.folder / name))

    def _read(self, folder: Path) -> Checkpoint:
        return read_checkpoint(folder, self.masters)

    def _choose_adapter(self) -> None:
        """Restore the weights of the best step on dev, if the recipe keeps those."""
        step, best = self.state.step, self.state.best_step
        self.adapter_step = step
        if self.schedule.settings.keep_best and 0 < best < step:
            self.processes.any(False)  # the main process has written it by now
            weights = None
            try:
                weights = read_weights(self.folder / f"checkpoint-{best}", self.masters)
            except DamagedCheckpoint as error:
                self._note(f"the best step on dev was {best}, but its checkpoint: {error}")
            if not self.processes.any(weights is None) and weights is not None:
                restore_weights(weights, self.masters)
                self.adapter_step = best
        self.remark = dev_evaluation.ending_remark(
            step, self.schedule.total_steps, best, self.adapter_step
        )

    def _note(self, text: str) -> None:
        self.report("note", text=text)


def _rate_factor(
    settings: Training, total: int, optimizer: torch.optim.Optimizer
) -> Callable[[int], float]:
    """What the learning rate is multiplied with at each step (counted from 0), as in TRL."""
    from transformers import get_scheduler

    scheduler = get_scheduler(
        settings.scheduler, optimizer, math.ceil(settings.warmup * total), total
    )
    [factor] = scheduler.lr_lambdas
    return factor

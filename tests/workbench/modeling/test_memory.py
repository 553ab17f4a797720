"""The probe before training, and the second chance of a run whose memory ran out."""

from __future__ import annotations

import re

import pytest
import torch

from storage.errors import UserError
from workbench.modeling.base import capabilities
from workbench.modeling.data.examples import Examples
from workbench.modeling.packed.forward_backward import ForwardBackward
from workbench.modeling.trainers import train
from workbench.modeling.training.pass_limit import LIMIT_FILE, read_pass_limit, write_pass_limit
from workbench.modeling.training.process_group import SINGLE_PROCESS, ProcessGroup
from workbench.worker.failure_reasons import NO_MEMORY, reason_of

NOBODY = Examples([], [])
FULL = "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"


def never():
    return False


def weights(model):
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


@pytest.fixture
def notes(events):
    report, seen = events
    return report, lambda: [values["text"] for event, values in seen if event == "note"]


def before_the_first_step(events):
    """The phases that were reported until then."""
    kinds = [event for event, _ in events[1]]
    return [
        values["phase"] for event, values in events[1][: kinds.index("tick")] if event == "phase"
    ]


class Twin(ProcessGroup):
    """One of two processes, of which the other says and does the same."""

    def all_gather(self, own):
        return [item for item in own for _ in range(2)]

    def all_reduce_sum(self, tensor):
        tensor *= 2

    def any(self, own):
        return own


def run(
    prepare, sample, folder, report, *overrides, recipe="tiny", tweets=12, processes=SINGLE_PROCESS
):
    """Three steps of four tweets."""
    chosen, base, prompter = prepare(
        "training.batch_size=4",
        "training.max_steps=3",
        "training.save_steps=2",
        "training.logging_steps=1",
        f"training.memory={'nf4' if recipe == 'seed' else '16-bit'}",
        *overrides,
        recipe=recipe,
    )
    return train(base, chosen, prompter, sample(tweets), NOBODY, folder, report, never, processes)


@pytest.fixture
def short_of_memory(monkeypatch):
    """Lets passes fail from the given one on that have more than so many tokens."""

    def begin(first, most):
        compute, calls = ForwardBackward.run_without_graph, []

        def limited(passes, batch):
            calls.append(batch)
            if len(calls) > first and batch.input_ids.numel() > most:
                raise RuntimeError(FULL)
            return compute(passes, batch)

        monkeypatch.setattr(ForwardBackward, "run_without_graph", limited)

    return begin


def test_memory_that_runs_out_while_a_model_is_tried_says_nothing_of_the_model(
    prepare, monkeypatch
):
    def full(*arguments):
        raise RuntimeError(FULL)

    _, base, prompter = prepare()
    monkeypatch.setattr(capabilities, "_packed_logits", full)
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        capabilities.probe_capabilities(base.model, prompter)


@pytest.mark.slow
def test_trying_the_longest_batch_changes_no_bit(
    prepare, sample, tmp_path, notes, events, monkeypatch
):
    report, told = notes
    tried = run(prepare, sample, tmp_path / "tried", report, "lora.dropout=0.1")
    assert before_the_first_step(events) == ["trying the longest batch", "training"]
    assert any(
        "the longest batch fits" in note and "4 tweets a step in 1 pass" in note for note in told()
    )
    monkeypatch.setattr(
        "workbench.modeling.packed.batch_probe.probe_longest_batch", lambda *a: None
    )
    plain = run(prepare, sample, tmp_path / "plain", report, "lora.dropout=0.1")
    expected = weights(plain.model)
    assert all(torch.equal(weight, expected[n]) for n, weight in weights(tried.model).items())
    assert tried.dynamics == plain.dynamics


@pytest.mark.slow
@pytest.mark.parametrize(("after", "steps"), [(1, [1, 1, 2, 3]), (2, [1, 2, 3])])
def test_a_run_that_is_short_of_memory_goes_on_with_smaller_passes(
    prepare, sample, tmp_path, events, notes, short_of_memory, after, steps
):
    """The passes are: the probe, then one for each step."""
    report, told = notes
    whole = run(prepare, sample, tmp_path / "whole", report, "lora.dropout=0.0")
    expected = weights(whole.model)
    short_of_memory(after + 1, 200)
    again = run(prepare, sample, tmp_path / "again", report, "lora.dropout=0.0")
    [note] = [note for note in told() if "memory ran out" in note]
    assert f"after step {after};" in note
    assert [values["step"] for event, values in events[1] if event == "step"][3:] == steps
    assert re.search(r"4 tweets a step in \d passes", told()[-1])
    assert again.steps == 3
    for name, weight in weights(again.model).items():
        assert torch.allclose(weight, expected[name], atol=2e-4), name
    pairs = zip(again.dynamics.example_indices, again.dynamics.epochs, strict=True)
    assert len(set(pairs)) == len(again.dynamics.example_indices) == 12
    assert read_pass_limit(tmp_path / "again") < 200


@pytest.mark.slow
def test_of_several_processes_that_are_short_of_memory_a_resumed_run_takes_smaller_passes(
    prepare, sample, tmp_path, notes, short_of_memory
):
    report, told = notes
    short_of_memory(2, 200)

    def both():
        return run(
            prepare,
            sample,
            tmp_path,
            report,
            "training.batch_size=8",
            tweets=24,
            processes=Twin(0, 2),
        )

    with pytest.raises(UserError, match=r"ran out of memory; resume the run, .* up to \d+ tokens"):
        both()
    assert read_pass_limit(tmp_path) < 200
    assert both().steps == 3
    assert re.search(r"8 tweets a step in [2-4] passes", told()[-1])


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_divided_before_the_first_step(
    prepare, sample, tmp_path, notes, short_of_memory
):
    report, told = notes
    short_of_memory(0, 200)
    run(prepare, sample, tmp_path, report)
    assert "the longest batch does not fit" in told()[-2]
    assert re.search(r"4 tweets a step in \d passes", told()[-1])


@pytest.mark.slow
def test_a_second_shortage_ends_the_run(prepare, sample, tmp_path, notes, short_of_memory):
    report, told = notes
    short_of_memory(2, 8)
    with pytest.raises(MemoryError) as caught:
        run(prepare, sample, tmp_path, report)
    assert reason_of(caught.value) == NO_MEMORY
    assert sum("memory ran out" in note for note in told()) == 1


@pytest.mark.slow
def test_the_stock_trainer_takes_smaller_batches_and_accumulates_more(
    prepare, sample, tmp_path, notes, monkeypatch
):
    from trl import SFTTrainer

    from workbench.modeling.trl import micro_batch

    report, told = notes
    sizes, steps = [], SFTTrainer.training_step
    attempt = micro_batch._probe_longest_batch

    def limited_try(trainer, micro):
        if micro > 2:
            raise RuntimeError(FULL)
        attempt(trainer, micro)

    def limited_step(trainer, model, inputs, *others):
        size = len(inputs["input_ids"])
        if size > 1 and trainer.state.global_step == 2:
            raise RuntimeError(FULL)
        sizes.append((trainer.state.global_step, size))
        return steps(trainer, model, inputs, *others)

    monkeypatch.setattr(micro_batch, "_probe_longest_batch", limited_try)
    monkeypatch.setattr(SFTTrainer, "training_step", limited_step)
    trained = run(
        prepare,
        sample,
        tmp_path,
        report,
        "training.batch_size=4",
        "training.accumulation=2",
        "quantization.compute_dtype=float32",
        recipe="seed",
        tweets=24,
    )
    assert trained.steps == 3
    assert sizes == [(0, 2)] * 4 + [(1, 2)] * 4 + [(2, 1)] * 8
    assert "the longest batch of 4 tweets does not fit" in told()
    assert "the longest batch fits: 2 tweets a pass, 8 a step in 4 passes" in told()
    assert any(
        "memory ran out after step 2; going on from the last checkpoint" in note for note in told()
    )
    assert "the longest batch fits: 1 tweet a pass, 8 a step in 8 passes" in told()


@pytest.mark.slow
def test_trying_the_longest_batch_leaves_the_stock_trainer_as_it_is(
    prepare, sample, tmp_path, events, monkeypatch
):
    report, _ = events
    settings = ("training.batch_size=2", "training.accumulation=1", "lora.dropout=0.1")
    tried = run(prepare, sample, tmp_path / "tried", report, *settings, recipe="seed")
    assert before_the_first_step(events) == ["trying the longest batch", "training"]
    monkeypatch.setattr("workbench.modeling.trl.micro_batch._probe_longest_batch", lambda *a: None)
    plain = run(prepare, sample, tmp_path / "plain", report, *settings, recipe="seed")
    expected = weights(plain.model)
    assert all(torch.equal(weight, expected[n]) for n, weight in weights(tried.model).items())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"most": 0}', '{"most": true}'])
def test_a_limit_that_says_nothing_counts_for_nothing(tmp_path, content):
    (tmp_path / LIMIT_FILE).write_text(content)
    assert read_pass_limit(tmp_path) is None
    write_pass_limit(tmp_path, 512)
    assert read_pass_limit(tmp_path) == 512

"""Cross-fitting: each fold as if it were a run of its own, and a stop in the middle of one."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.modeling.data.examples import Examples
from workbench.modeling.packed import adapter_fits as fits_module
from workbench.modeling.packed.cross_fit import FitReport, FoldPlan
from workbench.modeling.scoring.label_probabilities import score_texts
from workbench.modeling.trainers import train

pytestmark = [pytest.mark.models, pytest.mark.slow]

NOBODY = Examples([], [])
FOLD_OF = [0, 1, 2] * 8
SETTINGS = (
    "training.max_steps=3",
    "training.save_steps=1",
    "training.batch_size=8",
    "training.learning_rate=1e-2",
    "training.memory=nf4",
    "lora.dropout=0.1",
)


@pytest.fixture
def cross_fit(prepare, tiny_base, sample, tmp_path):
    """Trains on the sample in three folds; the result, what was scored, and the events."""

    def run(stop_at=10**9, done=(), folder="checkpoints", *overrides):
        recipe, base, prompter = prepare(
            *SETTINGS, "training.folds=3", *overrides, base=tiny_base()
        )
        saved, events = {}, []

        def save(fold, indices, rows):
            saved[fold] = dict(zip(indices, rows, strict=True))

        result = train(
            base,
            recipe,
            prompter,
            sample(24),
            NOBODY,
            tmp_path / folder,
            lambda event, **values: events.append((event, values)),
            lambda: any(v["step"] >= stop_at for event, v in events if event == "tick"),
            plan=FoldPlan(FOLD_OF, frozenset(done), save),
        )
        return result, saved, events

    return run


def silent(*args, **values):
    """A report that nobody reads."""


def weights(model) -> list[torch.Tensor]:
    return [p.detach().clone() for p in model.parameters() if p.requires_grad]


def test_a_fold_is_scored_as_by_a_run_that_never_saw_it(
    cross_fit, prepare, tiny_base, sample, tmp_path, monkeypatch
):
    probed = []
    probe = fits_module.probe_capabilities
    monkeypatch.setattr(fits_module, "probe_capabilities", lambda *a: probed.append(1) or probe(*a))
    result, saved, events = cross_fit()
    assert len(probed) == 1, "the base is prepared once for all"
    assert sorted(index for rows in saved.values() for index in rows) == list(range(24))
    steps = [values["step"] for event, values in events if event == "step"]
    assert steps[-1] == 12 and steps == sorted(steps)
    assert {values["steps"] for event, values in events if event == "step"} == {12}
    assert (result.steps, result.earlier_steps) == (3, 9)

    examples = sample(24)
    for fold in (1, None):
        recipe, base, prompter = prepare(*SETTINGS, base=tiny_base())
        kept = [i for i in range(24) if FOLD_OF[i] != fold]
        part = Examples([examples.texts[i] for i in kept], [examples.labels[i] for i in kept])
        alone = train(
            base, recipe, prompter, part, NOBODY, tmp_path / f"{fold}", silent, lambda: False
        )
        if fold is None:
            for own, other in zip(weights(result.model), weights(alone.model), strict=True):
                assert torch.equal(own, other), "the last fit is that of a run without folds"
        else:
            held_out = [i for i in range(24) if FOLD_OF[i] == fold]
            rows = score_texts(alone.model, prompter, [examples.texts[i] for i in held_out])
            for index, row in zip(held_out, rows, strict=True):
                assert saved[fold][index] == pytest.approx(row, abs=1e-4)
    assert not list(tmp_path.glob("checkpoints/fold-*")), "a fold leaves no checkpoint behind"


def test_a_run_goes_on_with_the_fold_it_was_in(cross_fit, tmp_path):
    whole, all_saved, _ = cross_fit(folder="whole")
    result, first, _ = cross_fit(stop_at=5)
    assert result.stopped and list(first) == [0] and result.earlier_steps == 3
    result, then, events = cross_fit(done=first)
    assert not result.stopped and list(then) == [1, 2]
    begun = next(values["step"] for event, values in events if event == "tick")
    assert begun > 4, "neither the first fold nor the steps before the stop are done again"
    assert json.dumps(first | then) == json.dumps(all_saved)
    for own, other in zip(weights(result.model), weights(whole.model), strict=True):
        assert torch.equal(own, other)


def test_without_a_last_fit_only_the_folds_are_trained(cross_fit):
    result, saved, events = cross_fit(10**9, (), "c", "training.final_fit=false")
    assert len(saved) == 3 and (result.earlier_steps, result.steps) == (6, 3)
    assert max(values["step"] for event, values in events if event == "step") == 9


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.data())
def test_the_seconds_that_are_left_count_the_fits_to_come(steps, data):
    fit = data.draw(st.integers(0, len(steps) - 1))
    told = []
    report = FitReport(lambda event, **values: told.append(values), "fold", steps, fit)
    for step in range(1, steps[fit] + 1):
        report("tick", step=step, steps=steps[fit], eta_s=2.0 * (steps[fit] - step))
        left = sum(steps) - sum(steps[:fit]) - step
        if steps[fit] > 1:
            assert told[-1] == {
                "step": sum(steps[:fit]) + step,
                "steps": sum(steps),
                "eta_s": 2.0 * left,
            }
        elif left:
            assert told[-1]["eta_s"] is None, "one step alone tells nothing of those to come"

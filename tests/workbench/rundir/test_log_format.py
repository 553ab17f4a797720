"""The log of a run in words: what happened, in columns that keep their places."""

from __future__ import annotations

import pytest

from workbench.rundir.folder import State
from workbench.rundir.log_format import format_event, format_status

STEP = {
    "event": "step",
    "step": 5,
    "steps": 80,
    "loss": 0.69314,
    "learning_rate": 9.5e-4,
    "grad_norm": 1.0,
    "tweets_per_s": 48.13,
    "step_s": 0.33,
    "memory_gib": 1.2,
}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (STEP, "step    5/80  loss 0.6931  lr 9.50e-04     48.1 tweets/s  eta 0:25"),
        (STEP | {"step": 80}, "step   80/80  loss 0.6931  lr 9.50e-04     48.1 tweets/s"),
        (
            {"event": "dev", "step": 40, "accuracy": 0.8125, "n": 1030},
            "dev    40  accuracy 81.2 % on 1,030 dev tweets",
        ),
        (
            {"event": "scored", "done": 90, "total": 720, "tweets_per_s": 45.0},
            "scored  90/720     45.0 tweets/s  eta 0:14",
        ),
        ({"event": "phase", "phase": "loading the base"}, "loading the base"),
        (
            {"event": "note", "text": "16 of 16 linear layers are 4-bit"},
            "16 of 16 linear layers are 4-bit",
        ),
        ({"event": "later", "speed": 1.23456, "n": 2}, "later  speed 1.235  n 2"),
        ({"event": "step"}, "step   0  loss    nan"),
    ],
)
def test_a_line_says_what_happened(values, told):
    assert format_event(values).strip() == told
    assert format_event(values | {"at": 0})[2::3][:2] == "::"


def test_the_last_line_says_how_it_stands():
    running = State("running", phase="training", step=20, steps=80, eta_s=34.2)
    assert format_status(running) == "running, training, step 20 of 80, about 0:34 left"
    assert format_status(State("done", started=10.0, finished=55.0)) == "done after 0:45"
    failed = State("failed", reason="The disk is full; make space.", started=1.0, finished=2.0)
    assert format_status(failed) == "failed after 0:01: The disk is full; make space."

"""What a run was thought to take, what its first steps make of that, and its clock before them."""

from __future__ import annotations

import os

import pytest

from workbench.modeling.training.step_clock import StepClock
from workbench.rundir import elapsed_time, expected_time
from workbench.rundir.elapsed_time import elapsed_seconds
from workbench.rundir.expected_time import ExpectedTime, ExpectedTimeReader, TimeEstimate
from workbench.rundir.folder import JOB, State, append_log, read_log, read_state
from workbench.rundir.log_format import format_estimate, format_event, format_status
from workbench.worker.reporter import Reporter

BEFORE = TimeEstimate(seconds=64.0, step_s=0.5, after_s=10.0, source="rough")


def told(folder):
    return [values for values, _ in read_log(folder) if values["event"] == "estimate"]


def do(reporter, first, last, steps=80, step_s=4.0):
    for step in range(first, last + 1):
        reporter.report("tick", step=step, steps=steps, eta_s=(steps - step) * step_s)


def test_the_estimate_is_corrected_once_after_the_first_steps(tmp_path):
    expected_time.log_estimate(tmp_path, BEFORE)
    reporter = Reporter(tmp_path)
    do(reporter, 1, 4)
    assert len(told(tmp_path)) == 1
    do(reporter, 5, 5)
    revised = told(tmp_path)[1]
    assert (revised["before"], revised["step"]) == (64.0, 5)
    # 75 steps of 4 s, and what follows them is as far off as the steps are: eight times
    assert revised["seconds"] == pytest.approx(75 * 4 + 8 * 10, abs=5)
    do(reporter, 6, 9)
    reporter.update()
    assert read_state(tmp_path).eta_s == pytest.approx(71 * 4 + 80)
    assert format_event(revised).endswith("estimate after step 5: about 6:20 in all, not 1:04")
    expected = ExpectedTimeReader(tmp_path).read()
    assert format_estimate(expected) == "about 6:20 in all by its steps, 1:04 before"
    told_now = format_estimate(expected, 100.0, 80.0)
    assert told_now.startswith("about 3:00 in all"), "one figure beside the rest"
    do(Reporter(tmp_path), 10, 30)  # resumed
    assert len(told(tmp_path)) == 2


def test_the_first_steps_say_nothing_of_the_time_that_is_left(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    expected_time.log_estimate(tmp_path, BEFORE)
    reporter, clock, told_left = Reporter(tmp_path), StepClock(10), []
    for step in range(11, 16):
        now[0] += 60.0 if step < 13 else 0.5  # they compile, and a GPU is a step behind
        reporter.report("tick", step=step, steps=20, eta_s=clock.seconds_left(step, 20))
        reporter.report("step", step=step, steps=20, loss=0.5, step_s=60.0)
        told_left.append(reporter.state.eta_s)
    assert told_left[:2] == [None, None]
    # what follows the last step takes as long as was estimated, since a step does
    assert told_left[2:] == pytest.approx([7 * 0.5 + 10, 6 * 0.5 + 10, 5 * 0.5 + 10])
    said = [format_event(v) for v, _ in read_log(tmp_path) if v["event"] == "step"]
    assert [line.split("eta ")[1] for line in said] == ["…", "…", "0:14", "0:13", "0:12"]
    assert told(tmp_path)[1]["step"] == 13, "nor is the estimate corrected by them"
    assert StepClock(0).seconds_left(1, 1) == 0


def test_an_estimate_that_holds_is_said_to(tmp_path):
    expected_time.log_estimate(tmp_path, TimeEstimate(52.0, "as run 2 took", 0.5, 10.0))
    do(Reporter(tmp_path), 1, 5, step_s=0.51)
    before, after = told(tmp_path)
    assert format_event(before).endswith("estimate: about 0:52 in all (as run 2 took)")
    assert format_event(after).endswith("as estimated (0:52)")


def test_a_short_run_says_so_earlier(tmp_path):
    expected_time.log_estimate(tmp_path, BEFORE)
    do(Reporter(tmp_path), 1, 2, steps=20)
    assert told(tmp_path)[1]["step"] == 2


def test_a_step_tells_what_is_left_up_to_the_predictions(tmp_path):
    expected_time.log_estimate(tmp_path, BEFORE)
    reporter = Reporter(tmp_path)
    do(reporter, 1, 40)
    reporter.report("step", step=40, steps=80, loss=0.5, step_s=4.0)
    [values] = [values for values, _ in read_log(tmp_path) if values["event"] == "step"]
    assert values["eta_s"] == pytest.approx(40 * 4 + 80)
    assert "eta 4:00" in format_event(values)


def test_a_run_folder_without_an_estimate_is_read_as_ever(tmp_path):
    append_log(tmp_path, "phase", phase="training")
    append_log(tmp_path, "step", step=5, steps=80, loss=0.5, step_s=2.0)
    reporter = Reporter(tmp_path)
    do(reporter, 6, 20)
    reporter.update()
    assert told(tmp_path) == []
    assert read_state(tmp_path).eta_s == 60 * 4.0
    assert ExpectedTimeReader(tmp_path).read() == ExpectedTime()
    assert "eta 2:30" in format_event({"event": "step", "step": 5, "steps": 80, "step_s": 2.0})


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"seconds": "soon"},
        {"seconds": -1.0},
        {"seconds": float("inf")},
        {"seconds": 2**80, "before": None},
        {"seconds": 5.0, "source": 7, "step_s": "x"},
        {"seconds": 5.0, "before": "x"},
        {"seconds": 5.0, "before": float("nan"), "step": 3},
    ],
)
def test_what_somebody_else_wrote_as_an_estimate_breaks_nothing(tmp_path, values):
    append_log(tmp_path, "estimate", **values)
    assert isinstance(format_estimate(ExpectedTimeReader(tmp_path).read()), str)
    for line, _ in read_log(tmp_path):
        assert "estimate" in format_event(line)
    do(Reporter(tmp_path), 1, 9)


def test_a_phase_that_the_training_reports_is_that_of_the_run(tmp_path):
    reporter = Reporter(tmp_path)
    do(reporter, 1, 3)
    reporter.report("phase", phase="trying the longest batch")
    state = read_state(tmp_path)
    assert (state.phase, state.eta_s) == ("trying the longest batch", None)


def test_the_clock_runs_on_while_the_worker_is_busy(tmp_path, monkeypatch):
    monkeypatch.setattr(elapsed_time.time, "time", lambda: 1_000.0)
    loading = State("running", phase="loading the base", started=900.0, heartbeat=910.0)
    assert elapsed_seconds(tmp_path, loading) == 100.0
    assert format_status(loading, 100.0, "about 1:04 in all (rough)") == (
        "running, loading the base, 1:40 so far, estimate: about 1:04 in all (rough)"
    )
    done = State("done", started=900.0, heartbeat=930.0, finished=930.0)
    assert elapsed_seconds(tmp_path, done) == 30.0
    for heartbeat in (5_000.0, -1e6):  # the clock was set back, or far ahead
        assert (
            elapsed_seconds(tmp_path, State("running", started=heartbeat, heartbeat=heartbeat))
            == 0.0
        )


def test_a_queued_run_has_a_clock_too(tmp_path, monkeypatch):
    assert elapsed_seconds(tmp_path, State()) is None
    (tmp_path / JOB).touch()
    os.utime(tmp_path / JOB, (980, 980))
    monkeypatch.setattr(elapsed_time.time, "time", lambda: 1_000.0)
    assert elapsed_seconds(tmp_path, State()) == 20.0
    resumed = State("queued", started=500.0, heartbeat=995.0)
    assert elapsed_seconds(tmp_path, resumed) == 5.0

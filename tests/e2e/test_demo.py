"""The demo as a user runs it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_the_demo_runs_the_loop_and_is_quick_the_second_time(tmp_path, answer, cli):
    first = answer("demo", "--no-ui", "--dir", tmp_path / "demo")
    assert first["tweets"] == first["labelled"] == 720
    assert first["linear4bit"] == first["linear_total"] == 16
    before, after = first["accuracy_before"], first["accuracy_after"]
    assert before["n"] == after["n"] == first["splits"]["test"]
    assert after["accuracy"] > before["accuracy"] > 0.5
    assert after["accuracy"] > 0.65
    assert first["planted"] == 43
    assert first["planted_among_first"]["50"] >= 10  # chance would give 3
    again = cli("demo", "--no-ui", "--dir", tmp_path / "demo")
    assert again.returncode == 0 and "planted errors found" in again.stdout
    assert len(answer("-w", tmp_path / "demo", "runs")) == 3

"""The demo as a user runs it, and as the README shows it."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow


def shape(text):
    """A text with a sign for each number, as another machine may come to other ones."""
    return re.sub(r"\d+(\.\d+)?", "#", " ".join(text.split()))


def test_the_demo_runs_the_loop_and_is_quick_the_second_time(tmp_path, answer, cli, repository):
    first = answer("demo", "--no-ui", "--dir", tmp_path / "demo")
    assert first["tweets"] == first["labelled"] == 720
    assert first["linear4bit"] == first["linear_total"] == 16
    before, after = first["accuracy_before"], first["accuracy_after"]
    assert before["n"] == after["n"] == first["splits"]["test"]
    assert after["accuracy"] > before["accuracy"] > 0.5
    assert after["accuracy"] > 0.65
    assert first["planted"] == 43
    assert first["planted_among_first"]["50"] >= 10  # chance would give 3
    shown = answer("-w", tmp_path / "demo", "shown")["shown"]
    assert shown == first["accuracy_baseline"]["run"]
    again = cli("demo", "--no-ui", "--dir", tmp_path / "demo")
    assert again.returncode == 0
    assert len(answer("-w", tmp_path / "demo", "runs")) == 3

    readme = (repository / "README.md").read_text("utf-8")
    [summary] = re.findall(r"^```text\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert [row for row in summary.splitlines() if shape(row) not in shape(again.stdout)] == []
    measured = [first[f"accuracy_{which}"]["accuracy"] for which in ("before", "after", "baseline")]
    shown = [float(percent) / 100 for percent in re.findall(r"([\d.]+) % ", summary)]
    assert shown == pytest.approx(measured, abs=0.04)
    found = {top: int(hits) for hits, top in re.findall(r"(\d+) in the first (\d+)", summary)}
    assert found == pytest.approx(first["planted_among_first"], abs=3)

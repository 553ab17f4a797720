"""Where the time of a run went, from the log in its folder."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from workbench.rundir import folder as run_folder


class RunLog:
    """The events of a run, and what they say of its time; seconds throughout."""

    def __init__(self, folder: Path) -> None:
        self.events = [values for values, _ in run_folder.read_log(folder)]
        self.steps = self.of_kind("step")
        self.notes = [values["text"] for values in self.of_kind("note")]
        self.marks = {values["phase"]: values["at"] for values in self.of_kind("phase")}

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [values for values in self.events if values["event"] == kind]

    @property
    def phases_s(self) -> dict[str, float]:
        """How long each phase took that another one followed."""
        pairs = itertools.pairwise(self.marks.items())
        return {phase: after - at for (phase, at), (_, after) in pairs}

    @property
    def step_s(self) -> float | None:
        """The median of the steps, as far as the log tells them apart."""
        spans = sorted(
            (after["at"] - before["at"]) / (after["step"] - before["step"])
            for before, after in itertools.pairwise(self.steps)
        )
        return spans[len(spans) // 2] if spans else None

    @property
    def training_s(self) -> dict[str, float]:
        """What the phase of training is made of."""
        whole, step = self.phases_s.get("training"), self.step_s
        if whole is None or step is None:
            return {}
        stepping = self.steps[-1]["step"] * step
        return {"steps": stepping, "dev evaluations, checkpoints": whole - stepping}

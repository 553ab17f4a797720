"""The temperature of a run: kept from people where it mends nothing."""

from types import SimpleNamespace

import numpy as np
import pytest

from workbench.analysis.measures.calibration import scale_by_temperature
from workbench.evaluation.calibrating import calibration
from workbench.evaluation.labelled_predictions import LabelledPredictions
from workbench.tui.examining.certainty import certainty_content


def drawn(sharpness, seed, rows=100):
    """Predictions whose labels are drawn from their probabilities, which then are made sharper."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet([1, 1, 1], rows)
    truth = (honest.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1).clip(max=2)
    said = scale_by_temperature(honest, 1 / sharpness).astype(np.float32)
    run = SimpleNamespace(id=1, reason=None, predictions=True)
    return LabelledPredictions(run, "test", np.arange(rows), truth.astype(np.int32), said)


def verdict(found, width):
    report = calibration(found)
    lines = certainty_content(found.run, "test", report, {}, width).lines
    return report, "".join(part.text for part in lines[-1])


@pytest.mark.parametrize("width", [34, 60])
def test_a_temperature_is_offered_where_it_lowers_what_is_off_and_nowhere_else(width, monkeypatch):
    monkeypatch.setattr("workbench.analysis.measures.calibration.RESAMPLES", 9)
    told = {True: 0, False: 0}
    for seed in range(12):
        for sharpness in (1, 1.3, 3):
            report, said = verdict(drawn(sharpness, seed), width)
            mends = all(report["scaled"][name] < report[name] for name in ("ece", "nll"))
            told[mends] += 1
            assert (report["temperature_reason"] is None) == mends
            if width == 60:
                assert ("brings" in said, "mends it" in said) == (mends, not mends)
            else:
                assert ("rescaled" in said) == mends and " T " not in said, "T is a key"
            if not mends:
                assert "does not lower the" in report["temperature_reason"]
    assert min(told.values()) > 5

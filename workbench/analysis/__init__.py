"""Numbers: metrics, label-error ranking and the cheap baseline, as pure functions."""

"""Scaling the loss in float16, whose smallest numbers are larger than many gradients."""

from __future__ import annotations

import torch

START = 2.0**16
"""The factor at first, as in PyTorch's GradScaler (Micikevicius et al. 2018, arXiv:1710.03740)."""


class LossScale:
    """A factor of the loss, which is halved with each step that is skipped for it."""

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.tensor(START, device=device)

    def set(self, skipped_steps: int) -> None:
        """Set the factor to what it is after so many skipped steps."""
        self.factor.fill_(max(1.0, START / 2**skipped_steps))

    def unscale(self, gradient: torch.Tensor) -> bool:
        """Divide a gradient by the factor; false if it overflowed and its step is to be skipped.

        It waits for the device. A gradient that is infinite without a factor is not skipped, so
        that the run ends with a loss that is no number.
        """
        gradient.div_(self.factor)
        return bool(self.factor == 1) or bool(gradient.norm().isfinite())

"""Trainable weights in float32 (master weights), and a copy of lower precision to compute with."""

from __future__ import annotations

import torch
from torch import nn

from workbench.modeling.base.model import Model


class MasterWeights:
    """The trainable weights of a model in float32, and a copy in its own dtype to compute with.

    At the usual learning rates most updates are smaller than bfloat16 can hold. All weights lie
    in one vector, so that an optimiser step is one kernel; the parameters of the model are views
    of the copy.
    """

    def __init__(self, model: Model, dtype: torch.dtype) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self.shapes = [parameter.shape for parameter in self.parameters]
        self.original_dtypes = [parameter.dtype for parameter in self.parameters]
        flat = torch.cat([parameter.detach().float().flatten() for parameter in self.parameters])
        self.weights = nn.Parameter(flat)
        self.gradient = torch.zeros_like(flat)
        self.weights.grad = self.gradient
        self.compute_copy = flat if dtype == torch.float32 else flat.to(dtype)
        for parameter, view in zip(self.parameters, self.views(self.compute_copy), strict=True):
            parameter.data = view

    def views(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """A vector as tensors in the shapes of the weights."""
        parts = flat.split([shape.numel() for shape in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def named_views(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """A vector as tensors in the shapes of the weights, by their names in the model."""
        return dict(zip(self.names, self.views(flat), strict=True))

    def accumulate_gradient(self, loss: torch.Tensor) -> None:
        """Add the gradient of a loss."""
        torch._foreach_add_(self.views(self.gradient), torch.autograd.grad(loss, self.parameters))

    def update_compute_copy(self) -> None:
        """Let the model compute with the weights as they are now."""
        if self.compute_copy.dtype != torch.float32:
            self.compute_copy.copy_(self.weights.detach())

    def restore_original_dtypes(self) -> None:
        """Give the model its weights in the dtypes that they had at first, for saving and scoring.

        That is float32 for an adapter; a bias of the base has to fit the weights beside it.
        """
        views = self.views(self.weights.detach())
        for parameter, view, dtype in zip(
            self.parameters, views, self.original_dtypes, strict=True
        ):
            parameter.data = view.to(dtype, copy=True)

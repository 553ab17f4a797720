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
        size, device = sum(map(torch.Size.numel, self.shapes)), self.parameters[0].device
        self.weights = nn.Parameter(torch.empty(size, dtype=torch.float32, device=device))
        self.gradient = torch.zeros_like(self.weights)
        self.weights.grad = self.gradient
        own = self.weights.detach()
        self.compute_copy = own if dtype == torch.float32 else torch.empty_like(own, dtype=dtype)
        self.attach()

    @torch.no_grad()
    def attach(self) -> None:
        """Take the weights over from the model, which computes with those in here from now on."""
        self.weights.copy_(torch.cat([p.detach().float().flatten() for p in self.parameters]))
        self.update_compute_copy()
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
        """Add the gradient of a loss, in a few kernels for all weights together."""
        gradients = torch.autograd.grad(loss, self.parameters)
        self.gradient.add_(torch.cat([gradient.flatten() for gradient in gradients]))

    def update_compute_copy(self) -> None:
        """Let the model compute with the weights as they are now."""
        if self.compute_copy.dtype != torch.float32:
            self.compute_copy.copy_(self.weights.detach())

    def detach(self) -> None:
        """Give the model weights of its own again, in the dtypes that they had at first.

        That is float32 for an adapter; a bias of the base has to fit the weights beside it.
        """
        views = self.views(self.weights.detach())
        for parameter, view, dtype in zip(
            self.parameters, views, self.original_dtypes, strict=True
        ):
            parameter.data = view.to(dtype, copy=True)

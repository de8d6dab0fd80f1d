"""The parts of one module's change, and the shape arithmetic that the algorithms share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

Tensor = torch.Tensor
# Errors of torch and of the algebra for parts whose shapes do not belong together.
MISFITS = (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError)


@dataclass(frozen=True)
class Parts:
    """A module's tensors by part, and its scalars: `alpha` (missing: the scale is 1), IA3's `on_input`.

    peft's configuration adds `rank`, `root` (the scale is alpha over the root of the rank) and `exact` (OFT without a
    series).
    """

    tensors: Mapping[str, Tensor]
    scalars: Mapping[str, float]

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def scale(self, rank: int) -> float:
        """Return alpha over the rank, or over its root; 1 without an alpha."""
        if "alpha" not in self.scalars or rank == 0:
            return 1.0
        return self.scalars["alpha"] / (rank**0.5 if "root" in self.scalars else rank)


def reshape_to(delta: Tensor, shape: torch.Size) -> Tensor:
    """Return the change in the weight's shape: linear for 1×1 convolutions, flattened kernels spread again.

    Raise ValueError when the change does not have as many values for each output.
    """
    if delta.shape == shape:
        return delta
    same_rows = delta.dim() > 0 and len(shape) > 0 and delta.shape[0] == shape[0] and delta.numel() == shape.numel()
    if same_rows and (delta.dim() <= 2 or _squeeze(delta.shape) == _squeeze(shape)):
        return delta.reshape(shape)
    raise ValueError(f"a change of shape {tuple(delta.shape)} does not fit a weight of shape {tuple(shape)}")


def _squeeze(shape: torch.Size) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def flatten_kernel(tensor: Tensor) -> Tensor:
    """Return a convolution's weight as a matrix (outputs, inputs × kernel)."""
    return tensor.flatten(1) if tensor.dim() > 1 else tensor


def tucker(core: Tensor, out: Tensor, into: Tensor) -> Tensor:
    """Multiply the core (r, r, …) with its factors out (r, n) and into (r, m): (n, m, …)."""
    return torch.einsum("ij...,ip,jr->pr...", core, out, into)


def along_axis(values: Tensor, weight: Tensor, axis: int) -> Tensor:
    """Return values (n,) in a shape that broadcasts along one axis of the weight. Raise ValueError for another n."""
    if len(values) != weight.shape[axis]:
        raise ValueError(f"{len(values)} values do not fit a weight of shape {tuple(weight.shape)}")
    return values.reshape(*[-1 if dim == axis else 1 for dim in range(weight.dim())])

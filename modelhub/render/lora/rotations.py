"""Orthogonal fine-tuning: a weight rotated by blocks of rotations (OFT, BOFT of kohya and LyCORIS; peft's OFT)."""

from __future__ import annotations

import torch

from modelhub.render.lora.parts import Parts, Tensor, along_axis, flatten_kernel


def _rotations(blocks: Tensor, limit: float) -> Tensor:
    """Return an orthogonal matrix for each block (Cayley), the skew parts' norm kept below a limit (0: none)."""
    skew = blocks - blocks.transpose(-1, -2)
    if limit > 0:
        skew = skew * (limit / (skew.norm() + 1e-8)).clamp(max=1)
    one = torch.eye(blocks.shape[-1], device=blocks.device)
    inverse: Tensor = torch.linalg.inv_ex(one - skew).inverse
    return (one + skew) @ inverse


def oft(parts: Parts, weight: Tensor) -> Tensor:
    """Compute OFT (3 axes: blocks rotate the outputs) and BOFT (4 axes: stages of blocks, each with a wider reach)."""
    rotations = _rotations(parts["oft_blocks"], parts.scalars.get("alpha", 0.0) * weight.shape[0])
    if rotations.dim() == 3:
        blocks = weight.reshape(*rotations.shape[:2], *weight.shape[1:])
        rotated = torch.einsum("knm,kn...->km...", rotations, blocks).flatten(0, 1)
    else:
        rotated = _butterfly(rotations, weight)
    if "rescale" in parts:
        rotated = rotated * along_axis(parts["rescale"].reshape(-1), weight, 0)
    return rotated - weight


def _butterfly(rotations: Tensor, weight: Tensor) -> Tensor:
    size, rest = rotations.shape[-1], weight.shape[1:]
    for stage, rotation in enumerate(rotations):
        reach = 2**stage * size // 2
        apart = weight.reshape(-1, 2, reach, *rest).transpose(1, 2).reshape(-1, size, *rest)
        mixed = torch.einsum("bij,bj...->bi...", rotation, apart)
        weight = mixed.reshape(-1, reach, 2, *rest).transpose(1, 2).reshape(weight.shape)
    return weight


def peft_oft(parts: Parts, weight: Tensor) -> Tensor:
    """Compute peft's OFT: blocks rotate the inputs; Cayley by a series of five terms, or exactly and inverted."""
    triangles, rows_of = parts["oft_r"], flatten_kernel(weight)
    size = int((1 + (1 + 8 * triangles.shape[1]) ** 0.5) / 2)
    if triangles.dim() != 2 or size * (size - 1) // 2 != triangles.shape[1]:
        raise ValueError(f"a tensor of shape {tuple(triangles.shape)} holds no upper triangles")
    rows, columns = torch.triu_indices(size, size, 1, device=triangles.device)
    upper = triangles.new_zeros(triangles.shape[0], size, size)
    upper[:, rows, columns] = triangles
    if "exact" in parts.scalars:
        rotations = _rotations(-upper, 0)
    else:
        skew = upper - upper.transpose(1, 2)
        square = skew @ skew
        rotations = torch.eye(size, device=skew.device) + 2 * (skew + square + square @ skew) + square @ square
    if rotations.shape[0] == 1:  # one block shared by all inputs
        rotations = rotations.expand(rows_of.shape[1] // size, -1, -1)
    blocks = rows_of.reshape(rows_of.shape[0], rotations.shape[0], size)
    return torch.einsum("krc,okc->okr", rotations, blocks).flatten(1) - rows_of

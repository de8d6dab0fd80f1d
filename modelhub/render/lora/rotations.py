"""Orthogonal fine-tuning: a weight turned by blocks of rotations (OFT, BOFT of kohya and LyCORIS; peft's OFT)."""

from __future__ import annotations

import torch

from modelhub.render.lora.parts import Parts, Tensor, along, flat


def _rotations(blocks: Tensor, limit: float) -> Tensor:
    """Cayley: an orthogonal matrix from each block's skew part, whose common norm is kept below the limit (0: none)."""
    skew = blocks - blocks.transpose(-1, -2)
    if limit > 0:
        skew = skew * (limit / (skew.norm() + 1e-8)).clamp(max=1)
    one = torch.eye(blocks.shape[-1], device=blocks.device)
    inverse: Tensor = torch.linalg.inv_ex(one - skew).inverse
    return (one + skew) @ inverse


def oft(parts: Parts, weight: Tensor) -> Tensor:
    """OFT (3 axes: blocks turn the outputs) and BOFT (4 axes: stages of blocks that mix ever farther ones)."""
    turns = _rotations(parts["oft_blocks"], parts.numbers.get("alpha", 0.0) * weight.shape[0])
    if turns.dim() == 3:
        blocks = weight.reshape(*turns.shape[:2], *weight.shape[1:])
        turned = torch.einsum("knm,kn...->km...", turns, blocks).flatten(0, 1)
    else:
        turned = _butterfly(turns, weight)
    if "rescale" in parts:
        turned = turned * along(parts["rescale"].reshape(-1), weight, 0)
    return turned - weight


def _butterfly(turns: Tensor, weight: Tensor) -> Tensor:
    size, rest = turns.shape[-1], weight.shape[1:]
    for stage, turn in enumerate(turns):
        reach = 2**stage * size // 2
        apart = weight.reshape(-1, 2, reach, *rest).transpose(1, 2).reshape(-1, size, *rest)
        mixed = torch.einsum("bij,bj...->bi...", turn, apart)
        weight = mixed.reshape(-1, reach, 2, *rest).transpose(1, 2).reshape(weight.shape)
    return weight


def oft_of_peft(parts: Parts, weight: Tensor) -> Tensor:
    """peft: blocks turn the inputs; Cayley by its default series of five terms, or exactly and the other way round."""
    triangles, rows_of = parts["oft_r"], flat(weight)
    size = int((1 + (1 + 8 * triangles.shape[1]) ** 0.5) / 2)
    if triangles.dim() != 2 or size * (size - 1) // 2 != triangles.shape[1]:
        raise ValueError(f"a tensor of shape {tuple(triangles.shape)} holds no upper triangles")
    rows, columns = torch.triu_indices(size, size, 1, device=triangles.device)
    upper = triangles.new_zeros(triangles.shape[0], size, size)
    upper[:, rows, columns] = triangles
    if "exact" in parts.numbers:
        turns = _rotations(-upper, 0)
    else:
        skew = upper - upper.transpose(1, 2)
        square = skew @ skew
        turns = torch.eye(size, device=skew.device) + 2 * (skew + square + square @ skew) + square @ square
    if turns.shape[0] == 1:  # one block shared by all inputs
        turns = turns.expand(rows_of.shape[1] // size, -1, -1)
    blocks = rows_of.reshape(rows_of.shape[0], turns.shape[0], size)
    return torch.einsum("krc,okc->okr", turns, blocks).flatten(1) - rows_of

"""One trained LoRA written in every dialect and as exactly equal LoHa, LoKr and DoRA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """One module's change: `up @ down` is added to its weight (already times alpha/rank)."""

    down: torch.Tensor
    up: torch.Tensor

    @property
    def rank(self) -> int:
        """Rows of the down matrix."""
        return self.down.shape[0]

    @property
    def delta(self) -> torch.Tensor:
        """The change of the weight as a matrix (out, in)."""
        return self.up.flatten(1) @ self.down.flatten(1)


Lora = Mapping[str, LowRank]
"""Module path of the diffusers UNet → its change."""


def _kohya(module: str) -> str:
    return "lora_unet_" + module.replace(".", "_")


def kohya(lora: Lora) -> Tensors:
    """Write kohya-ss names with an alpha of half the rank; the up matrix is doubled in turn."""
    out: Tensors = {}
    for module, change in lora.items():
        out[f"{_kohya(module)}.alpha"] = torch.tensor(change.rank / 2)
        out[f"{_kohya(module)}.lora_down.weight"] = change.down
        out[f"{_kohya(module)}.lora_up.weight"] = change.up * 2
    return out


def diffusers(lora: Lora) -> Tensors:
    """Return a LoRA under the names of diffusers' `save_lora_weights`; alpha equals rank."""
    out: Tensors = {}
    for module, change in lora.items():
        out[f"unet.{module}.lora_A.weight"] = change.down
        out[f"unet.{module}.lora_B.weight"] = change.up
    return out


def peft(lora: Lora) -> Tensors:
    """Return a LoRA under the names of a peft adapter; its `adapter_config.json` has alpha equal to rank."""
    out: Tensors = {}
    for module, change in lora.items():
        out[f"base_model.model.{module}.lora_A.weight"] = change.down
        out[f"base_model.model.{module}.lora_B.weight"] = change.up
    return out


def loha(lora: Lora) -> Tensors:
    """LyCORIS LoHa: the second factor of the Hadamard product is all ones."""
    out: Tensors = {}
    for module, change in lora.items():
        name, rank = _kohya(module), change.rank
        ones_out, ones_in = torch.zeros(change.up.shape[0], rank), torch.zeros(rank, change.down[0].numel())
        ones_out[:, 0], ones_in[0, :] = 1.0, 1.0
        out[f"{name}.alpha"] = torch.tensor(float(rank))
        out[f"{name}.hada_w1_a"], out[f"{name}.hada_w1_b"] = change.up.flatten(1), change.down.flatten(1)
        out[f"{name}.hada_w2_a"], out[f"{name}.hada_w2_b"] = ones_out, ones_in
    return out


def lokr(lora: Lora) -> Tensors:
    """LyCORIS LoKr: the small Kronecker factor is the 1×1 matrix [2], the large one half the change, low rank."""
    out: Tensors = {}
    for module, change in lora.items():
        name = _kohya(module)
        out[f"{name}.alpha"] = torch.tensor(float(change.rank))
        out[f"{name}.lokr_w1"] = torch.tensor([[2.0]])
        out[f"{name}.lokr_w2_a"], out[f"{name}.lokr_w2_b"] = change.up.flatten(1) / 2, change.down.flatten(1)
    return out


def dora(lora: Lora, weights: Mapping[str, torch.Tensor]) -> Tensors:
    """LyCORIS DoRA: the magnitudes are those of the changed weight itself, so that it stays what LoRA makes it.

    `weights`: the base's weight of each module; magnitudes are norms over the outputs, one per input, shape (1, in).
    """
    out = kohya(lora)
    for module, change in lora.items():
        weight = weights[module].float()
        changed = weight + change.delta.float().reshape(weight.shape)
        scale = changed.transpose(0, 1).flatten(1).norm(dim=1)
        out[f"{_kohya(module)}.dora_scale"] = scale.reshape(1, -1, *[1] * (weight.ndim - 2))
    return out

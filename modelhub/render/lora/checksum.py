"""A checksum of weights: it proves that a LoRA was removed without a trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import blake3
import torch
from torch import nn

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by the bytes of a number
_CHUNK = 1 << 24  # numbers summed up at once, at sixteen bytes each


def checksum(networks: Mapping[str, nn.Module], names: Iterable[str]) -> str:
    """Return a digest of the named modules' own parameters; names as in `LoraFit.touched`.

    Comparable on one machine only: parameters on a GPU are summed up there.
    """
    digest = blake3.blake3(max_threads=blake3.blake3.AUTO)
    sums: list[torch.Tensor] = []
    for full_name in sorted(set(names)):
        network, _, name = full_name.partition(".")
        for key, parameter in networks[network].get_submodule(name).named_parameters(recurse=False):
            digest.update(f"{full_name}.{key} {parameter.dtype} {tuple(parameter.shape)}\n".encode())
            flat = parameter.detach().contiguous().reshape(-1)
            if flat.device.type != "cuda":
                flat = flat.cpu()
                digest.update(flat.view(torch.uint8).numpy().data)
            else:
                sums += (_sums(part) for part in torch.split(flat, _CHUNK))
    for taken in sums:
        digest.update(taken.cpu().numpy().data)
    return digest.hexdigest()


def _sums(flat: torch.Tensor) -> torch.Tensor:
    """Return two sums of the bit patterns, modulo 2⁶⁴: plain, and each times an odd number of its own."""
    bits = flat.view(_INTEGERS[flat.element_size()]).to(torch.int64)
    odd = torch.arange(1, 2 * len(bits), 2, device=bits.device)
    return torch.stack([bits.sum(), (bits * odd).sum()])

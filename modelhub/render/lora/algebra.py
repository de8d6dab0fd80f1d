"""The change that each algorithm of the LoRA family makes to a weight: one function each, chosen by a table.

Every function takes the module's parts (float32, on the weight's device) and the weight (float32), and returns the
change at strength 1. Formulas: kohya-ss/sd-scripts (LoRA, OFT), LyCORIS 4 (the others), peft (its IA3 and OFT).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from modelhub.render.lora.parts import Parts, along_axis, flatten_kernel, reshape_to, tucker
from modelhub.render.lora.rotations import oft, peft_oft

Tensor = torch.Tensor


Change = Callable[[Parts, Tensor], Tensor]


@dataclass(frozen=True)
class Algorithm:
    """A row of the table: the parts that it needs, those that may come with them, and the change to the weight."""

    needs: frozenset[str]
    change: Change
    may: frozenset[str] = frozenset()
    decomposes: bool = True  # DoRA's scale may be applied to it

    @property
    def bias_only(self) -> bool:
        return self.change is _nothing

    def reads_weight(self, names: Iterable[str]) -> bool:
        """Return whether the change depends on the weight's values, not on its shape alone."""
        return self.change in _READERS or not _DECOMPOSITION.isdisjoint(names)


def find_algorithm(names: frozenset[str]) -> Algorithm | None:
    """Return the algorithm of a module with these parts; None when a part is missing or unknown."""
    for row in ALGORITHMS:
        allowed = row.needs | row.may | _ALWAYS | (_DECOMPOSITION if row.decomposes else frozenset())
        if row.needs <= names <= allowed:
            return row
    return None


def is_incomplete(names: frozenset[str]) -> bool:
    """Return whether these parts are some of a known algorithm's, but not all that it needs."""
    if names <= _ALWAYS | {"weight"}:
        return False
    return any(names <= row.needs | row.may | _ALWAYS | _DECOMPOSITION for row in ALGORITHMS if not row.needs <= names)


def weight_change(algorithm: Algorithm, parts: Parts, weight: Tensor) -> Tensor:
    """Compute what is added to the weight at strength 1, in the weight's shape.

    Raise one of MISFITS when the parts do not fit the weight.
    """
    delta = reshape_to(algorithm.change(parts, weight), weight.shape)
    if "dora_scale" in parts:
        return _decomposed(weight, delta, parts["dora_scale"])
    if "magnitude" in parts:  # peft's: one value an output row, whatever its shape
        return _decomposed(weight, delta, parts["magnitude"].reshape(-1))
    return delta


def bias_change(parts: Parts, weight: Tensor, bias: Tensor | None) -> Tensor | None:
    """Compute what is added to a module's bias at strength 1 (None: it has none); None where the file changes none.

    Raise ValueError when the parts do not fit.
    """
    found = [parts[name].reshape(-1) for name in ("diff_b", "b_norm") if name in parts]
    if "up_bias" in parts:
        found.append(parts["up_bias"].reshape(-1) * parts.scale(parts["down"].shape[0]))
    if "ia3_l" in parts and bias is not None and _on_outputs(parts["ia3_l"], weight):
        found.append(bias * (parts["ia3_l"].reshape(-1) - 1))
    if any(len(change) != weight.shape[0] for change in found):
        raise ValueError(f"a bias of {weight.shape[0]} values cannot take this change")
    return sum(found[1:], found[0]) if found else None


def _decomposed(weight: Tensor, delta: Tensor, magnitude: Tensor) -> Tensor:
    """Compute DoRA's change: `magnitude` is the norm of each output (n, 1, …) or of each input (1, n, …)."""
    merged = weight + delta
    axis = 0 if magnitude.shape[0] == magnitude.numel() else 1
    others = [dim for dim in range(weight.dim()) if dim != axis]
    norm: Tensor = torch.linalg.vector_norm(merged, dim=others, keepdim=True) + torch.finfo(torch.float32).eps
    return merged * (along_axis(magnitude.reshape(-1), weight, axis) / norm) - weight


def _lora(parts: Parts, weight: Tensor) -> Tensor:
    down, up = parts["down"], parts["up"]
    scale = parts.scale(down.shape[0])
    if "mid" in parts:
        return tucker(parts["mid"], flatten_kernel(up).transpose(0, 1), flatten_kernel(down)) * scale
    if up.dim() == 4 and up.shape[2:].numel() > 1:  # peft's convolution is 1×1 up; a larger one would need folding
        raise ValueError("an up convolution with a kernel belongs to no known algorithm")
    product = flatten_kernel(up) @ (flatten_kernel(down) * scale)
    return product.reshape(up.shape[0], *down.shape[1:])


def _loha(parts: Parts, weight: Tensor) -> Tensor:
    scale = parts.scale(parts["hada_w1_b"].shape[0])
    left, right = (
        tucker(parts[f"hada_t{n}"], parts[f"hada_w{n}_a"], parts[f"hada_w{n}_b"])
        if "hada_t1" in parts
        else parts[f"hada_w{n}_a"] @ flatten_kernel(parts[f"hada_w{n}_b"])
        for n in (1, 2)
    )
    return left.mul_(right).mul_(scale)


def _lokr(parts: Parts, weight: Tensor) -> Tensor:
    rank = next((parts[name].shape[0] for name in ("lokr_w2_b", "lokr_w1_b") if name in parts), None)
    small = parts["lokr_w1"] if "lokr_w1" in parts else parts["lokr_w1_a"] @ parts["lokr_w1_b"]
    if "lokr_w2" in parts:
        large = parts["lokr_w2"]
    elif "lokr_t2" in parts:
        large = tucker(parts["lokr_t2"], parts["lokr_w2_a"], parts["lokr_w2_b"])
    else:
        into = parts["lokr_w2_b"]
        large = (parts["lokr_w2_a"] @ flatten_kernel(into)).reshape(-1, *into.shape[1:])
    small = small.reshape(*small.shape, *[1] * (large.dim() - small.dim()))
    if rank is None:  # both factors full: LyCORIS then means no alpha, peft's configuration knows a rank
        rank = int(parts.scalars.get("rank", 0))
    return torch.kron(small * parts.scale(rank), large.contiguous())


def _glora(parts: Parts, weight: Tensor) -> Tensor:
    """Compute W·A + B; the first versions of LyCORIS named the factors the other way round."""
    factors = {name: flatten_kernel(parts[name]) for name in ("a1", "a2", "b1", "b2")}
    if factors["a1"].shape[0] != weight.shape[1] and factors["a2"].shape[0] == weight.shape[1]:
        factors = {"a1": factors["a2"], "a2": factors["a1"], "b1": factors["b2"], "b2": factors["b1"]}
    if "bm" in parts:
        added = tucker(parts["bm"], factors["b1"].transpose(0, 1), factors["b2"])
    else:
        added = (factors["b1"] @ factors["b2"]).reshape(weight.shape)
    turned = torch.einsum("oi...,ij->oj...", weight, factors["a1"] @ factors["a2"])
    return (added + turned) * parts.scale(factors["a2"].shape[0])


def _full(parts: Parts, weight: Tensor) -> Tensor:
    return parts["diff"]


def _norm(parts: Parts, weight: Tensor) -> Tensor:
    return parts["w_norm"]


def _nothing(parts: Parts, weight: Tensor) -> Tensor:
    return torch.zeros_like(weight)


def _ia3(parts: Parts, weight: Tensor) -> Tensor:
    """Compute LyCORIS' IA3: a factor less one for every output, or for every input when `on_input` is set."""
    axis = 1 if parts.scalars["on_input"] else 0
    return weight * along_axis(parts["weight"].reshape(-1), weight, axis)


def _ia3_peft(parts: Parts, weight: Tensor) -> Tensor:
    """Compute peft's IA3: factors of the outputs (then the bias takes them too), or of the inputs."""
    factors = parts["ia3_l"]
    return weight * (along_axis(factors.reshape(-1), weight, 0 if _on_outputs(factors, weight) else 1) - 1)


def _on_outputs(factors: Tensor, weight: Tensor) -> bool:
    """Return whether factors belong to the outputs: (out, 1), not (1, in); a convolution has (1, n, 1, 1) for both."""
    return factors.shape[0] == weight.shape[0] or (factors.dim() > 2 and factors.shape[1] == weight.shape[0])


_ALWAYS = frozenset({"alpha", "diff_b"})
_DECOMPOSITION = frozenset({"dora_scale", "magnitude"})
_READERS = frozenset({_glora, _ia3, _ia3_peft, oft, peft_oft})


def _row(change: Change, needs: str, may: str = "", *, decomposes: bool = True) -> Algorithm:
    return Algorithm(frozenset(needs.split()), change, frozenset(may.split()), decomposes)


ALGORITHMS: tuple[Algorithm, ...] = (
    _row(_lora, "down up", "mid up_bias"),
    _row(_loha, "hada_w1_a hada_w1_b hada_w2_a hada_w2_b"),
    _row(_loha, "hada_w1_a hada_w1_b hada_w2_a hada_w2_b hada_t1 hada_t2"),
    _row(_lokr, "lokr_w1 lokr_w2"),
    _row(_lokr, "lokr_w1 lokr_w2_a lokr_w2_b", "lokr_t2"),
    _row(_lokr, "lokr_w1_a lokr_w1_b lokr_w2"),
    _row(_lokr, "lokr_w1_a lokr_w1_b lokr_w2_a lokr_w2_b", "lokr_t2"),
    _row(_glora, "a1 a2 b1 b2", "bm", decomposes=False),
    _row(_full, "diff", decomposes=False),
    _row(_norm, "w_norm", "b_norm", decomposes=False),
    _row(_nothing, "b_norm", decomposes=False),
    _row(_ia3, "weight on_input", decomposes=False),
    _row(_ia3_peft, "ia3_l", decomposes=False),
    _row(oft, "oft_blocks", "rescale", decomposes=False),
    _row(peft_oft, "oft_r", decomposes=False),
    _row(_nothing, "diff_b", decomposes=False),
)

"""What each algorithm of the LoRA family adds to a weight: one function each, chosen by a table.

Every function takes the module's parts (float32, on the weight's device) and the weight (float32), and returns the
change at strength 1. Formulas: kohya-ss/sd-scripts (LoRA, OFT), LyCORIS 4 (the others), peft (its IA3 and OFT).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Tensor = torch.Tensor


@dataclass(frozen=True)
class Parts:
    """A module's tensors by part, and single numbers: `alpha` (missing: the scale is 1), IA3's `on_input`.

    peft's configuration adds `rank`, `root` (the scale is alpha over the root of the rank) and `exact` (OFT without a
    series).
    """

    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def scale(self, rank: int) -> float:
        if "alpha" not in self.numbers or rank == 0:
            return 1.0
        return self.numbers["alpha"] / (rank**0.5 if "root" in self.numbers else rank)


Change = Callable[[Parts, Tensor], Tensor]


@dataclass(frozen=True)
class Algorithm:
    """The parts that tell it, those that may come with them, and the change it makes to the weight."""

    needs: frozenset[str]
    change: Change
    may: frozenset[str] = frozenset()
    decomposes: bool = True  # whether DoRA's scale may lie over it

    @property
    def bias_only(self) -> bool:
        return self.change is _nothing


def algorithm_of(names: frozenset[str]) -> Algorithm | None:
    """The algorithm of a module with these parts; None when a part is missing or unknown."""
    for row in ALGORITHMS:
        allowed = row.needs | row.may | _ALWAYS | (_DECOMPOSITION if row.decomposes else frozenset())
        if row.needs <= names <= allowed:
            return row
    return None


def weight_change(algorithm: Algorithm, parts: Parts, weight: Tensor) -> Tensor:
    """What is added to the weight at strength 1, in the weight's shape.

    Raises RuntimeError, ValueError or IndexError when the parts do not fit the weight.
    """
    delta = fitted(algorithm.change(parts, weight), weight.shape)
    if "dora_scale" in parts:
        return _decomposed(weight, delta, parts["dora_scale"])
    if "magnitude" in parts:  # peft's: one value an output row, whatever its shape
        return _decomposed(weight, delta, parts["magnitude"].reshape(-1))
    return delta


def bias_change(parts: Parts, weight: Tensor, bias: Tensor | None) -> Tensor | None:
    """What is added at strength 1 to a module's bias (None: it has none); None when the file leaves it alone.

    Raises ValueError when the parts do not fit.
    """
    found = [parts[name].reshape(-1) for name in ("diff_b", "b_norm") if name in parts]
    if "up_bias" in parts:
        found.append(parts["up_bias"].reshape(-1) * parts.scale(parts["down"].shape[0]))
    if "ia3_l" in parts and bias is not None and _on_outputs(parts["ia3_l"], weight):
        found.append(bias * (parts["ia3_l"].reshape(-1) - 1))
    if any(len(change) != weight.shape[0] for change in found):
        raise ValueError(f"a bias of {weight.shape[0]} values cannot take this change")
    return sum(found[1:], found[0]) if found else None


def fitted(delta: Tensor, shape: torch.Size) -> Tensor:
    """The change in the weight's shape: linear for 1×1 convolutions, flattened kernels spread again.

    Raises ValueError when these are not the same numbers in another arrangement.
    """
    if delta.shape == shape:
        return delta
    same_rows = delta.dim() > 0 and len(shape) > 0 and delta.shape[0] == shape[0] and delta.numel() == shape.numel()
    if same_rows and (delta.dim() <= 2 or _squeezed(delta.shape) == _squeezed(shape)):
        return delta.reshape(shape)
    raise ValueError(f"a change of shape {tuple(delta.shape)} does not fit a weight of shape {tuple(shape)}")


def _squeezed(shape: torch.Size) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _decomposed(weight: Tensor, delta: Tensor, magnitude: Tensor) -> Tensor:
    """DoRA: the changed weight with the norms of `magnitude`, per output (n, 1, …) or per input (1, n, …)."""
    merged = weight + delta
    axis = 0 if magnitude.shape[0] == magnitude.numel() else 1
    others = [dim for dim in range(weight.dim()) if dim != axis]
    norm: Tensor = torch.linalg.vector_norm(merged, dim=others, keepdim=True) + torch.finfo(torch.float32).eps
    return merged * (_along(magnitude.reshape(-1), weight, axis) / norm) - weight


def _flat(tensor: Tensor) -> Tensor:
    return tensor.flatten(1) if tensor.dim() > 1 else tensor


def _tucker(core: Tensor, out: Tensor, into: Tensor) -> Tensor:
    """The core (r, r, …) with its factors out (r, n) and into (r, m): (n, m, …)."""
    return torch.einsum("ij...,ip,jr->pr...", core, out, into)


def _lora(parts: Parts, weight: Tensor) -> Tensor:
    down, up = parts["down"], parts["up"]
    scale = parts.scale(down.shape[0])
    if "mid" in parts:
        return _tucker(parts["mid"], _flat(up).T, _flat(down)) * scale
    if up.dim() == 4 and up.shape[2:].numel() > 1:  # peft's convolution is 1×1 up; a larger one would need folding
        raise ValueError("an up convolution with a kernel is none of the known algorithms")
    product = _flat(up) @ _flat(down)
    return product.reshape(up.shape[0], *down.shape[1:]) * scale


def _loha(parts: Parts, weight: Tensor) -> Tensor:
    scale = parts.scale(parts["hada_w1_b"].shape[0])
    left, right = (
        _tucker(parts[f"hada_t{n}"], parts[f"hada_w{n}_a"], parts[f"hada_w{n}_b"])
        if "hada_t1" in parts
        else parts[f"hada_w{n}_a"] @ _flat(parts[f"hada_w{n}_b"])
        for n in (1, 2)
    )
    return left * right * scale


def _lokr(parts: Parts, weight: Tensor) -> Tensor:
    rank = next((parts[name].shape[0] for name in ("lokr_w2_b", "lokr_w1_b") if name in parts), None)
    small = parts["lokr_w1"] if "lokr_w1" in parts else parts["lokr_w1_a"] @ parts["lokr_w1_b"]
    if "lokr_w2" in parts:
        large = parts["lokr_w2"]
    elif "lokr_t2" in parts:
        large = _tucker(parts["lokr_t2"], parts["lokr_w2_a"], parts["lokr_w2_b"])
    else:
        into = parts["lokr_w2_b"]
        large = (parts["lokr_w2_a"] @ _flat(into)).reshape(-1, *into.shape[1:])
    small = small.reshape(*small.shape, *[1] * (large.dim() - small.dim()))
    if rank is None:  # both factors full: LyCORIS then means no alpha, peft's configuration knows a rank
        rank = int(parts.numbers.get("rank", 0))
    return torch.kron(small, large.contiguous()) * parts.scale(rank)


def _glora(parts: Parts, weight: Tensor) -> Tensor:
    """W·A + B; LyCORIS first named the factors the other way round."""
    flat = {name: _flat(parts[name]) for name in ("a1", "a2", "b1", "b2")}
    if flat["a1"].shape[0] != weight.shape[1] and flat["a2"].shape[0] == weight.shape[1]:
        flat = {"a1": flat["a2"], "a2": flat["a1"], "b1": flat["b2"], "b2": flat["b1"]}
    if "bm" in parts:
        added = _tucker(parts["bm"], flat["b1"].T, flat["b2"])
    else:
        added = (flat["b1"] @ flat["b2"]).reshape(weight.shape)
    turned = torch.einsum("oi...,ij->oj...", weight, flat["a1"] @ flat["a2"])
    return (added + turned) * parts.scale(flat["a2"].shape[0])


def _full(parts: Parts, weight: Tensor) -> Tensor:
    return parts["diff"]


def _norm(parts: Parts, weight: Tensor) -> Tensor:
    return parts["w_norm"]


def _nothing(parts: Parts, weight: Tensor) -> Tensor:
    return torch.zeros_like(weight)


def _ia3(parts: Parts, weight: Tensor) -> Tensor:
    """LyCORIS: a factor less one for every output, or for every input when `on_input` is set."""
    axis = 1 if parts.numbers["on_input"] else 0
    return weight * _along(parts["weight"].reshape(-1), weight, axis)


def _ia3_peft(parts: Parts, weight: Tensor) -> Tensor:
    """peft: factors of the outputs (then the bias takes them too), or of the inputs."""
    factors = parts["ia3_l"]
    return weight * (_along(factors.reshape(-1), weight, 0 if _on_outputs(factors, weight) else 1) - 1)


def _on_outputs(factors: Tensor, weight: Tensor) -> bool:
    """(out, 1) are outputs, (1, in) inputs; a convolution has (1, n, 1, 1) for both."""
    return factors.shape[0] == weight.shape[0] or (factors.dim() > 2 and factors.shape[1] == weight.shape[0])


def _along(values: Tensor, weight: Tensor, axis: int) -> Tensor:
    if len(values) != weight.shape[axis]:
        raise ValueError(f"{len(values)} values do not fit a weight of shape {tuple(weight.shape)}")
    return values.reshape(*[-1 if dim == axis else 1 for dim in range(weight.dim())])


def _rotations(blocks: Tensor, limit: float) -> Tensor:
    """Cayley: an orthogonal matrix from each block's skew part, whose common norm is kept below the limit (0: none)."""
    skew = blocks - blocks.transpose(-1, -2)
    if limit > 0:
        skew = skew * (limit / (skew.norm() + 1e-8)).clamp(max=1)
    one = torch.eye(blocks.shape[-1], device=blocks.device)
    inverse: Tensor = torch.linalg.inv_ex(one - skew).inverse
    return (one + skew) @ inverse


def _oft(parts: Parts, weight: Tensor) -> Tensor:
    """OFT (3 axes: blocks turn the outputs) and BOFT (4 axes: stages of blocks that mix ever farther ones)."""
    turns = _rotations(parts["oft_blocks"], parts.numbers.get("alpha", 0.0) * weight.shape[0])
    if turns.dim() == 3:
        blocks = weight.reshape(*turns.shape[:2], *weight.shape[1:])
        turned = torch.einsum("knm,kn...->km...", turns, blocks).flatten(0, 1)
    else:
        turned = _butterfly(turns, weight)
    if "rescale" in parts:
        turned = turned * _along(parts["rescale"].reshape(-1), weight, 0)
    return turned - weight


def _butterfly(turns: Tensor, weight: Tensor) -> Tensor:
    size, rest = turns.shape[-1], weight.shape[1:]
    for stage, turn in enumerate(turns):
        reach = 2**stage * size // 2
        apart = weight.reshape(-1, 2, reach, *rest).transpose(1, 2).reshape(-1, size, *rest)
        mixed = torch.einsum("bij,bj...->bi...", turn, apart)
        weight = mixed.reshape(-1, reach, 2, *rest).transpose(1, 2).reshape(weight.shape)
    return weight


def _oft_peft(parts: Parts, weight: Tensor) -> Tensor:
    """peft: blocks turn the inputs; Cayley by its default series of five terms, or exactly and the other way round."""
    triangles, flat = parts["oft_r"], _flat(weight)
    size = int((1 + (1 + 8 * triangles.shape[1]) ** 0.5) / 2)
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
        turns = turns.expand(flat.shape[1] // size, -1, -1)
    blocks = flat.reshape(flat.shape[0], turns.shape[0], size)
    return torch.einsum("krc,okc->okr", turns, blocks).flatten(1) - flat


_ALWAYS = frozenset({"alpha", "diff_b"})
_DECOMPOSITION = frozenset({"dora_scale", "magnitude"})


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
    _row(_oft, "oft_blocks", "rescale", decomposes=False),
    _row(_oft_peft, "oft_r", decomposes=False),
    _row(_nothing, "diff_b", decomposes=False),
)

"""The algorithm and the rank of deltas. Tensor names: kohya's sd-scripts, LyCORIS, PEFT, OneTrainer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from modelhub.detect.rules.header_index import HeaderIndex
from modelhub.detect.rules.key_dialects import split_prefix, split_tail
from modelhub.detect.rules.shapes import rank_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmRow:
    """One algorithm: recognized by one of its tails, unless one of `never` is there as well."""

    algorithm: str
    one_of: frozenset[str]
    never: frozenset[str] = frozenset()


_LORA = frozenset({"lora_down", "lora_up"})
_HADA = frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"})
_LOKR = frozenset({"lokr_w1", "lokr_w2", "lokr_w1_a", "lokr_w2_a"})
_OTHERS = _HADA | _LOKR

ALGORITHMS = (
    AlgorithmRow(algorithm="lora", one_of=_LORA, never=frozenset({"dora_scale", "conv"}) | _OTHERS),
    AlgorithmRow(algorithm="locon", one_of=_LORA, never=frozenset({"dora_scale", "linear"}) | _OTHERS),
    AlgorithmRow(algorithm="dora", one_of=frozenset({"dora_scale"}), never=_OTHERS),
    AlgorithmRow(algorithm="loha", one_of=_HADA, never=_LOKR),
    AlgorithmRow(algorithm="lokr", one_of=_LOKR, never=_HADA),
    AlgorithmRow(algorithm="oft", one_of=frozenset({"oft_blocks3", "oft_diag", "oft_R"})),
    AlgorithmRow(algorithm="boft", one_of=frozenset({"oft_blocks4", "boft_R"})),
    AlgorithmRow(algorithm="ia3", one_of=frozenset({"ia3_l", "on_input"})),
    AlgorithmRow(algorithm="glora", one_of=frozenset({"a1", "a2", "b1", "b2"})),
    AlgorithmRow(algorithm="full", one_of=frozenset({"diff"}), never=_LORA | _OTHERS),
    AlgorithmRow(algorithm="norm", one_of=frozenset({"w_norm"}), never=_LORA | _OTHERS | {"diff"}),
)


def tails_of(index: HeaderIndex) -> frozenset[str]:
    """Return the tails in the file, with what their shapes add."""
    tails = {s[5:] for s in index.signs if s.startswith("tail:")}
    tails.add("conv" if _has_convolutions(index) else "linear")
    for traits, key in index.traits.items():
        if "tail:oft_blocks" in traits.signs:
            tails.add(f"oft_blocks{len(index.header.tensors[key].shape)}")
    return frozenset(tails)


def _has_convolutions(index: HeaderIndex) -> bool:
    """Return whether there are low-rank pairs on convolutions wider than 1×1 (LoCon)."""
    tensors = index.header.tensors
    return "tail:lora_mid" in index.signs or any(
        "convolution" in traits.signs and _is_wide(tensors[key].shape)
        for traits, key in index.traits.items()
        if "tail:lora_down" in traits.signs
    )


def _is_wide(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and max(shape[2:]) > 1


def matching_algorithms(index: HeaderIndex) -> tuple[str, ...]:
    """Return the algorithms of all rows that fit."""
    tails = tails_of(index)
    return tuple(row.algorithm for row in ALGORITHMS if tails & row.one_of and not tails & row.never)


def delta_rank(index: HeaderIndex, algorithm: str | None) -> tuple[int | None, str]:
    """Return the rank, of several the most common, and the reason; None for algorithms without one."""
    if algorithm in ("oft", "boft"):
        return _block_rank(index)
    if algorithm in ("full", "ia3", "norm", None):
        return _stated_rank(index)
    seen = index.width("rank")
    if len(seen) == 1:
        return next(iter(seen)), "inner width of the low-rank pairs"
    if not seen:
        return _stated_rank(index) if algorithm != "lokr" else (None, "")
    return _commonest_rank(index), f"commonest of the ranks {', '.join(map(str, sorted(seen)[:8]))}"


def _commonest_rank(index: HeaderIndex) -> int:
    counts: Counter[int] = Counter()
    tensors = index.header.tensors
    for key in tensors:
        component, rest, _ = split_prefix(key)
        _, tail = split_tail(rest, prefixed=component != "")
        rank = rank_of(tail, tensors[key].shape) if tail else None
        if rank is not None:
            counts[rank] += 1
    return max(counts.items(), key=lambda item: (item[1], item[0]))[0]


def _stated_rank(index: HeaderIndex) -> tuple[int | None, str]:
    stated = index.header.metadata.get("ss_network_dim", "")
    if stated.isascii() and stated.isdigit() and 0 < len(stated) < 6:
        return int(stated), "ss_network_dim"
    return None, ""


def _block_rank(index: HeaderIndex) -> tuple[int | None, str]:
    """Return the rank of orthogonal deltas: kohya counts blocks, LyCORIS states the block's size."""
    sizes = set()
    for traits, key in index.traits.items():
        shape = index.header.tensors[key].shape
        if "tail:oft_blocks" in traits.signs and len(shape) in (3, 4):
            sizes.add(shape[0] if "kohya-oft" in traits.signs else shape[-1])
    return (max(sizes), "size of the orthogonal blocks") if sizes else (None, "")

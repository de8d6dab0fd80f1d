"""How a delta is stored: its algorithm and its rank. Tensor names: kohya's sd-scripts, LyCORIS, PEFT, OneTrainer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from modelhub.detect.rules.facts import Facts
from modelhub.detect.rules.names import split_space, split_tail
from modelhub.detect.rules.shapes import rank_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmRow:
    """An algorithm shows by one of its tails, unless one of `never` is there as well."""

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


def tails_of(facts: Facts) -> frozenset[str]:
    """The tails that are there, with what their shapes add."""
    tails = {s[5:] for s in facts.signs if s.startswith("tail:")}
    tails.add("conv" if _has_convolutions(facts) else "linear")
    for mark, key in facts.marks.items():
        if "tail:oft_blocks" in mark.signs:
            tails.add(f"oft_blocks{len(facts.header.tensors[key].shape)}")
    return frozenset(tails)


def _has_convolutions(facts: Facts) -> bool:
    """LoCon: low-rank pairs on convolutions wider than 1×1."""
    tensors = facts.header.tensors
    return "tail:lora_mid" in facts.signs or any(
        "convolution" in mark.signs and _is_wide(tensors[key].shape)
        for mark, key in facts.marks.items()
        if "tail:lora_down" in mark.signs
    )


def _is_wide(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and max(shape[2:]) > 1


def matching_algorithms(facts: Facts) -> tuple[str, ...]:
    """Algorithms of all rows that fit."""
    tails = tails_of(facts)
    return tuple(row.algorithm for row in ALGORITHMS if tails & row.one_of and not tails & row.never)


def delta_rank(facts: Facts, algorithm: str | None) -> tuple[int | None, str]:
    """The rank and how it is known; of several ranks the commonest. None for algorithms without one."""
    if algorithm in ("oft", "boft"):
        return _block_rank(facts)
    if algorithm in ("full", "ia3", "norm", None):
        return _stated_rank(facts)
    seen = facts.width("rank")
    if len(seen) == 1:
        return next(iter(seen)), "inner width of the low-rank pairs"
    if not seen:
        return _stated_rank(facts) if algorithm != "lokr" else (None, "")
    return _commonest_rank(facts), f"commonest of the ranks {', '.join(map(str, sorted(seen)[:8]))}"


def _commonest_rank(facts: Facts) -> int:
    counts: Counter[int] = Counter()
    tensors = facts.header.tensors
    for key in tensors:
        space, rest, _ = split_space(key)
        _, tail = split_tail(rest, prefixed=space != "")
        rank = rank_of(tail, tensors[key].shape) if tail else None
        if rank is not None:
            counts[rank] += 1
    return max(counts.items(), key=lambda item: (item[1], item[0]))[0]


def _stated_rank(facts: Facts) -> tuple[int | None, str]:
    stated = facts.header.metadata.get("ss_network_dim", "")
    if stated.isascii() and stated.isdigit() and 0 < len(stated) < 6:
        return int(stated), "ss_network_dim"
    return None, ""


def _block_rank(facts: Facts) -> tuple[int | None, str]:
    """kohya's OFT counts blocks; LyCORIS names the block's size."""
    sizes = set()
    for mark, key in facts.marks.items():
        shape = facts.header.tensors[key].shape
        if "tail:oft_blocks" in mark.signs and len(shape) in (3, 4):
            sizes.add(shape[0] if "kohya-oft" in mark.signs else shape[-1])
    return (max(sizes), "size of the orthogonal blocks") if sizes else (None, "")

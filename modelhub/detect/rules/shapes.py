"""Measures of tensors: input or output width of the module that a tensor belongs to, its rank …

A delta does not have its module's shape; the table below shows how each algorithm's tensors carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from modelhub.formats.header import TensorInfo

_REAL_WIDTHS = frozenset(
    {320, 640, 768, 1024, 1152, 1280, 1408, 1536, 2048, 2240, 2304, 2432, 2560, 3072, 3840, 4096, 5120, 6144, 10240}
)


class ShapeProbe(NamedTuple):
    """One number to read off a tensor's shape: one `side` (a key of shapes.py's readers) for one `subject`."""

    subject: str
    side: str
    tail: str = ""


Shape = tuple[int, ...]
Reader = Callable[[Shape], int | None]


def _at(axis: int, least: int = 2) -> Reader:
    def read(shape: Shape) -> int | None:
        return shape[axis] if len(shape) >= least else None

    return read


def _oft_out(shape: Shape) -> int | None:
    # kohya and LyCORIS: [blocks, b, b]; butterfly: [m, blocks, b, b].
    if len(shape) == 3:
        return shape[0] * shape[1]
    return shape[1] * shape[2] if len(shape) == 4 else None


def _peft_oft_in(shape: Shape) -> int | None:
    # [blocks, b(b-1)/2]: the upper triangle of each block (peft OFTLayer).
    if len(shape) != 2:
        return None
    block = round((1 + (1 + 8 * shape[1]) ** 0.5) / 2)
    return shape[0] * block if block * (block - 1) // 2 == shape[1] else None


def _ia3_out(shape: Shape) -> int | None:
    return shape[0] if len(shape) == 2 and shape[1] == 1 else None


def _ia3_in(shape: Shape) -> int | None:
    return shape[1] if len(shape) == 2 and shape[0] == 1 and shape[1] > 1 else None


_READERS: dict[tuple[str, str], Reader] = {
    ("", "in"): _at(1),
    ("", "out"): _at(0),
    ("diff", "in"): _at(1),
    ("diff", "out"): _at(0),
    ("lora_down", "in"): _at(1),
    ("lora_down", "rank"): _at(0),
    ("lora_up", "out"): _at(0),
    ("hada_w1_a", "out"): _at(0),
    ("hada_w1_b", "in"): _at(1),
    ("hada_w1_b", "rank"): _at(0),
    ("a1", "in"): _at(0),
    ("a1", "rank"): _at(1),
    ("b1", "out"): _at(0),
    ("oft_blocks", "out"): _oft_out,
    ("oft_R", "in"): _peft_oft_in,
    ("ia3_l", "out"): _ia3_out,
    ("ia3_l", "in"): _ia3_in,
}


def _ndim(shape: Shape) -> int:
    return len(shape)


for _tail in ("", "lora_down", "diff"):
    _READERS[(_tail, "ndim")] = _ndim
_READERS[("", "rows")] = _at(0, 1)
_READERS[("", "last")] = _at(-1, 1)
SIDES = frozenset(side for _, side in _READERS)


class Measurement(NamedTuple):
    """A probe with its reader. `factors`: the axis of a Kronecker product, which needs its partner's shape as well."""

    subject: str
    read: Reader
    factors: int | None = None


def measurements_for(probes: tuple[ShapeProbe, ...]) -> tuple[Measurement, ...]:
    """Return measurements for the probes that a tensor with their tail can answer."""
    found = []
    for probe in probes:
        if probe.tail in ("lokr_w1", "lokr_w1_a"):
            if probe.side in ("in", "out"):
                found.append(Measurement(probe.subject, _ndim, 1 if probe.side == "in" else 0))
        elif (probe.tail, probe.side) in _READERS:
            found.append(Measurement(probe.subject, _READERS[probe.tail, probe.side]))
    return tuple(found)


def measure(measurement: Measurement, key: str, tensors: Mapping[str, TensorInfo]) -> int | None:
    """Return the measured number of the tensor `key`, None when its shape does not show it."""
    tensor = tensors[key]
    if tensor.dtype == "U8":
        return None  # packed by quantization: the shape is no longer the layer's
    if measurement.factors is None:
        return measurement.read(tensor.shape)
    return _kronecker(key, measurement.factors, tensors)


def rank_of(tail: str, shape: Shape) -> int | None:
    """Return the rank that a delta's tensor shows, None for tensors that show none."""
    reader = _READERS.get((tail, "rank"))
    return reader(shape) if reader else None


def _kronecker(key: str, axis: int, tensors: Mapping[str, TensorInfo]) -> int | None:
    """Return a LoKr module's width: the product of both factors' widths; each factor may be split in two."""
    stem = key.rpartition("lokr_w1")[0]
    first, second = _factor(stem + "lokr_w1", axis, tensors), _factor(stem + "lokr_w2", axis, tensors)
    width = first * second if first and second else None
    # Trainers do not pair the factors alike for every layer: only a width that exists is believed.
    return width if width in _REAL_WIDTHS else None


def _factor(name: str, axis: int, tensors: Mapping[str, TensorInfo]) -> int | None:
    whole = tensors.get(name) or tensors.get(f"{name}_{'b' if axis else 'a'}")
    return whole.shape[axis] if whole and len(whole.shape) >= 2 else None

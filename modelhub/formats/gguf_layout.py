"""The layout of a GGUF file's data: tensor after tensor, each padded to the alignment, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modelhub.formats.header import quote_name


class GgufError(Exception):
    """A fault of the file, as a sentence."""


class TensorPlace(NamedTuple):
    """A tensor's data, relative to the data part; `entry` is the byte of the file where its description begins."""

    offset: int
    length: int
    name: str
    entry: int


def check_layout(places: Sequence[TensorPlace], header_end: int, alignment: int, size: int) -> None:
    """Raise GgufError unless header, tensors and padding fill the file of `size` bytes exactly.

    The padding of the last tensor may be missing, as may that of the header when there are no tensors.
    """
    start = pad(header_end, alignment)
    if not places:
        if size > start:
            raise GgufError(f"{size - header_end} bytes follow the header, which ends at byte {header_end}.")
        return
    expected = end = 0
    last = places[0]
    for last in sorted(places):
        if last.offset != expected:
            raise _misplaced(last, expected, alignment)
        end = last.offset + last.length
        expected = pad(end, alignment)
    if start + end > size:
        name, ending = quote_name(last.name), start + end
        raise GgufError(f"The file is truncated: it has {size} bytes, and tensor {name} ends at {ending}.")
    if size > start + expected:
        raise GgufError(f"{size - start - end} bytes follow the last tensor, which ends at byte {start + end}.")


def pad(position: int, alignment: int) -> int:
    """Return the next position that is a multiple of the alignment."""
    return -(-position // alignment) * alignment


def _misplaced(place: TensorPlace, expected: int, alignment: int) -> GgufError:
    tensor = f"Tensor {quote_name(place.name)} (byte {place.entry})"
    if place.offset % alignment:
        return GgufError(f"{tensor} has the offset {place.offset}, which is not a multiple of {alignment}.")
    if place.offset < expected:
        return GgufError(f"{tensor} has the offset {place.offset}, which overlaps another tensor.")
    return GgufError(f"{tensor} has the offset {place.offset}, which leaves a gap of {place.offset - expected} bytes.")

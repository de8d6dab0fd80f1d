"""Tensors as byte ranges of a file, matched with its blocks while the file is read in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

_OVERLAP_MAX = 4  # tied weights are stored once and named twice


class Span(Protocol):
    """The place of one tensor's bytes in a file. `dtype` as safetensors spells it; `offset` and `length` in bytes."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def offset(self) -> int: ...
    @property
    def length(self) -> int: ...


class ByteRange(Protocol):
    """A range of a file, from byte `start` up to byte `end`."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


_T = TypeVar("_T", bound=ByteRange)


class RangeSplitter(Generic[_T]):
    """A splitter of a file's blocks, fed in order, into the parts of the byte ranges that they cover."""

    def __init__(self, ranges: Iterable[_T]) -> None:
        self._waiting = sorted(ranges, key=lambda item: item.start)
        self._next = 0
        self._open: list[_T] = []

    def pieces(self, data: memoryview, offset: int) -> Iterator[tuple[_T, memoryview, bool]]:
        """Yield each range that the block at `offset` touches, its bytes there, and whether it ends there."""
        end = offset + len(data)
        while self._next < len(self._waiting) and self._waiting[self._next].start < end:
            self._open.append(self._waiting[self._next])
            self._next += 1
        for item in self._open:
            yield item, data[max(item.start - offset, 0) : max(item.end - offset, 0)], item.end <= end
        self._open = [item for item in self._open if item.end > end]

    def empty_at_end(self) -> Iterator[_T]:
        """Yield the empty ranges behind the last block, each once."""
        rest = self._waiting[self._next :]
        self._waiting, self._next = [item for item in rest if item.end > item.start], 0
        yield from (item for item in rest if item.end <= item.start)

    @property
    def unfinished(self) -> list[_T]:
        """The ranges of which bytes are still missing."""
        return [item for item in (*self._open, *self._waiting[self._next :]) if item.end > item.start]


def overlaps_too_much(spans: Sequence[Span]) -> bool:
    """Return whether the tensors claim the same bytes so often that reading would not end in time: no model does."""
    if not spans:
        return False
    extent = max(span.offset + span.length for span in spans) - min(span.offset for span in spans)
    return sum(span.length for span in spans) > _OVERLAP_MAX * extent

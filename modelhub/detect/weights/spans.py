"""Tensors as stretches of a file, met while the file streams past."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

_OVERLAP_MAX = 4  # tied weights lie in a file once and are named twice


class Span(Protocol):
    """Where one tensor's bytes lie in a file. `dtype` as safetensors spells it; `offset` and `length` in bytes."""

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
    """Something that lies from byte `start` up to byte `end` of a file."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


_T = TypeVar("_T", bound=ByteRange)


class RangeSplitter(Generic[_T]):
    """Cuts the blocks of a file that is fed in order into pieces of the stretches that lie there."""

    def __init__(self, stretches: Iterable[_T]) -> None:
        self._waiting = sorted(stretches, key=lambda item: item.start)
        self._next = 0
        self._open: list[_T] = []

    def pieces(self, data: memoryview, offset: int) -> Iterator[tuple[_T, memoryview, bool]]:
        """For each stretch that the block at `offset` touches: it, its bytes there, and whether it ends there."""
        end = offset + len(data)
        while self._next < len(self._waiting) and self._waiting[self._next].start < end:
            self._open.append(self._waiting[self._next])
            self._next += 1
        for item in self._open:
            yield item, data[max(item.start - offset, 0) : max(item.end - offset, 0)], item.end <= end
        self._open = [item for item in self._open if item.end > end]

    def empty_at_end(self) -> Iterator[_T]:
        """The stretches without bytes behind the last block; each is given out once."""
        rest = self._waiting[self._next :]
        self._waiting, self._next = [item for item in rest if item.end > item.start], 0
        yield from (item for item in rest if item.end <= item.start)

    @property
    def unfinished(self) -> list[_T]:
        """Those of which bytes are still to come."""
        return [item for item in (*self._open, *self._waiting[self._next :]) if item.end > item.start]


def overlaps_too_much(spans: Sequence[Span]) -> bool:
    """Whether the tensors claim the same bytes so often that reading them would take for ever: no model does."""
    if not spans:
        return False
    extent = max(span.offset + span.length for span in spans) - min(span.offset for span in spans)
    return sum(span.length for span in spans) > _OVERLAP_MAX * extent

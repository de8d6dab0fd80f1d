"""Pieces of a file in memory: filled by a connection, then read by the disk and by the hashes, then used again."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable


class Block:
    """Room for one piece, aligned as writing past the page cache needs it. `length` bytes from `offset` are in it."""

    def __init__(self, size: int) -> None:
        self.memory = memoryview(mmap.mmap(-1, size))
        self.offset = self.length = self.crc = 0
        self.hashed_from_here = False  # the hashes read this memory, so that the page cache need not keep the bytes
        self.users = 0

    @property
    def data(self) -> memoryview:
        """What is in it."""
        return self.memory[: self.length]


class BlockPool:
    """At most `most` blocks of `size` bytes, made when they are first needed. Threads may share it."""

    def __init__(self, size: int, most: int) -> None:
        self._size, self._most = size, most
        self._made = 0
        self._free: list[Block] = []
        self._changed = threading.Condition()

    def take(self, offset: int, check: Callable[[], None]) -> Block:
        """A block for the piece at `offset`, held once. `check` may raise to stop the waiting."""
        while True:
            with self._changed:
                if self._free or self._made < self._most:
                    block = self._free.pop() if self._free else self._new()
                    block.offset, block.length, block.crc = offset, 0, 0
                    block.hashed_from_here, block.users = False, 1
                    return block
                self._changed.wait(0.1)
            check()

    def _new(self) -> Block:
        self._made += 1
        return Block(self._size)

    def hold(self, block: Block) -> None:
        """One more reads it."""
        with self._changed:
            block.users += 1

    def release(self, block: Block) -> None:
        """One reader less; the last one gives it back."""
        with self._changed:
            block.users -= 1
            if not block.users:
                self._free.append(block)
                self._changed.notify()

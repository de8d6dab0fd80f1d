"""Pieces of a file in memory: filled by a connection, read by the disk writer and the hashers, then reused."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable


class Block:
    """Memory for one piece, aligned as direct I/O requires. It holds `length` bytes from file offset `offset` on.

    `users` counts the readers that still need it. `hashed_from_memory`: the hashers read this memory, so that the
    page cache need not keep the bytes.
    """

    def __init__(self, size: int) -> None:
        self.memory = memoryview(mmap.mmap(-1, size))
        self.offset = self.length = self.crc = 0
        self.hashed_from_memory = False
        self.users = 0

    @property
    def data(self) -> memoryview:
        """The bytes received so far."""
        return self.memory[: self.length]


class BlockPool:
    """At most `limit` blocks of `size` bytes, made when they are first needed. All methods are thread-safe."""

    def __init__(self, size: int, *, limit: int) -> None:
        self._size, self._limit = size, limit
        self._made = 0
        self._free: list[Block] = []
        self._changed = threading.Condition()

    def acquire(self, offset: int, check_cancelled: Callable[[], None]) -> Block:
        """Return a block for the piece at `offset` with one user; wait until there is one.

        `check_cancelled` is called while waiting; what it raises ends the wait.
        """
        while True:
            with self._changed:
                if self._free or self._made < self._limit:
                    block = self._free.pop() if self._free else self._new()
                    block.offset, block.length, block.crc = offset, 0, 0
                    block.hashed_from_memory, block.users = False, 1
                    return block
                self._changed.wait(0.1)
            check_cancelled()

    def _new(self) -> Block:
        self._made += 1
        return Block(self._size)

    def retain(self, block: Block) -> None:
        """Add a user."""
        with self._changed:
            block.users += 1

    def release(self, block: Block) -> None:
        """Remove a user; without users the block is free again."""
        with self._changed:
            block.users -= 1
            if not block.users:
                self._free.append(block)
                self._changed.notify()

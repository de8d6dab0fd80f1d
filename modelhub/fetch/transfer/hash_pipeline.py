"""Hashing a file while it is downloaded: pieces in order from memory, pieces far ahead through the page cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from modelhub.domain import Hashes
from modelhub.fetch.http.retry import CancelledError
from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.storage.digests import DataPartSink, Sha256Sink

_READ = 256 << 10  # bytes; stays within a core's own cache
_THREADS_FROM = 4 << 20  # bytes; below it threads cost more than they gain
_BEHIND = 16 << 20  # bytes that the hashes may be behind what is written
_PAUSE = 0.002  # seconds
_CLOSING = 2.0  # seconds that `cancel` waits for each thread

ReadInto = Callable[[int, memoryview], int]


class _FileHasher:
    """SHA-256, AutoV1 and BLAKE3 in one: BLAKE3 is so fast that a second read would cost more."""

    def __init__(self) -> None:
        from blake3 import blake3

        self.sha = Sha256Sink()
        self.blake3 = blake3()

    def feed(self, data: memoryview, offset: int) -> bool:
        """Hash `data`; return whether more is wanted."""
        self.sha.feed(data, offset)
        self.blake3.update(data)
        return True


class _DataPartHasher:
    """AutoV3; stops at once for a file that is not a safetensors file."""

    def __init__(self) -> None:
        self.sink = DataPartSink()

    def feed(self, data: memoryview, offset: int) -> bool:
        """Hash `data`; return whether more is wanted."""
        self.sink.feed(data, offset)
        return not self.sink.refused


class _Reader:
    """One hasher's way through the file: the next byte it wants, and the blocks that it will find in memory."""

    def __init__(self, hasher: _FileHasher | _DataPartHasher) -> None:
        self.hasher = hasher
        self.offset = 0
        self.blocks: dict[int, Block] = {}
        self.has_ended = False


class HashPipeline:
    """A pipeline that hashes data while it is downloaded.

    `read_into` reads the file from an offset into a buffer and returns the number of bytes. `cancelled` ends the work.
    `most_blocks`: the most blocks kept in memory for the hashers; pieces further ahead are read back from the file.
    """

    def __init__(self, read_into: ReadInto, cancelled: threading.Event, *, most_blocks: int) -> None:
        self.most_blocks = most_blocks
        self._read_into = read_into
        self._cancelled = cancelled
        self._file, self._data_part = _FileHasher(), _DataPartHasher()
        self._readers = [_Reader(self._file), _Reader(self._data_part)]
        self._blocks: BlockPool | None = None
        self._changed = threading.Condition()
        self._written = 0
        self._complete = False
        self._over = False
        self._error: Exception | None = None
        self._threads: list[threading.Thread] = []

    def offer(self, block: Block, blocks: BlockPool) -> bool:
        """Return whether the hashers will read `block` from memory; they retain it in `blocks` until they have."""
        with self._changed:
            if not self._threads or self._over:
                return False
            readers = [reader for reader in self._readers if not reader.has_ended]
            if any(len(reader.blocks) >= self.most_blocks for reader in readers):
                return False
            self._blocks = blocks
            for reader in readers:
                reader.blocks[block.offset] = block
                blocks.retain(block)
            self._changed.notify_all()
            return True

    def written_up_to(self, end: int) -> None:
        """Note that all bytes before `end` are written. Thread-safe."""
        with self._changed:
            if end <= self._written:
                return
            self._written = end
            self._changed.notify_all()
            if not self._threads and not self._over and self._written >= _THREADS_FROM:
                self._start()

    def wait(self, check_cancelled: Callable[[], None]) -> None:
        """Wait until the hashes are not far behind what is written. Raise what `check_cancelled` raises.

        Waiting costs nothing: the hashes must be finished anyway, and they find what is still in memory.
        """
        while self._threads and self._written - self._hashed > _BEHIND and self._error is None:
            check_cancelled()
            time.sleep(_PAUSE)

    @property
    def _hashed(self) -> int:
        """The offset of the slowest hasher."""
        return min((reader.offset for reader in self._readers if not reader.has_ended), default=self._written)

    def _start(self) -> None:
        for reader in self._readers:
            thread = threading.Thread(target=self._run, args=(reader,), name="hash", daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self, size: int, *, crc32: int) -> Hashes:
        """Return the hashes of all `size` bytes, whose `crc32` is known. Raise CancelledError or a read's error."""
        with self._changed:
            self._written, self._complete = size, True
            threads = list(self._threads)
            self._changed.notify_all()
        if threads:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(0.1)
        else:
            for reader in self._readers:
                self._run(reader)
        if self._error is not None:
            raise self._error
        data_part = self._data_part.sink.sha256
        return Hashes(
            sha256=self._file.sha.sha256,
            blake3=str(self._file.blake3.hexdigest()),
            crc32=f"{crc32:08x}",
            autov1=self._file.sha.autov1,
            autov3=data_part[:12] if data_part else None,
        )

    def cancel(self) -> bool:
        """End the threads; return whether they have ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_CLOSING)
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, reader: _Reader) -> None:
        buffer = memoryview(bytearray(_READ))
        try:
            wanted = True
            while wanted and (found := self._next(reader)) is not None:
                wanted = (
                    self._hash_block(reader, found)
                    if isinstance(found, Block)
                    else self._hash_from_file(reader, buffer[: found - reader.offset])
                )
        except Exception as exc:  # noqa: BLE001 - raised again in `finish`
            self._error = self._error or exc
        finally:
            self._end(reader)

    def _next(self, reader: _Reader) -> Block | int | None:
        """Return the next block in memory, else the offset up to which to read the file; None at the end."""
        with self._changed:
            while True:
                if self._cancelled.is_set() or self._over:
                    raise CancelledError
                block = reader.blocks.get(reader.offset)
                if block is not None:
                    return block
                if reader.offset < self._written:
                    return min([self._written, *(at for at in reader.blocks if at > reader.offset)])
                if self._complete:
                    return None
                self._changed.wait(0.5)

    def _hash_block(self, reader: _Reader, block: Block) -> bool:
        data, wanted = block.data, True
        for start in range(0, len(data), _READ):
            part = data[start : start + _READ]
            wanted = wanted and reader.hasher.feed(part, reader.offset)
            reader.offset += len(part)
        with self._changed:
            del reader.blocks[block.offset]
        assert self._blocks is not None
        self._blocks.release(block)
        return wanted

    def _hash_from_file(self, reader: _Reader, buffer: memoryview) -> bool:
        count = self._read_into(reader.offset, buffer)
        if not count:
            raise OSError(f"the part file ends at byte {reader.offset:,}, before what was written to it")
        wanted = reader.hasher.feed(buffer[:count], reader.offset)
        reader.offset += count
        return wanted

    def _end(self, reader: _Reader) -> None:
        with self._changed:
            reader.has_ended = True
            left = list(reader.blocks.values())
            reader.blocks.clear()
        for block in left:
            assert self._blocks is not None
            self._blocks.release(block)

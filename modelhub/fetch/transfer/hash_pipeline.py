"""Hashing a file while it arrives: from memory what comes in order, through the page cache what was ahead of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from modelhub.domain import Hashes
from modelhub.fetch.transfer.blocks import Block, BlockPool
from modelhub.fetch.transfer.retry import CancelledError
from modelhub.storage.digests import DataPartSink, Sha256Sink

_READ = 256 << 10  # bytes; stays within a core's own cache
_THREADS_FROM = 4 << 20  # bytes; below it threads cost more than they gain
_BEHIND = 16 << 20  # bytes
_PAUSE = 0.002  # seconds

ReadInto = Callable[[int, memoryview], int]


class _Whole:
    """SHA-256, AutoV1 and BLAKE3 in one: BLAKE3 is so quick that a second read would cost more."""

    def __init__(self) -> None:
        from blake3 import blake3

        self.sha = Sha256Sink()
        self.blake3 = blake3()

    def feed(self, data: memoryview, offset: int) -> bool:
        """Take `data`; whether more is wanted."""
        self.sha.feed(data, offset)
        self.blake3.update(data)
        return True


class _DataPart:
    """AutoV3; ends at once for what is no safetensors file."""

    def __init__(self) -> None:
        self.sink = DataPartSink()

    def feed(self, data: memoryview, offset: int) -> bool:
        """Take `data`; whether more is wanted."""
        self.sink.feed(data, offset)
        return not self.sink.refused


class _HashReader:
    """One digest's way through the file: the next byte it wants, and the blocks it will find in memory."""

    def __init__(self, sink: _Whole | _DataPart) -> None:
        self.sink = sink
        self.offset = 0
        self.blocks: dict[int, Block] = {}
        self.ended = False


class HashPipeline:
    """Follows the connections. `read_into` puts bytes at an offset of the file into a buffer and says how many.

    `held`: blocks kept in memory for the hashes, at most; what comes further ahead of them is read again.
    """

    def __init__(self, read_into: ReadInto, stop: threading.Event, *, held: int) -> None:
        self.held = held
        self._read_into = read_into
        self._stop = stop
        self._whole, self._data_part = _Whole(), _DataPart()
        self._readers = [_HashReader(self._whole), _HashReader(self._data_part)]
        self._blocks: BlockPool | None = None
        self._changed = threading.Condition()
        self._there = 0
        self._complete = False
        self._over = False
        self._error: Exception | None = None
        self._threads: list[threading.Thread] = []

    def offer(self, block: Block, blocks: BlockPool) -> bool:
        """Whether the hashes will read `block` (of `blocks`) from memory; they hold it until they have."""
        with self._changed:
            if not self._threads or self._over:
                return False
            readers = [each for each in self._readers if not each.ended]
            if any(len(each.blocks) >= self.held for each in readers):
                return False
            self._blocks = blocks
            for each in readers:
                each.blocks[block.offset] = block
                blocks.hold(block)
            self._changed.notify_all()
            return True

    def written_up_to(self, there: int) -> None:
        """All bytes before `there` are written. From any thread."""
        with self._changed:
            if there <= self._there:
                return
            self._there = there
            self._changed.notify_all()
            if not self._threads and not self._over and self._there >= _THREADS_FROM:
                self._start()

    def wait(self, check: Callable[[], None]) -> None:
        """Until the hashes are not far behind what is written. `check` may raise to stop.

        Nothing is lost by waiting, for the hashes have to be finished anyway, and they read what is still at hand.
        """
        while self._threads and self._there - self._hashed > _BEHIND and self._error is None:
            check()
            time.sleep(_PAUSE)

    @property
    def _hashed(self) -> int:
        """By the slowest digest."""
        return min((each.offset for each in self._readers if not each.ended), default=self._there)

    def _start(self) -> None:
        for each in self._readers:
            thread = threading.Thread(target=self._follow, args=(each,), name="pipeline", daemon=True)
            self._threads.append(thread)
            thread.start()

    def finish(self, size: int, *, crc32: int) -> Hashes:
        """The hashes of all `size` bytes, of which `crc32` is known. Raises CancelledError, or what reading raised."""
        with self._changed:
            self._there, self._complete = size, True
            threads = list(self._threads)
            self._changed.notify_all()
        if threads:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(0.1)
        else:
            for each in self._readers:
                self._follow(each)
        if self._error is not None:
            raise self._error
        data_part = self._data_part.sink.sha256
        return Hashes(
            sha256=self._whole.sha.sha256,
            blake3=str(self._whole.blake3.hexdigest()),
            crc32=f"{crc32:08x}",
            autov1=self._whole.sha.autov1,
            autov3=data_part[:12] if data_part else None,
        )

    def cancel(self) -> bool:
        """End the threads; whether they have ended."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(2.0)
        return not any(thread.is_alive() for thread in self._threads)

    def _follow(self, reader: _HashReader) -> None:
        buffer = memoryview(bytearray(_READ))
        try:
            wanted = True
            while wanted and (found := self._next(reader)) is not None:
                wanted = (
                    self._from_memory(reader, found)
                    if isinstance(found, Block)
                    else self._from_file(reader, buffer[: found - reader.offset])
                )
        except Exception as exc:  # noqa: BLE001 - handed to the thread that waits for the result
            self._error = self._error or exc
        finally:
            self._end(reader)

    def _next(self, reader: _HashReader) -> Block | int | None:
        """The block that comes next, else how far the file can be read from, None once there is no more."""
        with self._changed:
            while True:
                if self._stop.is_set() or self._over:
                    raise CancelledError
                block = reader.blocks.get(reader.offset)
                if block is not None:
                    return block
                if reader.offset < self._there:
                    return min([self._there, *(at for at in reader.blocks if at > reader.offset)])
                if self._complete:
                    return None
                self._changed.wait(0.5)

    def _from_memory(self, reader: _HashReader, block: Block) -> bool:
        data, wanted = block.data, True
        for start in range(0, len(data), _READ):
            part = data[start : start + _READ]
            wanted = wanted and reader.sink.feed(part, reader.offset)
            reader.offset += len(part)
        with self._changed:
            del reader.blocks[block.offset]
        assert self._blocks is not None
        self._blocks.release(block)
        return wanted

    def _from_file(self, reader: _HashReader, buffer: memoryview) -> bool:
        count = self._read_into(reader.offset, buffer)
        if not count:
            raise OSError(f"the part file ends at byte {reader.offset}, before what was written to it")
        wanted = reader.sink.feed(buffer[:count], reader.offset)
        reader.offset += count
        return wanted

    def _end(self, reader: _HashReader) -> None:
        with self._changed:
            reader.ended = True
            left = list(reader.blocks.values())
            reader.blocks.clear()
        for block in left:
            assert self._blocks is not None
            self._blocks.release(block)

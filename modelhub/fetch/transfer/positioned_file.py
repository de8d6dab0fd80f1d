"""Reading and writing at a place in a file from several threads, and reserving room; the system-dependent calls.

Writing past the page cache (Linux) spares the copy into it, which in a virtual machine can cost more than receiving
and hashing together, and leaves the cache to others. Memory, offset and length have to be aligned for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.storage.durable import sync_descriptor

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_ALIGNMENT = 4096  # bytes; the largest block size of today's drives


class PositionedFile:
    """One open file. `portable` does without pwrite and fallocate (Windows): seek and write under a lock."""

    def __init__(self, descriptor: int, *, portable: bool | None = None) -> None:
        self.descriptor = descriptor
        self._portable = not hasattr(os, "pwrite") if portable is None else portable
        self._lock = threading.Lock()
        self._past_cache: int | None = None

    def open_past_cache(self, path: Path) -> None:
        """Prepare for `write_past_cache`; `path` is where this file lies. Without effect where that cannot be done."""
        flag = 0 if self._portable else getattr(os, "O_DIRECT", 0)
        if flag and self._past_cache is None:
            with contextlib.suppress(OSError):  # memory file systems, network drives
                self._past_cache = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | flag)

    def write_past_cache(self, offset: int, data: memoryview) -> None:
        """As `write_at`, without a copy in the page cache where the system and the file system can do that."""
        descriptor = self._past_cache
        whole = len(data) - len(data) % _ALIGNMENT
        if descriptor is not None and whole and offset % _ALIGNMENT == 0:
            try:
                count = os.pwrite(descriptor, data[:whole], offset)
            except OSError as exc:
                if exc.errno not in _UNSUPPORTED:
                    raise
                count = 0
                self._past_cache = None
                os.close(descriptor)
            offset, data = offset + count, data[count:]
        self.write_at(offset, data)

    def close(self) -> None:
        """Close it."""
        os.close(self.descriptor)
        if self._past_cache is not None:
            os.close(self._past_cache)
            self._past_cache = None

    def write_at(self, offset: int, data: ReadableBuffer) -> None:
        """Write all of `data` at byte `offset`."""
        rest = memoryview(data)
        while rest:
            count = self._write_some(offset, rest)
            offset += count
            rest = rest[count:]

    def _write_some(self, offset: int, data: memoryview) -> int:
        if not self._portable:
            return os.pwrite(self.descriptor, data, offset)
        with self._lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.write(self.descriptor, data)

    def read_at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from byte `offset`; empty at the end of the file."""
        if not self._portable:
            return os.pread(self.descriptor, count, offset)
        with self._lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, count)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill `buffer` from byte `offset` on; how many bytes that gave, 0 at the end of the file."""
        if not self._portable and hasattr(os, "preadv"):
            return os.preadv(self.descriptor, [buffer], offset)
        data = self.read_at(offset, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def flush(self) -> None:
        """Write the bytes through to the disk; of the file's other data only what is needed to find them."""
        if self._portable or not hasattr(os, "fdatasync"):
            sync_descriptor(self.descriptor)
        else:
            os.fdatasync(self.descriptor)

    def resize(self, size: int) -> None:
        """Make the file `size` bytes long; room is taken on the disk by `reserve` or when it is written."""
        os.ftruncate(self.descriptor, size)

    def reserve(self, start: int, count: int) -> None:
        """Take room on the disk for `count` bytes from byte `start` on, where the system can do that."""
        allocate = None if self._portable else getattr(os, "posix_fallocate", None)
        if allocate is not None and count > 0:
            try:
                allocate(self.descriptor, start, count)
            except OSError as exc:
                if exc.errno not in _UNSUPPORTED:
                    raise

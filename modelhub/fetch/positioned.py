"""Reading and writing at a place in a file from several threads, and reserving room; the system-dependent calls."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING

from modelhub.storage.durable import sync_descriptor

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class PositionedFile:
    """One open file. `portable` does without pwrite and fallocate (Windows): seek and write under a lock."""

    def __init__(self, descriptor: int, *, portable: bool | None = None) -> None:
        self.descriptor = descriptor
        self._portable = not hasattr(os, "pwrite") if portable is None else portable
        self._lock = threading.Lock()

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

    def reserve(self, size: int) -> None:
        """Make the file `size` bytes long, with its room taken on the disk where the system can do that."""
        allocate = None if self._portable else getattr(os, "posix_fallocate", None)
        if allocate is not None and size:
            try:
                allocate(self.descriptor, 0, size)
            except OSError as exc:
                if exc.errno not in _UNSUPPORTED:
                    raise
        os.ftruncate(self.descriptor, size)

"""Reading and writing at an offset of a file from several threads, and reserving space; the system-dependent calls.

Direct I/O (Linux) bypasses the page cache: it saves the copy into it, which in a virtual machine can cost more than
receiving and hashing together, and leaves the cache to others. Memory, offset and length must be aligned for it.
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
    """An open file. `portable` uses only calls that every system has: seek and write under a lock, as on Windows."""

    def __init__(self, descriptor: int, *, portable: bool | None = None) -> None:
        self.descriptor = descriptor
        self._portable = not hasattr(os, "pwrite") if portable is None else portable
        self._lock = threading.Lock()
        self._direct: int | None = None

    def open_direct(self, path: Path) -> None:
        """Prepare `write_direct`; `path` is that of this file. Does nothing where direct I/O is not available."""
        flag = 0 if self._portable else getattr(os, "O_DIRECT", 0)
        if flag and self._direct is None:
            with contextlib.suppress(OSError):  # memory file systems, network drives
                direct = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | flag)
                if os.path.samestat(os.fstat(direct), os.fstat(self.descriptor)):
                    self._direct = direct
                else:  # another file has its name now
                    os.close(direct)

    def write_direct(self, offset: int, data: memoryview) -> None:
        """Write all of `data` at byte `offset`, bypassing the page cache where `open_direct` could prepare that."""
        descriptor = self._direct
        whole = len(data) - len(data) % _ALIGNMENT
        if descriptor is not None and whole and offset % _ALIGNMENT == 0:
            try:
                count = os.pwrite(descriptor, data[:whole], offset)
            except OSError as exc:
                if exc.errno not in _UNSUPPORTED:
                    raise
                count = 0
                self._direct = None
                os.close(descriptor)
            offset, data = offset + count, data[count:]
        self.write_at(offset, data)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None

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
        """Return up to `count` bytes from byte `offset`; none at the end of the file."""
        if not self._portable:
            return os.pread(self.descriptor, count, offset)
        with self._lock:
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, count)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill `buffer` from byte `offset` on; return the number of bytes, 0 at the end of the file."""
        if not self._portable and hasattr(os, "preadv"):
            return os.preadv(self.descriptor, [buffer], offset)
        data = self.read_at(offset, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def flush(self) -> None:
        """Flush the bytes to the disk, and of the metadata only what is needed to find them."""
        if self._portable or not hasattr(os, "fdatasync"):
            sync_descriptor(self.descriptor)
        else:
            os.fdatasync(self.descriptor)

    def size(self) -> int:
        """Return the file's length."""
        return os.fstat(self.descriptor).st_size

    def resize(self, size: int) -> None:
        """Set the file's length; space on the disk is taken by `reserve` or by writing."""
        os.ftruncate(self.descriptor, size)

    def reserve(self, start: int, count: int) -> None:
        """Reserve space on the disk for `count` bytes from byte `start` on, where the system can."""
        allocate = None if self._portable else getattr(os, "posix_fallocate", None)
        if allocate is not None and count > 0:
            try:
                allocate(self.descriptor, start, count)
            except OSError as exc:
                if exc.errno not in _UNSUPPORTED:
                    raise

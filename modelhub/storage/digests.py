"""All hashes of one stream of bytes, each defined once; the README's section on hashes has the definitions.

Sinks take the bytes in order: `fan_out.feed_sinks` feeds them from a file, `StreamDigester` from memory.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from modelhub.domain import Hashes
from modelhub.storage.crc import crc32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import ReadableBuffer

_AUTOV1_START, _AUTOV1_END = 0x100000, 0x110000
_SAFETENSORS_HEADER_MAX = 100_000_000
_JSON_START = b"{ \t\r\n"


class Sink(Protocol):
    """A consumer of a file's bytes in order. `feed` may run in a thread of its own; `data` is valid only meanwhile."""

    def feed(self, data: memoryview, offset: int) -> None:
        """Consume `data`, the bytes that start at byte `offset` of the file."""


class Sha256Sink:
    """SHA-256 of everything, and of the window that AutoV1 covers."""

    def __init__(self) -> None:
        self._all = hashlib.sha256()
        self._window = hashlib.sha256()
        self._end = 0

    def feed(self, data: memoryview, offset: int) -> None:
        self._all.update(data)
        self._end = offset + len(data)
        if offset < _AUTOV1_END and self._end > _AUTOV1_START:
            self._window.update(data[max(0, _AUTOV1_START - offset) : _AUTOV1_END - offset])

    @property
    def sha256(self) -> str:
        """64 hex digits."""
        return self._all.hexdigest()

    @property
    def autov1(self) -> str | None:
        """8 hex digits, or None where the file ends before the window."""
        return self._window.hexdigest()[:8] if self._end > _AUTOV1_START else None


class DataPartSink:
    """SHA-256 of a safetensors file's data part, which follows the header (AutoV3 and `sshs_model_hash`)."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._prefix = b""
        self._data_start: int | None = None
        self._end = 0
        self._refused = False

    def feed(self, data: memoryview, offset: int) -> None:
        self._end = offset + len(data)
        if self._data_start is None and not self._refused:
            self._prefix += bytes(data[: 9 - len(self._prefix)])
            if len(self._prefix) == 9:
                self._decide()
        if self._data_start is not None and self._end > self._data_start:
            self._hash.update(data[max(0, self._data_start - offset) :])

    def _decide(self) -> None:
        length = int.from_bytes(self._prefix[:8], "little")
        if 2 <= length <= _SAFETENSORS_HEADER_MAX and self._prefix[8] in _JSON_START:
            self._data_start = 8 + length
        else:
            self._refused = True

    @property
    def refused(self) -> bool:
        """Whether the stream is not a safetensors file, so that nothing more needs to be fed."""
        return self._refused

    @property
    def sha256(self) -> str | None:
        """64 hex digits, or None when the stream is not a safetensors file or ends within its header."""
        has_header = self._data_start is not None and self._end >= self._data_start
        return self._hash.hexdigest() if has_header else None


class ChecksumSink:
    """BLAKE3 and CRC32 of everything."""

    def __init__(self) -> None:
        from blake3 import blake3

        self._blake3 = blake3()
        self._crc32 = 0

    def feed(self, data: memoryview, offset: int) -> None:
        self._blake3.update(data)
        self._crc32 = crc32(data, self._crc32)

    @property
    def blake3(self) -> str:
        """64 hex digits."""
        return str(self._blake3.hexdigest())

    @property
    def crc32(self) -> str:
        """8 hex digits."""
        return f"{self._crc32:08x}"


class AllDigests:
    """The sinks that together give every hash, balanced so that their threads are about equally busy."""

    def __init__(self) -> None:
        self._whole = Sha256Sink()
        self._data_part = DataPartSink()
        self._checksums = ChecksumSink()

    @property
    def sinks(self) -> Sequence[Sink]:
        """The sinks to feed, slowest first."""
        return (self._whole, self._data_part, self._checksums)

    def hashes(self) -> Hashes:
        """Return all hashes; call it after the last byte was fed."""
        data_part = self._data_part.sha256
        return Hashes(
            sha256=self._whole.sha256,
            blake3=self._checksums.blake3,
            crc32=self._checksums.crc32,
            autov1=self._whole.autov1,
            autov3=data_part[:12] if data_part else None,
        )

    @property
    def data_part_sha256(self) -> str | None:
        """The hash that AutoV3 cuts to 12 digits, with all 64, as trainers embed it in `sshs_model_hash`."""
        return self._data_part.sha256


class StreamDigester:
    """All hashes of bytes that arrive in order."""

    def __init__(self) -> None:
        self._digests = AllDigests()
        self._sinks = self._digests.sinks
        self._position = 0

    @property
    def position(self) -> int:
        """The number of bytes hashed so far."""
        return self._position

    def update(self, data: ReadableBuffer) -> None:
        """Hash the next bytes."""
        view = memoryview(data).cast("B")
        for sink in self._sinks:
            sink.feed(view, self._position)
        self._position += len(view)

    def finish(self) -> Hashes:
        """Return the hashes of all bytes so far."""
        return self._digests.hashes()

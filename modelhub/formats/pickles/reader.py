"""A reader of pickles: it holds large pieces of a stream, hands out small ones, and knows the offset of every byte."""

from __future__ import annotations

from typing import Protocol

from modelhub.formats.pickles.placeholders import LimitError, SkippedBytes, TruncatedError, WalkError

MAX_LINE = 1 << 12  # bytes of a line in protocol 0
MAX_KEPT = 1 << 16  # bytes of one string that are kept; longer ones are skipped over
MAX_TEXT = 32 << 20  # bytes of strings kept in all
_MAX_SKIPPED = 1 << 43  # bytes; no file is that long, and on ext4 no seek may be
_FIRST_PIECE, _LARGEST_PIECE = 1 << 12, 1 << 16  # most files that are tried as pickles fail within a few bytes
_LONGEST_SKIPPED_LINE = 1 << 28  # bytes


class ByteStream(Protocol):
    """A readable stream in which one can go forward."""

    def read(self, count: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int, /) -> int: ...


class PickleReader:
    """The bytes of one pickle, or of several that follow one another, read from the stream's position on.

    `data` and `position` are the piece in memory and the place in it; they are public for the walk's inner loop.
    """

    __slots__ = ("_before", "_piece", "_stream", "_text_left", "data", "lines", "position")

    def __init__(self, stream: ByteStream, *, offset: int = 0) -> None:
        self._stream = stream
        self._before = offset  # bytes of the stream in front of `data`
        self._text_left = MAX_TEXT
        self._piece = _FIRST_PIECE
        self.data = b""
        self.position = 0
        self.lines = 0  # that were read since the walk began: they cost more than other opcodes

    @property
    def offset(self) -> int:
        """Offset in the stream of the next byte."""
        return self._before + self.position

    def fill(self, count: int = 1) -> bool:
        """Hold at least `count` bytes in `data` from `position` on; return whether the stream has as many."""
        missing = count - (len(self.data) - self.position)
        if missing > 0:
            more = self._stream.read(max(missing, self._piece))
            self._piece = min(2 * self._piece, _LARGEST_PIECE)
            self._before += self.position
            self.data = self.data[self.position :] + more
            self.position = 0
        return len(self.data) - self.position >= count

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes. Raise TruncatedError when there are fewer."""
        end = self.position + count
        if end > len(self.data):
            if not self.fill(count):
                raise TruncatedError
            end = self.position + count
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def byte(self) -> int:
        """Return the next byte as a number. Raise TruncatedError when there is none."""
        if self.position >= len(self.data) and not self.fill():
            raise TruncatedError
        found = self.data[self.position]
        self.position += 1
        return found

    def line(self) -> bytes:
        """Return the next line without its line feed. Raise WalkError when it is too long."""
        found = self.data.find(b"\n", self.position, self.position + MAX_LINE)
        if found < 0:
            whole = self.fill(MAX_LINE)
            found = self.data.find(b"\n", self.position, self.position + MAX_LINE)
            if found < 0:
                raise WalkError("A line is longer than any name.") if whole else TruncatedError
        piece = self.data[self.position : found]
        self.position = found + 1
        self.lines += 1
        return piece

    def text_line(self) -> bytes | SkippedBytes:
        """Return the next line like `line`; skip over one that is too long to keep, as a loader would read it."""
        try:
            return self.line()
        except TruncatedError:
            raise
        except WalkError:
            start = self.offset
        while (found := self.data.find(b"\n", self.position)) < 0:
            self.position = len(self.data)
            if self.offset - start > _LONGEST_SKIPPED_LINE:
                raise LimitError("A line is longer than any model's.")
            if not self.fill():
                raise TruncatedError
        self.position = found + 1
        return SkippedBytes(self.offset - start - 1)

    def content(self, length: int) -> bytes | SkippedBytes:
        """Return `length` bytes; skip over content longer than `MAX_KEPT`, or beyond `MAX_TEXT` in all."""
        if length <= MAX_KEPT and length <= self._text_left:
            self._text_left -= length
            return self.take(length)
        self._skip(length)
        return SkippedBytes(length)

    def _skip(self, length: int) -> None:
        held = len(self.data) - self.position
        if length <= held:
            self.position += length
            return
        if length >= _MAX_SKIPPED:
            raise TruncatedError
        self._before += len(self.data)
        self.data, self.position = b"", 0
        self._stream.seek(length - held - 1, 1)
        self._before += length - held - 1
        self.take(1)  # whether the stream reaches that far

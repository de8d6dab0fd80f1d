"""Bodies of small answers, such as JSON: read and unpacked within bounds of bytes and time."""

from __future__ import annotations

import contextlib
import http.client
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelhub.fetch.http.bounded_response import BoundedResponse
from modelhub.quantities import format_size

if TYPE_CHECKING:
    import requests

# The one coding to request. Brotli and zstd can unpack a few bytes to gigabytes in one step.
ACCEPTED_CODING = "gzip"
_READ = 64 << 10  # bytes
_UNPACKED = 1 << 20  # bytes unpacked in one step
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class BodyError(Exception):
    """A body that could not be read whole; `reason` is a sentence about it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_body(response: requests.Response, *, most_bytes: int, deadline: float) -> bytes:
    """Return the unpacked body and close the response.

    Raise BodyError for one that has more than `most_bytes`, that is not there at `deadline`, a time of
    `time.monotonic`, or that is broken.
    """
    body = bytearray()
    with contextlib.closing(response):
        for data in _unpacked(response, deadline):
            body += data
            if len(body) > most_bytes:
                raise BodyError(f"It is larger than {format_size(most_bytes)}.")
    return bytes(body)


def read_start(response: requests.Response, count: int, *, deadline: float) -> bytes:
    """Return the first `count` bytes of the unpacked body, or what comes of them before `deadline`."""
    body = bytearray()
    with contextlib.suppress(BodyError):
        for data in _unpacked(response, deadline):
            body += data
            if len(body) >= count:
                break
    return bytes(body[:count])


def _unpacked(response: requests.Response, deadline: float) -> Iterator[bytes]:
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    packed = _received(response, deadline)
    if coding in ("", "identity"):
        return packed
    if coding in ("gzip", "x-gzip", "deflate"):
        return _inflated(packed)
    raise BodyError(f"It is encoded as {coding[:20]!a}, which was not requested.")


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    is_begun = False
    for data in packed:
        found = b""
        while data or len(found) == _UNPACKED:
            is_begun = True
            try:
                found = unpacker.decompress(data, _UNPACKED)
            except zlib.error:
                raise BodyError("It is damaged.") from None
            yield found
            data = unpacker.unconsumed_tail
            if unpacker.eof:  # a further gzip member may follow
                data, is_begun = unpacker.unused_data, False
                unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    if is_begun:
        raise BodyError("It broke off early.")


def _received(response: requests.Response, deadline: float) -> Iterator[bytes]:
    import urllib3

    source = getattr(response.raw, "_fp", None)
    if isinstance(source, BoundedResponse):
        source.set_deadline(deadline)
    try:
        while data := response.raw.read1(_READ, decode_content=False):
            yield data
            if time.monotonic() > deadline:
                raise TimeoutError
    except (TimeoutError, urllib3.exceptions.ReadTimeoutError):
        raise BodyError("It took too long to arrive.") from None
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError):
        raise BodyError("It broke off early.") from None
    finally:
        if isinstance(source, BoundedResponse):
            source.set_deadline(None)

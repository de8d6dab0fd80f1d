"""JSON from services, decoded only where its values fit into memory."""

from __future__ import annotations

import json
import math
import re
from typing import TypeVar

import msgspec

_T = TypeVar("_T")
# Each value needs about a hundred bytes of memory, however short its text: 20 million `{}` have 60 MB. The listing of
# the largest repositories has 200,000 files, of a dozen values each.
_MOST_VALUES = 3_000_000
# Half of an escaped character. msgspec refuses a whole document for one that stands alone, as in a single odd name.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MOST_SIZE = 1 << 60  # bytes of a file


class TooManyValuesError(ValueError):
    """A document with more values than any real answer."""


def decode(body: bytes, kind: type[_T]) -> _T:
    """Return the document as `kind`, numbers also from text. Raise ValueError for anything else.

    The error is a TooManyValuesError for a document that would need too much memory.
    """
    # Every value but the first in an object or array follows a comma, so that no document has more than this.
    if body.count(b",") + body.count(b"{") + body.count(b"[") > _MOST_VALUES:
        raise TooManyValuesError
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        if isinstance(exc, msgspec.ValidationError) or not _SURROGATE.search(body):
            raise ValueError(str(exc)) from None
    try:
        return msgspec.convert(json.loads(body), kind, strict=False)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise ValueError(str(exc)) from None


def size_of(value: object) -> int | None:
    """Return a number of bytes that a service states, None for a value that cannot be one."""
    if isinstance(value, float):
        value = round(value) if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_SIZE else None

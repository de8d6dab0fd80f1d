"""The first bytes of model files: enough to decide which files without a model's suffix are worth reading."""

from __future__ import annotations

import re

HEAD = 512  # bytes that are read of a file
SMALLEST = 64  # bytes; no model is smaller
_MOST_HEADER = 100_000_000  # bytes of a safetensors header
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x00-\xff]")
# Archives that are not looked into, by their first bytes.
_ARCHIVES = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
)
_TAR = slice(257, 262)


def may_be_model(head: bytes) -> bool:
    """Return whether a file that begins with `head` may be a safetensors, GGUF, zip or pickle file."""
    return (
        head.startswith((b"PK\x03\x04", b"GGUF"))
        or _PICKLE.match(head) is not None
        or (head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= _MOST_HEADER)
    )


def archive_kind(head: bytes) -> str | None:
    """Return which kind of archive, or of compressed file, begins with `head`; None for none that is known."""
    if head[_TAR] == b"ustar":
        return "a tar archive"
    return next((kind for magic, kind in _ARCHIVES if head.startswith(magic)), None)

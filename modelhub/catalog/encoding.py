"""The encoding of names, paths and numbers in the database; decoding returns exactly what was encoded."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path

# Bytes of a name that are not UTF-8 arrive as U+DC80..DCFF, which no database takes; U+EF80..EFFF carry them (MirBSD).
_SHIFT = 0xEF80 - 0xDC80
# Before four hexadecimal digits: a character that no database takes, or one that would be read back as another.
_ESCAPE = "\uef7f"
_UNSAFE = re.compile(r"[\0\ud800-\udfff\uef7f-\uefff]")
_WRITTEN = re.compile(r"\uef7f([0-9a-f]{4})|[\uef80-\uefff]")
# Ids are below this in every database.
MOST_ROWS = 1 << 62


def encode_text(text: str) -> str:
    """Return `text` as every database can hold it: without NUL and lone surrogates; `decode_text` reverses it."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSAFE.sub(_encode_character, text)


def _encode_character(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(code + _SHIFT) if 0xDC80 <= code <= 0xDCFF else f"{_ESCAPE}{code:04x}"


def decode_text(text: str) -> str:
    """Return the text that `encode_text` was given."""
    return text if text.isascii() else _WRITTEN.sub(_decode_character, text)


def _decode_character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else chr(ord(found[0]) - _SHIFT)


def normalize_key(text: str) -> str:
    """Return the form in which names and words are compared and sorted: without case, width and composition."""
    return unicodedata.normalize("NFKC", encode_text(text)).casefold()


def path_key(relative: str, platform: str = sys.platform) -> str:
    """Return a key that is equal for two spellings of one path: macOS ignores composition, Windows and macOS case."""
    if platform == "darwin" or platform.startswith("win"):
        return unicodedata.normalize("NFC", encode_text(relative)).casefold()
    return encode_text(relative)


def absolute_path(path: Path | str) -> str:
    """Return an absolute path without `..`; symbolic links stay as the user wrote them."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - resolve() would follow links


def encode_inode(number: int | None) -> int | None:
    """Return a file's index as a signed 64-bit number, None when it has more bits (ReFS) and cannot be compared."""
    if number is None or not 0 < number < 1 << 64:
        return None
    return number - (1 << 64) if number >= 1 << 63 else number


def decode_inode(number: int | None) -> int | None:
    """Return the file index that `encode_inode` was given."""
    return number + (1 << 64) if number is not None and number < 0 else number


def like_pattern(text: str) -> str:
    """Return a LIKE pattern (escape character `!`) that finds `text` anywhere."""
    return "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"

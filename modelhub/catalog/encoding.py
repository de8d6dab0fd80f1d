"""How names, paths and numbers are spelt in the database, and back."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

# Bytes of a name that are not UTF-8 arrive as U+DC80..DCFF, which no database takes; U+EF80..EFFF carry them (MirBSD).
_SHIFT = 0xEF80 - 0xDC80
_TO_STORE = {code: code + _SHIFT for code in range(0xDC80, 0xDD00)}
_FROM_STORE = {code + _SHIFT: code for code in range(0xDC80, 0xDD00)}


def fold(text: str) -> str:
    """The form in which names and words are compared and sorted: whatever the case, width and composition."""
    return unicodedata.normalize("NFKC", stored(text)).casefold()


def stored(text: str) -> str:
    """`text` as every database takes it; `unstored` gives it back."""
    clean = text if text.isascii() else text.translate(_TO_STORE)
    if clean.isascii():
        return clean.replace("\0", "")
    return clean.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def unstored(text: str) -> str:
    """The path that was stored."""
    return text if text.isascii() else text.translate(_FROM_STORE)


def path_key(relative: str, platform: str = sys.platform) -> str:
    """Equal for two spellings of one path on this platform: macOS ignores composition, Windows and macOS case."""
    if platform == "darwin" or platform.startswith("win"):
        return unicodedata.normalize("NFC", stored(relative)).casefold()
    return stored(relative)


def absolute(path: Path | str) -> str:
    """An absolute path without `..`; links stay as the user wrote them."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - resolve() would follow links


def signed(number: int | None) -> int | None:
    """A file's index as a signed 64-bit number; None when it has more bits (ReFS) and so cannot be compared."""
    if number is None or not 0 < number < 1 << 64:
        return None
    return number - (1 << 64) if number >= 1 << 63 else number


def unsigned(number: int | None) -> int | None:
    """The reverse of `signed`."""
    return number + (1 << 64) if number is not None and number < 0 else number


def like(text: str) -> str:
    """A LIKE pattern (escape character `!`) for `text` anywhere."""
    return "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"

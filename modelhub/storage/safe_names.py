"""File names from the network, made safe on every file system."""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 255
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file ; the superscript digits count as digits there.
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f-\x9f]')
_SEPARATORS = re.compile(r"[/\\\u2044\u2215\u29f5\u29f8\uff0f\uff3c]")
# Cf: bidi and zero-width controls, which make a name look like another. Cs: lone surrogates, Co/Cn: no meaning at all.
_INVISIBLE = {"Cf", "Cs", "Co", "Cn"}
# Needed in Persian, Indic scripts and emoji; after a Latin letter they only deceive.
_JOINERS = "\u200c\u200d"
_LOOSE_JOINERS = re.compile(f"(^|[\x00-\x7f])[{_JOINERS}]+")
_SUFFIX_MAX = 24  # bytes; a longer tail is not a suffix


def safe_name(name: str, *, fallback: str = "model") -> str:
    """Return a file name that is valid on Windows, macOS and Linux and resembles `name`, or the last part of a path.

    It is never empty, `.` or `..`, not hidden, in NFC, and at most `MAX_BYTES` bytes in UTF-8 with its suffix kept; a
    name or stem with nothing left becomes `fallback`. The result is stable: `safe_name(safe_name(x)) == safe_name(x)`.
    """
    last = _last_part(unicodedata.normalize("NFC", name))
    text = "".join(c for c in last if c in _JOINERS or unicodedata.category(c) not in _INVISIBLE)
    text = _LOOSE_JOINERS.sub(r"\1", text)
    text = _FORBIDDEN.sub("_", text)
    text = " ".join(text.split())
    text = unicodedata.normalize("NFC", text)
    if text.lstrip(" ").rfind(".") == 0 and last.rfind(".") > 0:
        text = fallback + text.lstrip(" ")  # nothing of the stem is left; the suffix must not become the name
    text = _shorten(_trim(text))
    if not text:
        return fallback
    stem = text.split(".", 1)[0].rstrip(" ")
    return _shorten(f"_{text}") if _RESERVED.match(stem) else text


def is_safe_name(name: str) -> bool:
    """Return whether `name` can be used unchanged."""
    return bool(name) and safe_name(name, fallback="") == name


def is_windows_name(name: str) -> bool:
    """Return whether Windows takes `name` for a file: not a device such as CON, nor a stream of a file (`a:b`)."""
    return not _FORBIDDEN.search(name) and not _RESERVED.match(name.split(".", 1)[0].rstrip(" "))


def _last_part(name: str) -> str:
    parts = [part for part in _SEPARATORS.split(name) if part.strip(" .\t\r\n")]
    last = parts[-1] if parts else ""
    return re.sub(r"^[A-Za-z]:", "", last)  # a drive letter without a separator after it


def _trim(text: str) -> str:
    return text.lstrip(" .").rstrip(" .")


def _shorten(text: str) -> str:
    """Shorten the stem until the name has at most `MAX_BYTES` bytes; keep the suffix."""
    if len(text.encode()) <= MAX_BYTES:
        return text
    stem, dot, suffix = text.rpartition(".")
    tail = dot + suffix
    if not stem or len(tail.encode()) > _SUFFIX_MAX:
        stem, tail = text, ""
    kept = stem.encode()[: MAX_BYTES - len(tail.encode())].decode(errors="ignore")
    return _trim(kept) + tail

"""File names in the answers of services: refused, before any request is made from them, where they could lead astray.

Addresses are built from these names, and HTTP clients resolve `..` in them: such a request would go to another path of
the host, with the user's token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from urllib.parse import unquote

from modelhub.errors import UnsafeError
from modelhub.storage.safe_names import MAX_BYTES

_T = TypeVar("_T")
_MOST_BYTES = 4096  # of a path; Linux allows no more
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = {"Cc", "Cs", "Zl", "Zp"}  # control characters, lone surrogates, line and paragraph separators
_MOST_DECODINGS = 3  # of `%25252e`
_SHOWN = 3  # refused names, each in a line of its own
_SHOWN_LENGTH = 80  # characters of a name


def accept_names(
    items: Iterable[_T], name_of: Callable[[_T], object], reference: object
) -> tuple[tuple[_T, ...], tuple[str, ...]]:
    """Return the items whose name is a relative path, and notices about the others.

    Raise UnsafeError, which names `reference`, where only refused ones are left.
    """
    accepted: list[_T] = []
    refused: list[str] = []
    count = 0
    for item in items:
        reason = reason_to_refuse(name_of(item))
        if reason is None:
            accepted.append(item)
        else:
            count += 1
            if count <= _SHOWN:
                refused.append(f"`{printable(name_of(item))}` was refused: {reason}.")
    if refused and not accepted:
        raise UnsafeError(
            f"{reference} has no file with a safe name.",
            "Nothing was requested. Report it to the hub.",
            details=refused[:1],
        )
    if count > _SHOWN:
        refused.append(f"{count - _SHOWN:,} more names were refused.")
    return tuple(accepted), tuple(refused)


def reason_to_refuse(name: object) -> str | None:
    """Return why a name is refused, as a clause about it; None for a relative path with `/`."""
    if not isinstance(name, str) or not name:
        return "the name is missing"
    if len(name) > _MOST_BYTES:
        return "the name is too long"
    is_plain = name.isascii() and name.isprintable()
    if not is_plain and any(unicodedata.category(character) in _CONTROL for character in name):
        return "the name has control characters"
    if "\\" in name:
        return "the name has a backslash"
    if name.startswith("/"):
        return "the name is an absolute path"
    if _DRIVE.match(name):
        return "the name begins with a drive letter"
    parts = name.split("/")
    if any(len(part.encode()) > MAX_BYTES for part in parts) or len(name.encode()) > _MOST_BYTES:
        return "the name is too long"
    if "" in parts:
        return "the name has an empty part"
    if _leaves(parts):
        return "the name leaves the repository"
    return _reason_once_decoded(name) if "%" in name else None


def _reason_once_decoded(name: str) -> str | None:
    """Return why a name is refused once a server has decoded it; a `%` may also be just a part of it."""
    for _ in range(_MOST_DECODINGS):
        decoded = unquote(name)
        if decoded == name:
            return None
        if "\0" in decoded or _leaves(re.split(r"[/\\]", decoded)):
            return "the name leaves the repository once it is decoded"
        name = decoded
    return "the name is encoded several times" if unquote(name) != name else None


def _leaves(parts: Sequence[str]) -> bool:
    # Windows drops dots and spaces at the end of a name, so that `.. ` is the folder above there.
    return any(not part.strip(" .") and "." in part for part in parts)


def printable(text: object) -> str:
    """Return a text from the network for one line of a message: shortened, with escapes for what cannot be seen."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text)[: _SHOWN_LENGTH + 1])
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[: _SHOWN_LENGTH - 1]}…"

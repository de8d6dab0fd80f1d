"""The base classes of all documents, and their text."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

VERSION: Literal[1] = 1


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A JSON object with published keys."""


class ObjectDocument(Document, frozen=True, kw_only=True):
    """A JSON object that is a whole document, and therefore states the version of the documents."""

    modelhub: Literal[1] = VERSION


def to_plain(value: Any) -> Any:
    """Return documents as dictionaries, lists, texts, numbers and None; what JSON has no form for as its text."""
    return msgspec.to_builtins(value, enc_hook=str)


def to_text(value: Any, *, indent: int | None = None) -> str:
    """Return documents as JSON in ASCII: characters beyond it, and bytes of a name that are not UTF-8, are escaped."""
    if indent is None:
        try:
            encoded = msgspec.json.encode(value, enc_hook=str)
        except UnicodeEncodeError:  # a name that is not UTF-8: only the standard library can escape it
            pass
        else:
            if encoded.isascii():
                return _without_delete(encoded.decode("ascii"))
    separators = None if indent else (",", ":")
    return _without_delete(json.dumps(to_plain(value), ensure_ascii=True, indent=indent, separators=separators))


def _without_delete(text: str) -> str:
    """Escape the one control character that JSON does not; it occurs only inside of texts."""
    return text.replace("\x7f", "\\u007f")

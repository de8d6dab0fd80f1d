"""Foreign text made safe to show in one line: in a page, a picture or a notification."""

from __future__ import annotations

import unicodedata

# Controls that reorder the text around them (Unicode TR 9): a name must not be able to disguise itself with them.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Return text for one line: control and reordering characters become `·`, lone surrogates `\ufffd`."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "·" if category in ("Cc", "Zl", "Zp") or character in _REORDERING else character

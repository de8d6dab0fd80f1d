"""Foreign text made safe to show: in a page, in a notification."""

from __future__ import annotations

import html
import re
import unicodedata
from datetime import datetime

# Controls that reorder the text around them (Unicode TR 9): a name must not be able to disguise itself with them.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Return text for one line: control and reordering characters become `·`, halves of characters `\ufffd`."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "·" if category in ("Cc", "Zl", "Zp") or character in _REORDERING else character


def escape_html(text: str) -> str:
    """Return text for HTML, between tags and in quoted attributes."""
    return html.escape(printable(text), quote=True)


def mark_up_commands(text: str) -> str:
    """Return a sentence as HTML in which `commands` are marked and selected by a click."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape_html(text))


def format_time(text: str) -> str:
    """Return an ISO 8601 time as HTML, in this computer's time, to the minute; a text of another kind as it is."""
    try:
        when = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return escape_html(text)
    return f'<time datetime="{when.isoformat(timespec="seconds")}">{when:%Y-%m-%d %H:%M}</time>'

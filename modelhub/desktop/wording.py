"""Foreign text as HTML, for the pages of reports."""

from __future__ import annotations

import html
import re
from datetime import datetime

from modelhub.printable import printable


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

"""Foreign text as HTML, for the templates of pages."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from modelhub.printable import printable

if TYPE_CHECKING:
    from pathlib import Path


def isolate(text: str) -> Markup:
    """Return foreign text whose direction of writing does not reach beyond it."""
    return Markup("<bdi>{}</bdi>").format(printable(text))


def code(text: str) -> Markup:
    """Return foreign text as code."""
    return Markup("<code>{}</code>").format(isolate(text))


def fill(sentence: str, **fields: object) -> Markup:
    """Return a sentence whose fields are HTML, such as `fill(_("was {name}"), name=isolate(name))`."""
    return escape(printable(sentence)).format(**fields)


def mark_up_commands(text: str) -> Markup:
    """Return a sentence in which `commands` are marked and selected by a click."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(printable(text)))))


def format_time(text: str) -> Markup:
    """Return an ISO 8601 time in this computer's time, to the minute; a text of another kind as it is."""
    try:
        when = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError):
        return escape(printable(text))
    return Markup('<time datetime="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), when.strftime("%Y-%m-%d %H:%M")
    )


def link(folder: Path, text: str = "") -> Markup:
    """Return a link that a file manager opens; only its text for a path that is not absolute."""
    shown = isolate(text or str(folder))
    if not folder.is_absolute():
        return shown
    return Markup('<a href="{}">{}</a>').format(folder.as_uri(), shown)

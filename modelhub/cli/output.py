"""Render output for the terminal: lines, tables that fit it, colors and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from modelhub.cli.screen.tables import Column, table
from modelhub.cli.screen.terminal import color, is_piped, print_lines, terminal_columns, wrapped
from modelhub.cli.screen.text_layout import pad, shorten, width, wrap
from modelhub.language import _
from modelhub.printable import printable

__all__ = [
    "Column",
    "clean",
    "color",
    "count_sentence",
    "count_text",
    "listed",
    "pad",
    "print_json",
    "print_json_texts",
    "print_lines",
    "print_raw",
    "shorten",
    "table",
    "terminal_columns",
    "width",
    "wrap",
    "wrapped",
]


def print_json(document: Any) -> None:
    """Print one JSON document, of `modelhub.documents`, to stdout: indented on a terminal, else on one line."""
    from modelhub.documents.document import to_text

    print(to_text(document, indent=None if is_piped() else 2))


def print_json_texts(texts: Iterable[str]) -> None:
    """Print an array of objects that are JSON texts already: indented on a terminal, else on one line."""
    if not is_piped():
        print_json([json.loads(text) for text in texts])
        return
    print("[" + ", ".join(texts) + "]")


def count_text(count: int, one: str, many: str) -> str:
    """Return a count with its noun: "1 file", "2 files"."""
    return f"{count} {one if count == 1 else many}"


def clean(text: str) -> str:
    """Return text that is safe on one terminal line: nothing in it moves the cursor, starts a line or hides."""
    return printable(text)


def print_raw(text: str) -> None:
    """Write text that another program may read: unchanged to a pipe or a file, cleaned line by line on a terminal."""
    sys.stdout.write(text if is_piped() else "\n".join(map(clean, text.split("\n"))))


def count_sentence(count: int, one: str, many: str) -> str:
    """Return the sentence for this count, translated: `one` for 1, else `many`, with `{count}` filled in."""
    return _(one if count == 1 else many, count=count)


def listed(parts: Iterable[str]) -> str:
    """Return phrases as a list, such as "12 added, 1 broken"."""
    return _(", ").join(parts)

"""Render output for the terminal: lines, tables that fit it, colors and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from modelhub.cli.screen.tables import Column, table
from modelhub.cli.screen.terminal import color, is_piped, print_lines, terminal_columns, wrapped
from modelhub.cli.screen.text_layout import pad, shorten, width, wrap
from modelhub.language import ENGLISH, _, current_language
from modelhub.printable import printable

__all__ = [
    "Column",
    "clean",
    "color",
    "in_a_row",
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


def clean(text: str) -> str:
    """Return text that is safe on one terminal line: nothing in it moves the cursor, starts a line or hides."""
    return printable(text)


def print_raw(text: str) -> None:
    """Write text that another program may read: unchanged to a pipe or a file, cleaned line by line on a terminal."""
    sys.stdout.write(text if is_piped() else "\n".join(map(clean, text.split("\n"))))


def in_a_row(sentences: Iterable[str]) -> str:
    """Return sentences in a row, with the spaces between them that the language in use has."""
    if current_language() == ENGLISH:
        return " ".join(sentences)
    from modelhub.language.spacing import join_sentences  # only other languages need it

    return join_sentences(sentences)


def listed(parts: Iterable[str]) -> str:
    """Return phrases as a list, such as "12 added, 1 broken"."""
    return _(", ").join(parts)

"""Render output for the terminal: tables that fit it, colors and JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from modelhub.printable import printable


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `right` aligns numbers.

    A narrow terminal shrinks `flexible` columns to `least` at most. Where that is not enough, columns that have a
    `spare` number are left out, the greatest first.
    """

    title: str
    flexible: bool = False
    right: bool = False
    least: int = 6
    spare: int = 0


def print_json(document: Any) -> None:
    """Print one JSON document, of `modelhub.documents`, to stdout: indented on a terminal, else on one line."""
    from modelhub.documents.document import to_text

    print(to_text(document, indent=None if _piped() else 2))


def print_json_texts(texts: Iterable[str]) -> None:
    """Print an array of objects that are JSON texts already: indented on a terminal, else on one line."""
    if not _piped():
        print_json([json.loads(text) for text in texts])
        return
    print("[" + ", ".join(texts) + "]")


def _piped() -> bool:
    return not sys.stdout.isatty()


def color(text: str, code: str) -> str:
    """Return `text` in an ANSI color if stdout is a terminal and NO_COLOR is not set."""
    if _piped() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def count_text(count: int, one: str, many: str) -> str:
    """Return a count with its noun: "1 file", "2 files"."""
    return f"{count} {one if count == 1 else many}"


def clean(text: str) -> str:
    """Return text that is safe on one terminal line: nothing in it moves the cursor, starts a line or hides."""
    return printable(text)


def print_raw(text: str) -> None:
    """Write text that another program may read: unchanged to a pipe or a file, cleaned line by line on a terminal."""
    sys.stdout.write(text if _piped() else "\n".join(map(clean, text.split("\n"))))


def count_sentence(count: int, one: str, many: str) -> str:
    """Return the sentence for this count: `one` for 1, else `many`, with `{count}` filled in."""
    return (one if count == 1 else many).format(count=count)


def width(text: str) -> int:
    """Return the columns that `text` takes on a terminal: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, columns: int) -> str:
    """Cut the middle out of `text` so that it fits into `columns` and both ends of a file name stay readable."""
    if width(text) <= columns:
        return text
    if columns < 3:
        return "…"[:columns]
    head, tail = list(text[: len(text) // 2]), list(text[len(text) // 2 :])
    while width("".join(head)) + width("".join(tail)) + 1 > columns:
        if len(head) >= len(tail):
            head.pop()
        else:
            tail.pop(0)
    return "".join(head) + "…" + "".join(tail)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table that fits the terminal; on a pipe nothing is cut, unless COLUMNS sets a width."""
    cells = [[clean(c) for c in row] for row in rows]
    widths = [max([width(column.title), *(width(row[i]) for row in cells)]) for i, column in enumerate(columns)]
    if not _piped() or os.environ.get("COLUMNS"):
        room = shutil.get_terminal_size().columns
        kept = _fitting(columns, widths, room)
        columns, widths = [columns[i] for i in kept], [widths[i] for i in kept]
        cells = [[row[i] for i in kept] for row in cells]
        _squeeze(columns, widths, room)
    head = color(_line(columns, [c.title for c in columns], widths), "1")
    return [head, *(_line(columns, row, widths) for row in cells)]


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the places of the columns that fit, at their least widths, without those that can be spared."""
    least = [min(w, column.least) if column.flexible else w for column, w in zip(columns, widths, strict=True)]
    kept = list(range(len(columns)))
    while sum(least[i] for i in kept) + 2 * (len(kept) - 1) > room:
        first = max(kept, key=lambda i: columns[i].spare)
        if not columns[first].spare:
            break
        kept.remove(first)
    return kept


def _squeeze(columns: Sequence[Column], widths: list[int], room: int) -> None:
    while sum(widths) + 2 * (len(widths) - 1) > room:
        givers = [i for i, c in enumerate(columns) if c.flexible and widths[i] > c.least]
        if not givers:
            return
        widths[max(givers, key=lambda i: widths[i])] -= 1


def _line(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, cell, room in zip(columns, row, widths, strict=True):
        text = shorten(cell, room)
        space = " " * (room - width(text))
        parts.append(space + text if column.right else text + space)
    return "  ".join(parts).rstrip()

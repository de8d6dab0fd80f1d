"""Lay out tables that fit the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from modelhub.cli.screen.terminal import color, is_piped, on_screen, terminal_columns
from modelhub.cli.screen.text_layout import Cut, shorten, shorten_apart, width, wrap
from modelhub.language import translate
from modelhub.printable import printable

_GAP = 2
_LEAST_SHARE = 0.33  # of the terminal, which each main column keeps while there are columns to leave out
_FULL_SHARE = 0.4  # of the terminal, which each main column gets before the others are shown in full


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; `right` aligns numbers, `paint` returns the color of a cell, "" for none.

    A narrow terminal shrinks `flexible` columns to `least` at most: their cells are cut with `cut`, or with `wraps`
    continued in further lines. Where that is not enough, columns that have a `spare` number are left out, the greatest
    first. A column with `main` is cut last.
    """

    title: str
    flexible: bool = False
    right: bool = False
    least: int = 6
    spare: int = 0
    main: bool = False
    wraps: bool = False
    cut: Cut = shorten
    paint: Callable[[str], str] | None = None


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, indent: int = 0) -> list[str]:
    """Return the lines of a table that fits the terminal, without columns that are empty in every row.

    On a pipe nothing is cut, unless COLUMNS sets a width. `indent`: columns of space in front of each line.
    """
    columns = [replace(column, title=translate(column.title)) for column in columns]
    cells = [[on_screen(printable(cell)) for cell in row] for row in rows]
    shown = [i for i in range(len(columns)) if not i or not cells or any(row[i] for row in cells)]
    widths = [max([width(column.title), *(width(row[i]) for row in cells)]) for i, column in enumerate(columns)]
    if not is_piped() or os.environ.get("COLUMNS"):
        shown = _fit(columns, widths, shown, terminal_columns() - indent)
    columns, widths = [columns[i] for i in shown], [widths[i] for i in shown]
    cells = [[row[i] for i in shown] for row in cells]
    return [" " * indent + line for line in _lines(columns, widths, cells)]


def _fit(columns: Sequence[Column], widths: list[int], shown: Sequence[int], room: int) -> list[int]:
    """Shrink `widths` until the columns fit, and return the columns that are left."""
    kept = list(shown)
    share = int(room * _LEAST_SHARE)

    def excess() -> int:
        return sum(widths[i] for i in kept) + _GAP * (len(kept) - 1) - room

    def shrink(places: Iterable[int], least: Callable[[int], int]) -> None:
        places = list(places)
        while excess() > 0:
            givers = [i for i in places if widths[i] > least(i)]
            if not givers:
                return
            widths[max(givers, key=lambda i: widths[i])] -= 1

    def least(place: int) -> int:
        return max(columns[place].least, width(columns[place].title))

    flexible = [i for i in kept if columns[i].flexible]
    main = [i for i in flexible if columns[i].main]
    natural = list(widths)
    shrink((i for i in flexible if i not in main), least)
    shrink(main, lambda place: max(least(place), share))
    while excess() > 0 and (spare := [i for i in kept if columns[i].spare]):
        kept.remove(max(spare, key=lambda i: columns[i].spare))
    others = sorted((i for i in flexible if i in kept and i not in main), key=lambda i: natural[i] - widths[i])
    limits = [(i, min(natural[i], int(room * _FULL_SHARE))) for i in main]
    # What is cut is lost; what wraps goes on in the next line.
    others.sort(key=lambda i: columns[i].wraps)
    cut = [*(i for i in others if not columns[i].wraps), *main]
    _grow(widths, [*limits, *((i, natural[i]) for i in [*cut, *others])], -excess())
    shrink(main, least)
    return kept


def _grow(widths: list[int], limits: Iterable[tuple[int, int]], room: int) -> None:
    """Give room that is left to the columns at these places, the first first, each up to its limit."""
    for place, limit in limits:
        more = max(min(limit - widths[place], room), 0)
        widths[place] += more
        room -= more


def _lines(columns: Sequence[Column], widths: Sequence[int], rows: Sequence[Sequence[str]]) -> list[str]:
    cut = [
        {} if column.wraps else shorten_apart({row[i] for row in rows}, widths[i], column.cut)
        for i, column in enumerate(columns)
    ]
    lines = [color(_line(columns, [column.title for column in columns], widths), "1")]
    for row in rows:
        parts = [
            [*wrap(cell, room)] if column.wraps else [cut[i][cell]]
            for i, (column, cell, room) in enumerate(zip(columns, row, widths, strict=True))
        ]
        for number in range(max(map(len, parts))):
            texts = [part[number] if number < len(part) else "" for part in parts]
            codes = [column.paint(cell) if column.paint else "" for column, cell in zip(columns, row, strict=True)]
            lines.append(_line(columns, texts, widths, codes))
    return lines


def _line(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int], codes: Sequence[str] = ()) -> str:
    parts = []
    for place, (column, text, room) in enumerate(zip(columns, texts, widths, strict=True)):
        space = " " * (room - width(text))
        shown = color(text, codes[place]) if text and codes and codes[place] else text
        parts.append(space + shown if column.right else shown + space)
    return (" " * _GAP).join(parts).rstrip()

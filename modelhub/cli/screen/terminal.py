"""Write lines to the terminal: above the progress bars, as wide as it is, with `~` for the home folder.

On a pipe or in a file, lines are written as they are.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TextIO

from modelhub.cli.screen.text_layout import ESCAPE, wrap

_BULLET = re.compile(r" *(?:- |→ )")
_NARROWEST = 20  # columns; a terminal that states less does not know its size


def is_piped(stream: TextIO | None = None) -> bool:
    """Return whether a stream, by default stdout, is not a terminal."""
    return not (stream or sys.stdout).isatty()


def terminal_columns() -> int:
    """Return the width of the terminal."""
    return max(shutil.get_terminal_size().columns, _NARROWEST)


def color(text: str, code: str) -> str:
    """Return `text` in an ANSI color if stdout is a terminal and NO_COLOR is not set."""
    if is_piped() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def print_lines(lines: str | Iterable[str], *, indent: int | None = None, error: bool = False) -> None:
    """Print lines above the progress bars, to stdout, or to stderr with `error`.

    On a terminal a long line is wrapped. What follows its first line is indented by `indent` columns; without it, by
    two more than the line itself.
    """
    stream = sys.stderr if error else sys.stdout
    texts = [lines] if isinstance(lines, str) else lines
    with above_bars(stream):
        for text in texts:
            print(wrapped(text, indent, stream=stream), file=stream)
        stream.flush()


def wrapped(text: str, indent: int | None = None, *, stream: TextIO | None = None) -> str:
    """Return a line as it is printed: on a terminal wrapped, with `~` for the home folder; else unchanged."""
    if is_piped(stream):
        return text
    columns = terminal_columns()
    lines = (wrap(shorten_home(line), columns, _hanging_indent(line, indent)) for line in text.split("\n"))
    return "\n".join(part for parts in lines for part in parts)


def _hanging_indent(line: str, indent: int | None) -> int:
    """Return the columns in front of the further lines: behind a bullet, as wished, or two more than the line's own."""
    if bullet := _BULLET.match(line):
        return bullet.end()
    return indent if indent is not None else len(line) - len(line.lstrip(" ")) + 2


@contextmanager
def above_bars(stream: TextIO) -> Iterator[None]:
    """Take the progress bars away while lines are written to a terminal, and draw them again below."""
    tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)  # imported by the first bar
    with nullcontext() if tqdm is None else tqdm.external_write_mode(file=stream):
        yield


def on_screen(text: str) -> str:
    """Return `text` as stdout shows it: with `~` for the home folder if it is a terminal."""
    return text if is_piped() else shorten_home(text)


def shorten_home(text: str) -> str:
    """Return `text` with `~` in place of the home folder, except in quotes, where a shell would not expand it."""
    pattern = _home_pattern()
    if pattern is None:
        return text
    parts = ESCAPE.split(text)  # a color in front of a path is not a part of it
    shown = [pattern.sub("~", part) for part in parts]
    return "".join(part + code for part, code in zip(shown, [*ESCAPE.findall(text), ""], strict=True))


@cache
def _home_pattern() -> re.Pattern[str] | None:
    try:
        home = str(Path.home())
    except RuntimeError:  # the system knows none
        return None
    if home == Path(home).anchor:
        return None
    return re.compile(rf"(?<![\w/\\.~'\"-]){re.escape(home)}(?![\w.~-])")

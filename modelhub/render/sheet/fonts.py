"""Fonts of a drawn contact sheet: one for most scripts and, where the system has one, one for Chinese and similar.

Pillow searches for a font by file name in the system's font folders (XDG_DATA_DIRS, Windows' Fonts, macOS' Library).
Without any of those below, its own Latin font is used and characters that it lacks are drawn as boxes; nothing is
escaped or left out, so the .html sheet, drawn by a browser, is the one to read then.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

# The first that is found is used: Linux, Windows, macOS.
TEXT = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf", "arial.ttf", "Arial.ttf")
BOLD = (
    "NotoSans-Bold.ttf",
    "DejaVuSans-Bold.ttf",
    "LiberationSans-Bold.ttf",
    "segoeuib.ttf",
    "arialbd.ttf",
    "Arial Bold.ttf",
)
WIDE = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansSC-Regular.otf",
    "NotoSansCJKsc-Regular.otf",
    "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "simsun.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "STHeiti Light.ttc",
    "Arial Unicode.ttf",
)
# Hangul Jamo, then everything from the CJK radicals on (Unicode blocks).
_HANGUL_JAMO = range(0x1100, 0x1200)
_FIRST_WIDE = 0x2E80
ELLIPSIS = "…"
TAIL = 8  # characters kept of the end of a long name


def has_wide_font() -> bool:
    """Return whether the system has a font for Chinese. Raise ImportError without Pillow."""
    return _font(WIDE, 12) is not None


class Face:
    """A text size in pixels, drawn with the font that has each character."""

    def __init__(self, size: int, *, bold: bool = False) -> None:
        self.size = size
        self.latin = _font(BOLD if bold else TEXT, size) or _default(size)
        self.wide = _font(WIDE, size) or self.latin

    @property
    def line(self) -> int:
        """The pixels from one line to the next."""
        return round(self.size * 1.4)

    def width(self, text: str) -> int:
        """Return the pixels that the text takes, rounded up: parts never add up to less than the whole."""
        return math.ceil(sum(font.getlength(run) for font, run in self._runs(text)))

    def draw(self, canvas: ImageDraw, at: tuple[int, int], text: str, *, fill: str) -> None:
        """Draw one line with its upper left corner at `at`."""
        x, baseline = float(at[0]), at[1] + round(self.size * 1.02)
        for font, run in self._runs(text):
            canvas.text((x, baseline), run, font=font, fill=fill, anchor="ls")
            x += font.getlength(run)

    def cut(self, text: str, width: int) -> str:
        """Return the text, or as much of it as fits with an ellipsis."""
        if self.width(text) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.width(text[:middle] + ELLIPSIS) <= width else (low, middle - 1)
        return text[:low].rstrip() + ELLIPSIS

    def shorten_middle(self, text: str, width: int) -> str:
        """Return the text, or its beginning and end around an ellipsis, as names end in versions."""
        if self.width(text) <= width:
            return text
        tails = (text[-count:] for count in range(TAIL, 0, -1))
        tail = next((tail for tail in tails if self.width(tail) <= width // 3), "")
        return self.cut(text[: len(text) - len(tail)], width - self.width(tail)) + tail

    def wrap(self, text: str, width: int, lines: int, *, last: Callable[[str, int], str] | None = None) -> list[str]:
        """Return the text in at most `lines` lines, Chinese broken anywhere; `last` shortens the last one."""
        result: list[str] = []
        rest = text.strip()
        while rest and len(result) < lines - 1:
            taken = self._head(rest, width)
            result.append(rest[:taken].rstrip())
            rest = rest[taken:].lstrip()
        return [*result, (last or self.cut)(rest, width)] if rest and lines > 0 else result

    def _head(self, text: str, width: int) -> int:
        """Return how many characters go into the first line: up to a space where there is one, else as many as fit."""
        if self.width(text) <= width:
            return len(text)
        fitting = max(1, len(self.cut(text, width)) - 1)
        if text[fitting : fitting + 1] == " " or _is_wide(text[fitting]):
            return fitting
        space = max(text.rfind(" ", 0, fitting), *(text.rfind(c, 0, fitting) for c in "-_/"))
        return space + 1 if space > 0 else fitting

    def _runs(self, text: str) -> Iterator[tuple[FreeTypeFont | ImageFont, str]]:
        for wide, run in itertools.groupby(text, key=_is_wide):
            yield (self.wide if wide else self.latin), "".join(run)


def _is_wide(character: str) -> bool:
    return ord(character) >= _FIRST_WIDE or ord(character) in _HANGUL_JAMO


@lru_cache(maxsize=32)
def _font(names: tuple[str, ...], size: int) -> FreeTypeFont | None:
    from PIL import ImageFont

    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except (OSError, ImportError):  # not there, or a Pillow without FreeType
            continue
    return None


def _default(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)

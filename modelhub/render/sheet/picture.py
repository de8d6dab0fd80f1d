"""A contact sheet as one picture: rows "without | with | half strength | difference", verdict and words beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.errors import ModelhubError
from modelhub.language import _, plural, translate
from modelhub.printable import printable
from modelhub.render.pictures import thumbnail, write_beside
from modelhub.render.sheet.entries import LEVEL_LABELS, Entry, View, views_of
from modelhub.render.sheet.fonts import Face

if TYPE_CHECKING:
    from PIL.Image import Image

    Box = tuple[int, int, int, int]
    Point = tuple[int, int]

# Up to so many entries, so many pixels for the side of a picture. The text beside it shrinks with it.
SIDES = ((8, 208), (30, 160), (100, 128), (300, 112), (800, 88), (2000, 64))
MOST = SIDES[-1][0]  # more do not fit one picture
PROPORTION = 1.25  # width to height that the number of columns aims at
MARGIN, GAP, PADDING = 28, 12, 8
HEADING = 76  # pixels for the title and the counts
NARROWEST = 620  # pixels, so that the counts have room

PAPER, CARD, EDGE, HOLE = "#f3f4f6", "#ffffff", "#dde1e6", "#eceff2"
INK, SOFT, AMBER_INK = "#16191d", "#59636e", "#8a4b00"
# Level of an entry → background and text of its chip (contrast at least 4.5:1).
CHIPS = {"good": ("#1a7f37", "#ffffff"), "mind": ("#ffd33d", "#3b2300"), "bad": ("#c4202b", "#ffffff")}


@dataclass(frozen=True)
class SheetLayout:
    """The measures of a sheet in pixels, and the views that it shows."""

    side: int
    columns: int
    rows: int
    views: tuple[View, ...]

    @property
    def text(self) -> int:
        """The width of the text beside the pictures."""
        return 130 + self.side * 6 // 5

    @property
    def card(self) -> tuple[int, int]:
        """The width and height of one entry."""
        return len(self.views) * (self.side + PADDING) + self.text + 3 * PADDING, self.side + 2 * PADDING

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the part below the heading."""
        width, height = self.card
        return self.columns * (width + GAP) - GAP, self.rows * (height + GAP) - GAP


def choose_layout(entries: Sequence[Entry]) -> SheetLayout:
    """Return the layout for so many entries whose proportion is nearest to a screen's."""
    views = views_of(entries)
    count = max(1, len(entries))
    side = next((side for most, side in SIDES if count <= most), SIDES[-1][1])
    layouts = (
        SheetLayout(side, columns, math.ceil(count / columns), views) for columns in range(1, min(count, 80) + 1)
    )
    return min(layouts, key=lambda layout: abs(math.log(layout.size[0] / layout.size[1] / PROPORTION)))


def write_picture(target: Path, entries: Sequence[Entry], *, title: str) -> None:
    """Draw the sheet and write it as PNG or JPEG, by the name's suffix.

    Shows the first `MOST` entries, with a note when there are more. Raise ModelhubError when it cannot be written.
    """
    sheet = Drawing(choose_layout(entries[:MOST])).draw(entries, title)
    form = "PNG" if target.suffix.casefold() == ".png" else "JPEG"
    write_beside(target, lambda stream: sheet.save(stream, form, quality=90))


class Drawing:
    """A sheet that is being drawn."""

    def __init__(self, layout: SheetLayout) -> None:
        from PIL import Image, ImageDraw

        self.layout = layout
        name, text = max(11, round(8 + layout.side / 20)), max(10, round(8 + layout.side / 34))
        self.name, self.text, self.chip = Face(name, bold=True), Face(text), Face(text, bold=True)
        self.top = MARGIN + HEADING + self.text.line
        width, height = layout.size
        self.width = max(width, NARROWEST)
        self.sheet = Image.new("RGB", (self.width + 2 * MARGIN, self.top + height + MARGIN), PAPER)
        self.canvas = ImageDraw.Draw(self.sheet)

    def draw(self, entries: Sequence[Entry], title: str) -> Image:
        """Draw all entries and return the picture."""
        self._heading(entries, title)
        width, height = self.layout.card
        for column in range(self.layout.columns):
            self._labels((MARGIN + column * (width + GAP) + PADDING, MARGIN + HEADING - 4))
        for number, entry in enumerate(entries[:MOST]):
            column, row = divmod(number, self.layout.rows)
            self._card(entry, (MARGIN + column * (width + GAP), self.top + row * (height + GAP)))
        return self.sheet

    def _heading(self, entries: Sequence[Entry], title: str) -> None:
        large, small, chip = Face(26, bold=True), Face(15), Face(14, bold=True)
        large.draw(self.canvas, (MARGIN, MARGIN - 6), large.cut(printable(title), self.width), fill=INK)
        text = plural(len(entries), "{count:,} model", "{count:,} models")
        if len(entries) > MOST:
            text = _(
                "{count} models, the first {shown} of them here; a sheet named .html shows all",
                count=f"{len(entries):,}",
                shown=f"{MOST:,}",
            )
        x, y = MARGIN, MARGIN + 36
        small.draw(self.canvas, (x, y), text, fill=SOFT)
        x += small.width(text) + 16
        for level, word in LEVEL_LABELS.items():
            if count := sum(entry.level == level for entry in entries):
                x += self._label(chip, (x, y), f"{count:,} {translate(word)}", level) + 8

    def _labels(self, at: Point) -> None:
        """Draw the headings of one column of cards."""
        x, y = at
        for view in self.layout.views:
            self.text.draw(self.canvas, (x, y), self.text.cut(translate(view.heading), self.layout.side), fill=SOFT)
            x += self.layout.side + PADDING

    def _label(self, face: Face, at: Point, text: str, level: str) -> int:
        """Draw a colored chip with its word; return its width."""
        back, fill = CHIPS[level]
        (x, y), height, width = at, round(face.size * 1.5), face.width(text) + face.size
        self.sheet.paste(back, (x, y), _rounded(width, height, height // 3))
        face.draw(self.canvas, (x + face.size // 2, y + round(face.size * 0.11)), text, fill=fill)
        return width

    def _card(self, entry: Entry, at: Point) -> None:
        (x, y), (width, height), side = at, self.layout.card, self.layout.side
        self.canvas.rounded_rectangle((x, y, x + width - 1, y + height - 1), radius=8, fill=CARD, outline=EDGE)
        left, top = x + PADDING, y + PADDING
        end = left + len(self.layout.views) * (side + PADDING) - PADDING
        with_picture = entry.picture is not None
        views = [v for v in self.layout.views if with_picture or (v.field == "base" and entry.base is not None)]
        for place, view in enumerate(views):
            self._view(entry.file(view), (left + place * (side + PADDING), top))
        if not with_picture:
            start = left + len(views) * (side + PADDING)
            self._note((start, top, end - 1, top + side - 1), printable(translate(entry.words)) or _("no picture"))
        self._words(entry, (end + 2 * PADDING, top - 2), words=with_picture)

    def _view(self, path: Path | None, at: Point) -> None:
        if path is None:
            return
        side = self.layout.side
        box = (*at, at[0] + side - 1, at[1] + side - 1)
        try:
            picture = _fitted(path, side)
        except ModelhubError:
            self._note(box, _("cannot be read") if path.exists() else _("file is missing"))
            return
        self.canvas.rectangle(box, fill=HOLE)
        self.sheet.paste(picture, (at[0] + (side - picture.width) // 2, at[1] + (side - picture.height) // 2))

    def _note(self, box: Box, text: str) -> None:
        """Draw a frame without a picture, with the reason in its middle."""
        left, top, right, bottom = box
        self.canvas.rounded_rectangle(box, radius=4, fill=HOLE)
        width = min(right - left - 2 * PADDING, 36 * self.text.size)
        lines = self.text.wrap(text, width, max(1, (bottom - top) // self.text.line))
        y = (top + bottom - len(lines) * self.text.line) // 2
        for line in lines:
            x = (left + right - self.text.width(line)) // 2
            self.text.draw(self.canvas, (x, y), line, fill=SOFT)
            y += self.text.line

    def _words(self, entry: Entry, at: Point, *, words: bool) -> None:
        """Draw name, chip and kind, then as many of the words, warnings and details as fit beside the pictures."""
        (x, y), end = at, at[1] + self.layout.side + 4
        width = self.layout.text - 2
        for line in self._name_lines(printable(entry.name), width):
            self.name.draw(self.canvas, (x, y), line, fill=INK)
            y += self.name.line
        y += 2
        verdict = self.chip.cut(printable(translate(entry.verdict)), width // 2)
        right = x + self._label(self.chip, (x, y), verdict, entry.level) + 7
        self.text.draw(self.canvas, (right, y + 1), self.text.cut(entry.kind, x + width - right), fill=SOFT)
        y += round(self.text.size * 2)
        for text, fill in _paragraphs(entry, words=words):
            for line in self.text.wrap(text, width, (end - y) // self.text.line):
                self.text.draw(self.canvas, (x, y), line, fill=fill)
                y += self.text.line

    def _name_lines(self, name: str, width: int) -> list[str]:
        """Return the name in one line or two; a long one loses its suffix, then its middle."""
        lines = 2 if self.layout.side >= 128 else 1
        if len(self.name.wrap(name, width, lines + 1)) > lines:
            name = name.removesuffix(".safetensors")
        return self.name.wrap(name, width, lines, last=self.name.shorten_middle)


def _paragraphs(entry: Entry, *, words: bool) -> Iterator[tuple[str, str]]:
    """Yield the texts below the chip with their colors, the most important first."""
    if words:
        yield printable(translate(entry.words)), INK
    for warning in entry.warnings:
        yield f"! {printable(translate(warning))}", AMBER_INK
    yield " · ".join(f"{printable(translate(label))} {printable(value)}" for label, value in entry.details), SOFT


def _rounded(width: int, height: int, radius: int) -> Image:
    """Return the mask of a rectangle with smooth corners: it is drawn four times as large, as Pillow's are jagged."""
    from PIL import Image, ImageDraw

    large = Image.new("L", (4 * width, 4 * height), 0)
    ImageDraw.Draw(large).rounded_rectangle((0, 0, 4 * width - 1, 4 * height - 1), radius=4 * radius, fill=255)
    return large.resize((width, height), Image.Resampling.LANCZOS)


def _fitted(path: Path, side: int) -> Image:
    """Return the picture as large as fits into the square, enlarged where it is smaller."""
    from PIL import Image

    picture = thumbnail(path, side)
    if max(picture.size) < side:
        factor = side / max(picture.size)
        size = tuple(max(1, round(length * factor)) for length in picture.size)
        return picture.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    return picture

"""The rows of a contact sheet, and the views that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from modelhub.language import translate
from modelhub.printable import printable
from modelhub.render.sheet.difference import AMPLIFICATION
from modelhub.render.verdicts import is_proven


class View(NamedTuple):
    """A column of pictures: the field of Entry, its heading, and a description, which a sheet translates."""

    field: str
    heading: str
    description: str


VIEWS = (
    View("base", "without", "The same prompt and seed without the model"),
    View("picture", "with", "Rendered with the model"),
    View("half", "half strength", "Rendered with the model at half strength"),
    View("difference", "difference", f"What the model changes, ×{AMPLIFICATION}"),
)
# Level of an entry → its word in the counts.
LEVEL_LABELS = {"good": "good", "mind": "to look at", "bad": "bad"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row: a model, its verdict, and PNG files, any of which may be missing or broken.

    `good`: the model does what it is for; `words`: the verdict's sentences; `details`: label and value, such as
    ("memory", "3.1 GB"). A sheet translates all texts but the name and the values of the details.
    """

    name: str
    type: str
    architecture: str
    verdict: str
    good: bool
    words: str
    warnings: tuple[str, ...] = ()
    base: Path | None = None
    picture: Path | None = None
    half: Path | None = None
    difference: Path | None = None
    details: tuple[tuple[str, str], ...] = ()

    @property
    def level(self) -> str:
        """ "good"; "mind" for good with warnings and for verdicts that are not about the model; "bad"."""
        if self.good:
            return "mind" if self.warnings else "good"
        return "bad" if is_proven(self.verdict) else "mind"

    @property
    def kind(self) -> str:
        """Type and architecture in one phrase, in the language in use."""
        return " · ".join(printable(translate(part)) for part in (self.type, self.architecture) if part)

    def file(self, view: View) -> Path | None:
        """Return the picture for a view."""
        path: Path | None = getattr(self, view.field)
        return path


def views_of(entries: Sequence[Entry]) -> tuple[View, ...]:
    """Return the views for which an entry has a picture, and always the one with the model."""
    return tuple(v for v in VIEWS if v.field == "picture" or any(entry.file(v) is not None for entry in entries))

"""The contact sheet of a render test: what one row of it says, and where it is written."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modelhub.errors import ModelhubError, UsageError
from modelhub.render.verdicts import MEANINGS, RenderVerdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How many times a difference is multiplied, so that a LoRA at half strength can be seen.
AMPLIFIED = 4


class View(NamedTuple):
    """One of a row's pictures: the field of Entry, its heading, and what it shows."""

    field: str
    heading: str
    shows: str


VIEWS = (
    View("base", "without", "The same prompt and seed without the model"),
    View("picture", "with", "Rendered with the model"),
    View("half", "half strength", "Rendered with the model at half strength"),
    View("difference", "difference", f"What the model changes, ×{AMPLIFIED}"),
)
# Level of an entry → the word for it in the counts.
LEVELS = {"good": "good", "mind": "to look at", "bad": "bad"}
# Controls that reorder the text around them (Unicode TR 9): a name must not be able to disguise itself with them.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row: a model, its verdict, and PNG files, any of which may be missing or broken.

    `good`: the model does what it is for; `words`: one sentence that says it all; `details`: label and value, such as
    ("memory", "3.1 GB").
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
        """ "good"; "mind" for good with warnings and for verdicts that prove nothing about the model; "bad"."""
        if self.good:
            return "mind" if self.warnings else "good"
        proven = MEANINGS[RenderVerdict(self.verdict)].proven if self.verdict in MEANINGS else True
        return "bad" if proven else "mind"

    @property
    def kind(self) -> str:
        """Type and architecture in one phrase."""
        return " · ".join(plain(part) for part in (self.type, self.architecture) if part)

    def file(self, view: View) -> Path | None:
        """The picture that belongs into the view."""
        path: Path | None = getattr(self, view.field)
        return path


def views_of(entries: Sequence[Entry]) -> tuple[View, ...]:
    """The views that some entry has a picture for, and always the one with the model."""
    return tuple(v for v in VIEWS if v.field == "picture" or any(entry.file(v) is not None for entry in entries))


def plain(text: str) -> str:
    """Text fit to be shown in one line: control and reordering characters become `·`, halves of characters `�`."""
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "·" if category in ("Cc", "Zl", "Zp") or character in _REORDERING else character


def write_sheet(target: Path, entries: Sequence[Entry], *, title: str) -> None:
    """Write a contact sheet: a picture for .png, .jpg and .jpeg, one self-contained page for .html and .htm.

    Raises UsageError for other names, ModelhubError when Pillow is missing or the file cannot be written.
    """
    suffix = target.suffix.casefold()
    if suffix not in (".png", ".jpg", ".jpeg", ".html", ".htm"):
        raise UsageError(
            f"A contact sheet cannot be written as {target.name!r}.", "End its name in .html, .png or .jpg."
        )
    try:
        import PIL.Image  # noqa: F401
    except ImportError as exc:
        raise ModelhubError(
            "Contact sheets need Pillow, which is not installed.", "Run `pip install 'sd-modelhub[render]'`."
        ) from exc
    if suffix in (".html", ".htm"):
        from modelhub.render.sheet.page import write_page

        write_page(target, entries, title=title)
    else:
        from modelhub.render.sheet.picture import write_picture

        write_picture(target, entries, title=title)


def difference_picture(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The absolute difference of two pictures of one shape, ×4 and clipped: black where they agree."""
    import numpy as np

    if one.shape != other.shape:
        raise ValueError(f"pictures of one size are needed, not {one.shape} and {other.shape}")
    apart = np.abs(one.astype(np.int16) - other.astype(np.int16)) * AMPLIFIED
    clipped: NDArray[np.uint8] = np.minimum(apart, 255).astype(np.uint8)
    return clipped

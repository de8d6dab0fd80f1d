"""Write a contact sheet of a render test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelhub.errors import ModelhubError, Remedy, UsageError
from modelhub.language import ENGLISH, current_language, use_language
from modelhub.render.sheet.entries import Entry

_PAGES = (".html", ".htm")
_PICTURES = (".png", ".jpg", ".jpeg")


def check_sheet_name(target: Path) -> None:
    """Raise UsageError when a contact sheet cannot be written under this name."""
    if target.suffix.casefold() not in (*_PAGES, *_PICTURES):
        raise UsageError(
            f"A contact sheet cannot be written as {target.name!r}.", "End its name in .html, .png or .jpg."
        )


@contextmanager
def language_of_sheet(target: Path) -> Iterator[None]:
    """Use English while a picture is made, where the system has no font for the language in use."""
    language = current_language()
    if language != ENGLISH and target.suffix.casefold() in _PICTURES and not _can_draw_it():
        use_language(ENGLISH)
    try:
        yield
    finally:
        use_language(language)


def _can_draw_it() -> bool:
    from modelhub.render.sheet.fonts import has_wide_font

    try:
        return has_wide_font()
    except ImportError:  # without Pillow nothing is drawn, which `write_sheet` reports
        return True


def write_sheet(target: Path, entries: Sequence[Entry], *, title: str) -> None:
    """Write a contact sheet: a picture for .png, .jpg and .jpeg, one self-contained page for .html and .htm.

    Raise UsageError for other names, ModelhubError when Pillow is missing or the file cannot be written.
    """
    check_sheet_name(target)
    try:
        import PIL.Image  # noqa: F401
    except ImportError as exc:
        raise ModelhubError(
            "Contact sheets need Pillow, which is not installed.",
            Remedy("Install the extra `render`.", "install-render"),
        ) from exc
    if target.suffix.casefold() in _PAGES:
        from modelhub.render.sheet.page import write_page

        write_page(target, entries, title=title)
    else:
        from modelhub.render.sheet.picture import write_picture

        write_picture(target, entries, title=title)

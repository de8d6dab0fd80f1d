"""The gettext catalog of a language: `modelhub/locale/TAG/LC_MESSAGES/modelhub.mo`, compiled from the .po beside it."""

from __future__ import annotations

import gettext
import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

DOMAIN = "modelhub"
_MAGIC = 0x950412DE


class LanguageCatalog:
    """The translations of one language.

    `plurals`: every template of the catalog → the pair of singular and plural that it belongs to, None for one without
    a plural. gettext's own class does not list its entries.
    """

    def __init__(self, data: bytes) -> None:
        self._translations = gettext.GNUTranslations(io.BytesIO(data)) if data else gettext.NullTranslations()
        self.plurals: Mapping[str, tuple[str, str] | None] = dict(_templates(data))

    def get(self, template: str) -> str:
        """Return the translation of a template, itself where there is none."""
        return self._translations.gettext(template)

    def get_plural(self, one: str, many: str, count: int) -> str:
        """Return the translation for a count; `one` or `many` where there is none."""
        return self._translations.ngettext(one, many, count)


def locale_folder() -> Path:
    """Return the folder with the catalogs of all languages, in gettext's arrangement."""
    return Path(__file__).resolve().parent.parent / "locale"


def load_catalog(tag: str) -> LanguageCatalog:
    """Return the catalog of a language, an empty one where it has not been compiled."""
    file = locale_folder() / tag / "LC_MESSAGES" / f"{DOMAIN}.mo"
    return LanguageCatalog(file.read_bytes() if file.is_file() else b"")


def _templates(data: bytes) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Yield the templates of a .mo file: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html."""
    if not data:
        return
    order = "<" if struct.unpack_from("<I", data)[0] == _MAGIC else ">"
    count, table = struct.unpack_from(f"{order}2I", data, 8)
    for number in range(count):
        length, start = struct.unpack_from(f"{order}2I", data, table + 8 * number)
        one, _, many = data[start : start + length].decode("utf-8").partition("\0")
        if many:
            yield from ((one, (one, many)), (many, (one, many)))
        elif one:
            yield one, None

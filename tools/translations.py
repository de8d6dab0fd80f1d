"""Keep the gettext catalogs in step with the source: `python tools/translations.py [update|compile]`.

`update` reads every sentence of the source, adds new ones to each catalog, removes those that are gone, and compiles.
Translations are written into `modelhub/locale/TAG/LC_MESSAGES/modelhub.po` with any editor of gettext catalogs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hatch_build import LOCALE, catalogs, compile_catalog
from tools.sentences import ROOT, all_sentences

# The dates of a header would change with every update.
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = """\
# {language} translation of modelhub.
# `python tools/translations.py` adds new sentences and removes old ones."""


def current_template() -> Catalog:
    """Return the catalog of everything in the source, without translations."""
    template = Catalog(project="modelhub", charset="utf-8", fuzzy=False)
    for sentence in all_sentences():
        template.add(
            (sentence.text, sentence.many) if sentence.many else sentence.text,
            locations=[(sentence.path.relative_to(ROOT).as_posix(), 0)],
            flags=["python-brace-format"] if "{" in sentence.text + sentence.many else [],
        )
    return template


def read_catalog(path: Path) -> Catalog:
    """Return the catalog in a .po file."""
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parent.parent.name, domain="modelhub")


def update(path: Path) -> Catalog:
    """Bring one .po file up to date with the source. Translations of sentences that are gone are deleted."""
    catalog = read_catalog(path)
    catalog.update(current_template(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    write(catalog, path)
    return catalog


def write(catalog: Catalog, path: Path) -> None:
    """Write a .po file: sorted, without dates and line numbers, so that a change shows only what it changes."""
    catalog.header_comment = _HEADER.format(language=catalog.locale.english_name if catalog.locale else "")
    catalog.creation_date = catalog.revision_date = _NO_DATE
    catalog.fuzzy = False
    catalog.version = catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = ""
    with path.open("wb") as stream:
        write_po(stream, catalog, width=120, sort_output=True, include_lineno=False, omit_header=False)


def untranslated(catalog: Catalog) -> Iterator[str]:
    """Yield the sentences of a catalog that have no translation."""
    for message in catalog:
        if message.id and not (all(message.string) if isinstance(message.string, tuple) else message.string):
            yield message.id if isinstance(message.id, str) else message.id[0]


def main(arguments: Sequence[str]) -> int:
    """Update or compile every catalog; return 1 when translations are missing."""
    missing = 0
    for path in catalogs(LOCALE):
        if "compile" not in arguments:
            names = list(untranslated(update(path)))
            missing += len(names)
            print(f"{path.relative_to(ROOT)}: {len(names)} sentences are not translated")
        compile_catalog(path)
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A language for tests: each sentence in brackets, so that text that escapes translation can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from modelhub.language import catalog, translation
from tools.translations import current_template

TAG = "zh_Hans"
_MARKED = re.compile(r"⟦[^⟦⟧]*⟧")
_COMMAND = re.compile(
    r"`[^`]*`|\b[\w-]+(?:\|[\w-]+)+|--?[a-z][a-z-]*|\S*[/\\]\S*|\S+\.[a-z]\w+\S*|\w+=\S*|\w+:\S+|<[^>]*>"
    r"|\S*\b[0-9a-f]{8,}\b"
)
_WORD = re.compile(r"[A-Za-z][a-z]{2,}")


@contextmanager
def marked_language(folder: Path) -> Iterator[None]:
    """Use a catalog, written to this folder, whose translation of each sentence is that sentence in ⟦ and ⟧."""
    file = folder / TAG / "LC_MESSAGES" / "modelhub.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as stream:
        write_mo(stream, _marked_catalog())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "locale_folder", lambda: folder)
        patch.setenv("MODELHUB_LANGUAGE", TAG)
        _forget_catalogs()
        translation.use_language(TAG)
        yield
    translation.use_language("en")
    _forget_catalogs()


def _marked_catalog() -> Catalog:
    marked = Catalog(locale=TAG)
    for message in current_template():
        if isinstance(message.id, tuple):
            marked.add(message.id, (f"⟦{message.id[-1]}⟧",))
        elif message.id:
            marked.add(message.id, f"⟦{message.id}⟧")
    return marked


def _forget_catalogs() -> None:
    for cached in (translation._catalog, translation._recognizer):
        cached.cache_clear()


def english_words(text: str) -> list[str]:
    """Return the words outside of every translated sentence that are not a command, path, address, value or hash."""
    while _MARKED.search(text):
        text = _MARKED.sub(" ", text)
    return _WORD.findall(_COMMAND.sub(" ", text))

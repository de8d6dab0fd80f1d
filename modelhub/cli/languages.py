"""The language of one run of the command line: chosen before anything is printed, the parser included."""

from __future__ import annotations

import gettext
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelhub.config_file import stated_language
from modelhub.language import ENGLISH, chosen_language, current_language, use_language


@contextmanager
def language_of_run(arguments: Sequence[str] | None) -> Iterator[None]:
    """Show everything in the language of `--lang`, the settings or the system while the block runs.

    With `--progress json`, programs read what is shown: it stays in English.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    config = _option(words, "--config")
    requested = _option(words, "--lang") or stated_language(Path(config) if config else None, os.environ)
    use_language(ENGLISH if _option(words, "--progress").lower() == "json" else chosen_language(requested))
    before = os.environ.get("LANGUAGE")
    if current_language() != ENGLISH:
        # The parser of arguments takes its own few sentences from gettext's global domain, by this variable.
        from modelhub.language import catalog

        gettext.bindtextdomain(catalog.DOMAIN, str(catalog.locale_folder()))
        gettext.textdomain(catalog.DOMAIN)
        os.environ["LANGUAGE"] = current_language()
    try:
        yield
    finally:
        use_language(ENGLISH)
        gettext.textdomain("messages")
        if before is None:
            os.environ.pop("LANGUAGE", None)
        else:
            os.environ["LANGUAGE"] = before


def _option(words: Sequence[str], name: str) -> str:
    """Return the last value of an option, wherever it is in the command line; "" without it."""
    value = ""
    for place, word in enumerate(words):
        if word == "--":
            break
        if word == name and place + 1 < len(words):
            value = words[place + 1]
        elif word.startswith(f"{name}="):
            value = word.partition("=")[2]
    return value

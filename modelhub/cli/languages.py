"""The language of one run of the command line: chosen before anything is printed, the help and the parser included."""

from __future__ import annotations

import gettext
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from modelhub.config_file import stated_language
from modelhub.language import chosen_language, current_language, translate, use_language

_DOMAIN = "modelhub"
_EXAMPLE = re.compile(r"Example: (.*)", re.DOTALL)


@contextmanager
def language_of_run(arguments: Sequence[str] | None) -> Iterator[None]:
    """Show everything in the language of `--lang`, the settings or the system while the block runs."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    config = _option(words, "--config")
    asked = _option(words, "--lang") or stated_language(Path(config) if config else None, os.environ)
    use_language(chosen_language(asked))
    before = os.environ.get("LANGUAGE")
    if current_language() != "en":
        # The parser of arguments takes its own few sentences from gettext's global domain, by this variable.
        gettext.bindtextdomain(_DOMAIN, str(files(_DOMAIN).joinpath("locale")))
        gettext.textdomain(_DOMAIN)
        os.environ["LANGUAGE"] = current_language()
    try:
        yield
    finally:
        use_language("en")
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


def translate_help(command: Any) -> None:
    """Translate the help of a command, of its options and of the commands below it, in place."""
    if current_language() == "en":
        return
    for child in getattr(command, "commands", {}).values():
        translate_help(child)
    command.help = _translated_help(command.help)
    command.short_help = translate(command.short_help or "") or None
    for param in command.params:
        if text := getattr(param, "help", None):
            param.help = translate(text)


def _translated_help(text: str | None) -> str | None:
    """Translate a command's help paragraph by paragraph: lines are filled again when it is shown."""
    if not text:
        return text
    return "\n\n".join(_translated_paragraph(paragraph) for paragraph in text.split("\n\n"))


def _translated_paragraph(text: str) -> str:
    if example := _EXAMPLE.fullmatch(text.strip()):
        return translate("Example:") + " " + example[1]
    return translate(" ".join(text.split()))

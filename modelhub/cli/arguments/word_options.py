"""Options whose value is one of a few words: however they are spelled, and by every name that people have for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer

from modelhub.choices import chosen
from modelhub.words import WordKind, fold


def word_option(
    option: str, choices: Iterable[str], words: WordKind | None = None, *, name: str, metavar: str, help: str
) -> Any:
    """Return an option that takes one of `choices`, or a word of the kind `words` for it.

    `name` is what an error calls the value. A shell completes the choices themselves.
    """
    known = tuple(str(choice) for choice in choices)
    return typer.Option(
        option, metavar=metavar, help=help, parser=_parser(known, words, name), autocompletion=_completion(known)
    )


def _parser(choices: tuple[str, ...], words: WordKind | None, name: str) -> Callable[[str], str]:
    def word(text: str) -> str:
        return chosen(text, choices, words, name=name)

    return word


def _completion(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if fold(choice).startswith(fold(incomplete))]

    return complete

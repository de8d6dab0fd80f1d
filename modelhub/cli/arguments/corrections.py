"""The command line that was probably meant: the user's own, with a mistyped word put right."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.cli.quoting import quote_argument
from modelhub.errors import Remedy
from modelhub.language import _

_SEPARATORS = (":", "：", "=")


def with_command(remedy: Remedy, arguments: Sequence[str]) -> Remedy:
    """Return a remedy that names the nearest word as one that names the whole command to type; others unchanged.

    A word that is in no argument, or in several, may come from the settings: then the remedy stays as it is.
    """
    if remedy.key != "near-word":
        return remedy
    word, near = remedy.values["word"], remedy.values["near"]
    corrected = [_corrected(argument, word, near) for argument in arguments]
    if sum(one is not None for one in corrected) != 1:
        return remedy
    line = [quote_argument(one or argument) for one, argument in zip(corrected, arguments, strict=True)]
    return Remedy(_("Did you mean `{command}`?", command=" ".join(("modelhub", *line))))


def _corrected(argument: str, word: str, near: str) -> str | None:
    """Return an argument with the word put right: all of it, the field or the value; None where it is not there."""
    plain = word.casefold()
    if argument.casefold() == plain:
        return near
    for separator in _SEPARATORS:
        head, found, value = argument.partition(separator)
        field = head.lstrip("-!")
        if found and value.casefold() == plain:
            return f"{head}{found}{near}"
        if found and field.casefold() == plain:
            return f"{head.removesuffix(field)}{near}{found}{value}"
    return None

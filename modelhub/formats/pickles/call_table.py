"""One row of the tables of known calls, and the words with which the tables are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from modelhub.formats.pickles.arguments import Kind
from modelhub.formats.pickles.placeholders import Global

Arguments = tuple[Any, ...]
Rows = dict[Global, "KnownCall"]


def _nothing(arguments: Arguments) -> Any:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCall:
    """One row. `forms`: the sequences of arguments that real files have; `check`: what they must also satisfy.

    `makes`: the value that the call returns, None for a placeholder. `state`: what BUILD may give the result;
    `belongs`: whether that fits the call's arguments.
    `items`: whether SETITEM may fill it. `copies`: whether the call makes a copy of its first argument.
    `hashes`: what of that argument becomes keys. `calls_first`: whether it calls its first argument with its third.
    """

    forms: tuple[tuple[Kind, ...], ...]
    check: Callable[[Arguments], bool] = lambda arguments: True
    makes: Callable[[Arguments], Any] = _nothing
    state: Kind | None = None
    belongs: Callable[[Arguments, Any], bool] = lambda arguments, state: True
    items: bool = False
    copies: bool = False
    hashes: Callable[[Any], Iterable[Any]] = lambda first: ()
    calls_first: bool = False

    def fits(self, arguments: Any) -> bool:
        """Return whether these arguments are those of a real file."""
        if type(arguments) is not tuple:
            return False
        for form in self.forms:
            if len(form) == len(arguments) and all(kind(part) for kind, part in zip(form, arguments, strict=True)):
                return self.check(arguments)
        return False

    def keys(self, arguments: Arguments) -> Iterable[Any]:
        """Return what the call hashes."""
        return self.hashes(arguments[0]) if arguments else ()


def rows(module: str, names: str, call: KnownCall) -> Rows:
    """Return one row for each of a module's names."""
    return {Global(module, name): call for name in names.split()}


def one_of(*options: Kind) -> Kind:
    """Return the kind of values that are of any of these kinds."""
    return lambda value: any(option(value) for option in options)


def named(module: str, name: str) -> Kind:
    """Return the kind that only this class or function is."""
    return lambda value: isinstance(value, Global) and (value.module, value.name) == (module, name)


def first_argument(arguments: Arguments) -> Any:
    """Return the first argument, for calls that give it back."""
    return arguments[0] if arguments else None

"""Arguments that choose models: negated terms, which start as options do, and shell completion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from modelhub.cli.output import clean

MODELS_HELP = "Names, ids, paths, folders, hashes, or terms such as `type:lora`; `modelhub list --help` shows them."
MODEL_HELP = "Name, part of it, id, path, hash, or a term such as `tag:fav`."
_EVALUATED = frozenset("`$\\\"';|&<>")
_NEGATED = re.compile(r"-(?=[^\W\d_][\w-]+[:：])")


class ModelsCommand(TyperCommand):
    """A command whose arguments may be negated terms, such as `-type:lora`.

    The option parser would read such an argument as a row of short options, among them perhaps `-y` for `--yes`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, with `!` in place of the `-` of a negated term."""
        values = {name for option in self.params if not _is_flag(option) for name in option.opts}
        marked: list[str] = []
        for place, argument in enumerate(args):
            if "--" in args[:place] or (place and args[place - 1] in values):
                marked.append(argument)
            else:
                marked.append(_NEGATED.sub("!", argument, count=1) if _NEGATED.match(argument) else argument)
        return super().parse_args(ctx, marked)


def _is_flag(option: Any) -> bool:
    return bool(option.param_type_name != "option" or option.is_flag or option.count)


def complete_models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return fields, or the values of the field that was begun, for shell completion; never fails."""
    split = _field_before_colon(ctx)
    if split:
        found = _completions(ctx, f"{split}:{incomplete}")
        return [word.partition(":")[2] for word in found]
    return _completions(ctx, incomplete)


def _field_before_colon(ctx: typer.Context) -> str:
    """Return the field that was begun when the shell has split at the colon, as bash does; "" when it has not."""
    words = next((list(value) for value in ctx.params.values() if isinstance(value, list | tuple) and value), [])
    return str(words[-2]) if len(words) > 1 and words[-1] == ":" else ""


def _completions(ctx: typer.Context, incomplete: str) -> list[str]:
    from modelhub.catalog.query_fields import FIELDS, SORTS, field_name

    sign, text = (incomplete[:1], incomplete[1:]) if incomplete[:1] in ("-", "!") else ("", incomplete)
    field, colon, begun = text.partition(":")
    name = field_name(field)
    if not colon:
        names = sorted((*(row for row in FIELDS if row != "used"), "sort"))
        return [f"{sign}{word}:" for word in names if word.startswith(text.lower())]
    if name == "sort":
        values: list[str] = [word for key in SORTS for word in (key, f"{key}-")]
    elif name in FIELDS:
        values = list(FIELDS[name].values) or _values_in_catalog(ctx, name)
    else:
        values = []
    return [f"{sign}{field}:{value}" for value in values if value.startswith(begun.lower())]


def _values_in_catalog(ctx: typer.Context, field: str) -> list[str]:
    from modelhub.cli.session import Session
    from modelhub.errors import ModelhubError

    session = ctx.find_object(Session) or Session()
    try:
        values = session.catalog.values_of(field) if session.has_catalog else []
        return [value for value in values if is_harmless_to_shells(value)]
    except (ModelhubError, OSError):  # without a catalog there is nothing to complete, and no message to print
        return []
    finally:
        session.close()


def is_harmless_to_shells(value: str) -> bool:
    """Return whether a shell's completion may receive the text: some evaluate what they are given."""
    return clean(value) == value and _EVALUATED.isdisjoint(value)


def split_terms(model: str, rest: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments that choose models and the others: after a term, the terms that follow belong to it."""
    from modelhub.catalog.query_parser import has_terms

    if not has_terms([model]):
        return [model], list(rest)
    terms = next((place for place, word in enumerate(rest) if not has_terms([word])), len(rest))
    return [model, *rest[:terms]], list(rest[terms:])

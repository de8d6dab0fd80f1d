"""The selection of models, by a reference to one model or by a query.

Every front end chooses models here. Arguments without a term are references: a name, a unique part of one, an id, a
path, the start of a hash, or a folder with models; together they mean all of these models. With a `field:value` term
or a negated one among them, the arguments are one query, for which all terms must hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modelhub.catalog.query_fields import FIELDS, OPEN_FIELDS, UNKNOWN
from modelhub.catalog.query_parser import has_terms, make_term, parse_arguments, parse_query
from modelhub.catalog.values import ModelQuery, Term
from modelhub.choices import did_you_mean, nearest
from modelhub.errors import NotFoundError, Remedy, UsageError
from modelhub.home import expand_home

if TYPE_CHECKING:
    from modelhub.catalog import Catalog
    from modelhub.domain import ModelRecord

_SHOWN = 12
_TITLES = {"arch": "architecture", "precision": "precision", "root": "root", "source": "source"}


def query_from_text(text: str, *, catalog: Catalog) -> ModelQuery:
    """Return the query that a text describes. Raise UsageError for what is not valid, with the nearest that is."""
    return checked_query(parse_query(text), catalog=catalog)


def query_from_arguments(arguments: Iterable[str], *, catalog: Catalog) -> ModelQuery:
    """Return the query that arguments of a command line describe. Raise UsageError as `query_from_text` does."""
    return checked_query(parse_arguments(arguments), catalog=catalog)


def checked_query(query: ModelQuery, *, catalog: Catalog) -> ModelQuery:
    """Return the query itself. Raise UsageError for a value that neither the catalog nor modelhub knows."""
    for term in query.terms:
        if term.field in OPEN_FIELDS:
            _check_value(term, catalog)
    return query


def _check_value(term: Term, catalog: Catalog) -> None:
    value = str(term.value)
    held = [word.lower() for word in catalog.values_of(term.field)]
    if value in held or (value == UNKNOWN and term.field in ("arch", "precision")):
        return
    known = {*held, *_known_values(term.field)}
    if value in known:
        return
    if not known:
        raise UsageError(f"There is no {_TITLES[term.field]} `{value}`.", "There are none yet.")
    remedy = nearest(value, sorted(known), cutoff=0.55, words=FIELDS[term.field].words)
    raise UsageError(f"There is no {_TITLES[term.field]} `{value}`.", remedy)


def _known_values(field: str) -> set[str]:
    """Return the values that modelhub knows for a field, whether a model has them or not."""
    if field == "arch":
        from modelhub.detect.rules.architectures import FLOW_FAMILIES
        from modelhub.detect.rules.registry import rules
        from modelhub.detect.rules.unets import UNET_PROFILES

        rows = (*(row.architecture for row in rules().families), *(row.architecture for row in UNET_PROFILES))
        return {*rows, *FLOW_FAMILIES}
    if field == "precision":
        from modelhub.detect.rules.precision import NAMES

        return {*NAMES.values(), "mixed"}
    if field == "source":
        from modelhub.fetch.sources.registry import rows as sources

        return {*(row.kind for row in sources()), "local"}
    return set()


def one_model(reference: str, *, catalog: Catalog) -> ModelRecord:
    """Return the one model that a reference or a query means.

    Raise NotFoundError with the nearest names, or UsageError that lists the models that it could mean.
    """
    _check_not_empty([reference])
    if _is_query([reference], catalog):
        found = catalog.records(query_from_arguments([reference], catalog=catalog))
    else:
        found = catalog.find(reference) or _pulled_as(reference, catalog)
    if len(found) == 1:
        return found[0]
    if not found:
        parse_arguments([reference])  # a mistyped field is the likelier reason than a name with a colon
        raise _not_found(reference, catalog)
    lines = [f"{record.id}  {record.name}  {record.path or ''}" for record in found[:_SHOWN]]
    left = len(found) - _SHOWN
    more = [f"… and {left} more"] if left > 0 else []
    raise UsageError(
        f"`{reference}` could mean {len(found)} models:",
        "Name one by its number or its path.",
        details=lines + more,
    )


def chosen_models(arguments: Sequence[str], *, catalog: Catalog) -> list[ModelRecord]:
    """Return the models that arguments mean, each once; every model when there are none.

    Raise NotFoundError when a reference or a query means no model, and UsageError when a reference is ambiguous.
    """
    _check_not_empty(arguments)
    if not arguments or _is_query(arguments, catalog):
        found = catalog.records(query_from_arguments(arguments, catalog=catalog))
        if arguments and not found:
            raise NotFoundError(f"No model matches `{' '.join(arguments)}`.", Remedy("", "list-models"))
        return found
    models: dict[int, ModelRecord] = {}
    for reference in arguments:
        models |= {record.id: record for record in _referred(reference, catalog)}
    return list(models.values())


def explicitly_chosen_models(arguments: Sequence[str], *, catalog: Catalog) -> list[ModelRecord]:
    """Return the models that arguments mean, for an operation that destroys: a query must say what to take.

    Raise UsageError for no arguments and for a query that only says what to leave; else as `chosen_models` does.
    """
    if not arguments:
        raise UsageError("No model was named.", "Name the models, or choose them with a term such as `state:missing`.")
    if _is_query(arguments, catalog):
        terms = parse_arguments(arguments).terms
        if not any(term.field and not term.negated for term in terms):
            raise UsageError(
                f"`{' '.join(arguments)}` does not say which models to take.",
                "Add a term that chooses them, such as `state:missing`.",
            )
    return chosen_models(arguments, catalog=catalog)


def _check_not_empty(arguments: Iterable[str]) -> None:
    """Raise UsageError for an empty reference: as a path it would be the current folder, as a part every name."""
    if not all(argument.strip() for argument in arguments):
        raise UsageError("An empty text does not name a model.", "Name the model, or use a term such as `type:lora`.")


def _referred(reference: str, catalog: Catalog) -> list[ModelRecord]:
    """Return the model that a reference means; for a folder that is not a model itself, every model in it."""
    path = expand_home(reference)
    if not _is_folder(path) or catalog.find(reference, exact=True):
        return [one_model(reference, catalog=catalog)]
    found = catalog.records(ModelQuery(terms=(make_term("path", str(path)),)))
    if not found:
        raise NotFoundError(
            f"No model of the catalog is in {path}.",
            Remedy("Add its models to the catalog first.", "add-models-in-folder", {"folder": str(path)}),
        )
    return found


def _pulled_as(reference: str, catalog: Catalog) -> list[ModelRecord]:
    """Return the models that were pulled by the name of a known model, whatever their files are called."""
    from modelhub.operations.library.known_models import models_pulled_as  # only a name that no model has needs it

    return models_pulled_as(reference, catalog)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long for a path, or a NUL in it: a name then
        return False


def _is_query(arguments: Sequence[str], catalog: Catalog) -> bool:
    """Return whether the arguments are a query: they hold a term, and are not the exact name of a model."""
    return has_terms(arguments) and not (len(arguments) == 1 and catalog.find(arguments[0], exact=True))


def _not_found(reference: str, catalog: Catalog) -> NotFoundError:
    from modelhub.operations.library.term_suggestions import suggest_terms  # only a name that no model has needs it

    near = catalog.nearest_names(reference)
    terms = suggest_terms([reference])
    if len(near) == 1:
        remedy = did_you_mean(reference, near[0])
    elif near:
        names = ", ".join(f"`{name}`" for name in near)
        remedy = Remedy(f"Did you mean one of {names}?")
    elif terms and catalog.ids(query_from_arguments(terms, catalog=catalog)):
        remedy = did_you_mean(reference, terms[0])
    else:
        remedy = Remedy("List the models to see their names.", "list-models")
    return NotFoundError(f"No model of the catalog matches `{reference}`.", remedy)

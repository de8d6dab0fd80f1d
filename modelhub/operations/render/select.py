"""Select the models that a render test runs on."""

from __future__ import annotations

from collections.abc import Sequence

from modelhub.catalog import Catalog, ModelQuery, Term
from modelhub.domain import ModelRecord, ModelType
from modelhub.errors import Remedy, UsageError
from modelhub.operations.render.options import RenderOptions, RenderSelection, RenderTestType
from modelhub.operations.render.plan import is_stale
from modelhub.render.verdicts import RenderVerdict, is_good


def select_models(
    catalog: Catalog,
    *,
    models: Sequence[ModelRecord] | None = None,
    selection: RenderSelection = RenderSelection.PENDING,
    type_: RenderTestType | None = None,
    options: RenderOptions,
) -> list[ModelRecord]:
    """Return `models`, or the catalog's models of a selection; of one type if given, at most `options.limit`.

    Raise UsageError when models are named and a selection is made too.
    """
    if models is not None and selection is not RenderSelection.PENDING:
        raise UsageError(
            f"The selection `{selection}` cannot be combined with named models.",
            Remedy("Name models, or select them.", "choose-render-selection"),
        )
    if models is None:
        chosen = _select(catalog, selection, type_, options)
    else:
        chosen = [record for record in models if type_ is None or record.detection.type == type_.value]
    return chosen if options.limit is None else chosen[: options.limit]


def has_testable_models(catalog: Catalog, type_: RenderTestType | None = None) -> bool:
    """Return whether the catalog has a model that can be render-tested, of one type if given."""
    types = (type_,) if type_ else tuple(RenderTestType)
    return any(models_of_type(catalog, type_) for type_ in types)


def models_of_type(catalog: Catalog, type_: ModelType | RenderTestType | None) -> list[ModelRecord]:
    """Return the catalog's models of a type, all of them without one."""
    return catalog.records(ModelQuery(terms=(Term("type", type_.value),) if type_ else ()))


def requested_base(record: ModelRecord, options: RenderOptions) -> ModelRecord | None:
    """Return the base that the user requested for a model; None for a base, which is tested on itself."""
    return None if record.detection.type is ModelType.BASE else options.base


def _select(
    catalog: Catalog, selection: RenderSelection, type_: RenderTestType | None, options: RenderOptions
) -> list[ModelRecord]:
    last_runs = catalog.last_render_runs()
    chosen = []
    for record in models_of_type(catalog, type_):
        run = last_runs.get(record.id)
        is_changed = is_stale(record, run, options.recipe, requested_base(record, options))
        is_selected = {
            RenderSelection.ALL: True,
            RenderSelection.PENDING: is_changed,
            RenderSelection.FAILED: run is not None
            and not is_good(run.verdict)
            and run.verdict != RenderVerdict.NOT_TESTED,
            RenderSelection.STALE: run is not None and is_changed,
        }[selection]
        if is_selected and record.detection.type.value in tuple(RenderTestType):
            chosen.append(record)
    return chosen

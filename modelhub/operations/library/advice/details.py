"""Gather everything that is known about a model, with the advice on how to use it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelhub.catalog import Catalog, RenderRun
from modelhub.domain import ModelRecord
from modelhub.operations.library.advice import AdviceLine, how_to_use, sentences
from modelhub.operations.library.shared_weights import (
    SharedComponent,
    describe_shared_weights,
    models_sharing_weights,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetails:
    """A model with what other parts of the catalog say about it.

    `shared`: components that other models hold too; `shared_lines` says the same in sentences, with the names that the
    user gave to components. `render_run`: the latest render test, None without one. `usage`: how to use the model;
    `advice` has the same, one sentence each.
    """

    record: ModelRecord
    shared: tuple[SharedComponent, ...]
    shared_lines: tuple[str, ...]
    render_run: RenderRun | None
    usage: tuple[AdviceLine, ...]

    @property
    def advice(self) -> tuple[str, ...]:
        """How to use the model, one sentence each."""
        return sentences(self.usage)


def model_details(record: ModelRecord, *, catalog: Catalog, library: Path) -> ModelDetails:
    """Return what is known about a model. `library`: the folder with the table of named components."""
    runs = catalog.render_runs(record.id)
    return ModelDetails(
        record=record,
        shared=models_sharing_weights(record, catalog=catalog),
        shared_lines=tuple(describe_shared_weights(record, catalog=catalog, library=library)),
        render_run=runs[0] if runs else None,
        usage=how_to_use(record, catalog=catalog),
    )

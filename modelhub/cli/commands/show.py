"""`modelhub show`: everything known about a model, and how to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

if TYPE_CHECKING:
    from modelhub.domain import ModelRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def show(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=MODELS_HELP, autocompletion=complete_models)],
    why: Annotated[bool, typer.Option("--why", help="Show the evidence for every answer.")] = False,
) -> None:
    """Show everything known about a model, and how to use it.

    Example: modelhub show v1-5-pruned-emaonly --why
    """
    from modelhub.cli.output import print_json
    from modelhub.operations.library.selection import chosen_models

    session: Session = ctx.obj
    records = chosen_models(models, catalog=session.catalog)
    if session.json:
        print_json([_document(session, record) for record in records])
    else:
        print("\n\n".join("\n".join(_lines(session, record, why=why)) for record in records))


def _document(session: Session, record: ModelRecord) -> Any:
    from modelhub.documents.model import SharedComponentDocument, shown_model_document
    from modelhub.operations.library.shared_weights import models_sharing_weights
    from modelhub.operations.render.report import render_test_document

    runs = session.catalog.render_runs(record.id)
    same = tuple(
        SharedComponentDocument(component=item.component, model_id=item.model_id, name=item.name, level=item.level)
        for item in models_sharing_weights(record, catalog=session.catalog)
    )
    rendered = render_test_document(record, runs[0], session.settings.library) if runs else None
    return shown_model_document(record, same_as=same, render_test=rendered)


def _lines(session: Session, record: ModelRecord, *, why: bool) -> list[str]:
    from modelhub.cli.views.details import record_lines
    from modelhub.cli.views.render_test import last_test_lines
    from modelhub.operations.library.advice import fitting_bases, how_to_use
    from modelhub.operations.library.shared_weights import describe_shared_weights

    runs = session.catalog.render_runs(record.id)
    bases = fitting_bases(record, catalog=session.catalog)
    kin = describe_shared_weights(record, catalog=session.catalog, library=session.settings.library)
    last_test = last_test_lines(runs[0], session.settings.library) if runs else ()
    return record_lines(record, how_to_use(record, fitting_bases=bases), last_test=last_test, kin=kin, why=why)

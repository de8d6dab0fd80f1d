"""`modelhub show`: everything known about a model, and how to use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

if TYPE_CHECKING:
    from modelhub.documents.model import ShownModelDocument
    from modelhub.operations.library.advice.details import ModelDetails

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
    from modelhub.cli.output import print_json, print_lines
    from modelhub.cli.views.usage import INDENT
    from modelhub.operations.library.advice.details import model_details
    from modelhub.operations.library.selection import chosen_models

    session: Session = ctx.obj
    library = session.settings.library
    records = chosen_models(models, catalog=session.catalog)
    shown = [model_details(record, catalog=session.catalog, library=library) for record in records]
    if session.json:
        print_json([_document(details, library) for details in shown])
    else:
        for number, details in enumerate(shown):
            if number:
                print_lines("")
            print_lines(_lines(details, library, why=why), indent=INDENT)


def _document(details: ModelDetails, library: Path) -> ShownModelDocument:
    from modelhub.documents.model import AdviceDocument, SharedComponentDocument, shown_model_document
    from modelhub.operations.render.report import render_test_document

    same = tuple(
        SharedComponentDocument(component=item.component, model_id=item.model_id, name=item.name, level=item.level)
        for item in details.shared
    )
    run = details.render_run
    rendered = render_test_document(details.record, run, library) if run else None
    usage = tuple(AdviceDocument(about=line.topic.value, ui=line.ui or None, text=line.text) for line in details.usage)
    return shown_model_document(details.record, same_as=same, render_test=rendered, how_to_use=usage)


def _lines(details: ModelDetails, library: Path, *, why: bool) -> list[str]:
    from modelhub.cli.views.details import record_lines
    from modelhub.cli.views.render_test import last_test_lines

    last_test = last_test_lines(details.render_run, library) if details.render_run else ()
    return record_lines(details.record, details.usage, last_test=last_test, shared=details.shared_lines, why=why)

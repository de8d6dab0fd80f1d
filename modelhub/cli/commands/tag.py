"""`modelhub tag`: the user's tags on models."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODEL_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session
from modelhub.language import _

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def tag(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP, autocompletion=complete_models)],
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG...]", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="TAG", help="A tag to remove.")] = None,
) -> None:
    """Add tags to a model, or remove them; without any, print them.

    More terms may follow a term: `modelhub tag type:lora arch:sdxl draft` tags every SDXL LoRA.

    Example: modelhub tag mylora favorite portrait --remove draft
    """
    from modelhub.cli.model_arguments import split_terms
    from modelhub.cli.output import clean, print_json, print_lines
    from modelhub.operations.library.selection import chosen_models

    session: Session = ctx.obj
    catalog = session.catalog
    models, added = split_terms(model, tags or ())
    records = chosen_models(models, catalog=catalog)
    if added or remove:
        with catalog.batch():
            for record in records:
                catalog.tag(record.id, add=added, remove=remove or ())
        records = catalog.get_many([record.id for record in records])
    if session.json:
        from modelhub.documents.library import TagsDocument

        print_json([TagsDocument(id=record.id, name=record.name, tags=record.tags) for record in records])
        return
    for record in records:
        print_lines(clean(f"{record.name}: {', '.join(record.tags) or _('no tags')}"))

"""`modelhub tag`: free words on models."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def tag(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, part of it, id, path or hash.")],
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG...]", help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="TAG", help="A tag to take away.")] = None,
) -> None:
    """Add tags to a model, or take them away; without any, print them.

    Example: modelhub tag mylora favourite portrait --remove draft
    """
    from modelhub.cli.output import print_json
    from modelhub.cli.references import one_model

    session: Session = ctx.obj
    record = one_model(session, model)
    if tags or remove:
        session.catalog.tag(record.id, add=tags or (), remove=remove or ())
        record = session.catalog.get(record.id)
    if session.json:
        print_json([{"id": record.id, "name": record.name, "tags": list(record.tags)}])
    else:
        print(f"{record.name}: {', '.join(record.tags) or 'no tags'}")

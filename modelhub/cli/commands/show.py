"""`modelhub show`: everything known about a model, and how to use it."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def show(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, part of it, id, path or hash.")],
    why: Annotated[bool, typer.Option("--why", help="Show the evidence of every answer.")] = False,
) -> None:
    """Show everything known about a model, and how to use it.

    Example: modelhub show v1-5-pruned-emaonly --why
    """
    from modelhub.cli.output import print_json
    from modelhub.cli.references import one_model

    session: Session = ctx.obj
    record = one_model(session, model)
    if session.json:
        from modelhub.wire import record_to_json

        print_json([record_to_json(record)])
        return
    from modelhub.cli.report import record_lines
    from modelhub.operations.advice import fitting_bases, how_to_use

    bases = fitting_bases(record, catalog=session.catalog)
    print("\n".join(record_lines(record, how_to_use(record, fitting_bases=bases), why=why)))

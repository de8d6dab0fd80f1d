"""`modelhub architectures`: list the architectures in the library."""

from __future__ import annotations

import typer

from modelhub.catalog import ModelQuery
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def architectures(ctx: typer.Context) -> None:
    """List the architectures of the models in the catalog.

    Example: modelhub architectures
    """
    session: Session = ctx.obj
    for record in session.catalog.records(ModelQuery()):
        print(record.detection.architecture or "unknown", record.name)

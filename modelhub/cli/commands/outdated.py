"""`modelhub outdated`: which models have something newer where they came from."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def outdated(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="Names, ids, paths, folders, hashes; without any, all."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send no requests.")] = False,
) -> int:
    """Ask where models came from whether there is something newer: changed files, newer versions.

    A new commit that leaves a model's files as they are does not count. `pull --update` fetches what is newer.

    Example: modelhub outdated --json
    """
    from modelhub.catalog import ModelQuery
    from modelhub.cli.references import models_named
    from modelhub.cli.views.update import ask, show_statuses

    session: Session = ctx.obj
    if offline:
        session.adjust({"offline": True})
    records = models_named(session, models) if models else session.catalog.records(ModelQuery())
    return show_statuses(session, ask(session, records))

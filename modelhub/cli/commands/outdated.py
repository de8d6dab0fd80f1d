"""`modelhub outdated`: show which models have something newer at their source."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def outdated(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help=MODELS_HELP, autocompletion=complete_models),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send no requests.")] = False,
) -> int:
    """Show what is newer at the sources of models: changed files and newer versions.

    A new commit does not count when a model's files are unchanged. Update with `modelhub pull --update`.

    Example: modelhub outdated --json
    """
    from modelhub.cli.views.update import find_statuses, show_statuses
    from modelhub.operations.library.selection import chosen_models

    session: Session = ctx.obj
    if offline:
        session.adjust({"offline": True})
    records = chosen_models(models or (), catalog=session.catalog)
    return show_statuses(session, find_statuses(session, records))

"""`modelhub export`: write a manifest of the library."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def export(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The manifest to write; `-` for standard output.")],
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL...]", help=MODELS_HELP, autocompletion=complete_models)
    ] = None,
) -> None:
    """Write a manifest: sources, commits, hashes, names and your own tags and fields, as JSON without weights.

    `modelhub import` rebuilds the library from it elsewhere.

    Example: modelhub export library.json
    """
    from modelhub.cli.views.import_ import run_export

    session: Session = ctx.obj
    run_export(session, file, models or ())

"""`modelhub enrich`: look the files of models up by their hashes."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session
from modelhub.fetch.sources.registry import hash_sources

_HELP = f"""Look files up at {" and ".join(row.name for row in hash_sources())} by their hashes.

Adds trigger words, base model, tags, page, license and scan verdict. Only hashes are sent, and your own edits are
kept. Run the command again to resume an interrupted run. An unknown file is looked up again after 30 days.

Example: modelhub enrich --previews
"""
app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(help=_HELP, cls=ModelsCommand)
def enrich(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help=MODELS_HELP, autocompletion=complete_models),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Look up again what was looked up before.")] = False,
    previews: Annotated[
        bool, typer.Option("--previews", help="Also write the first picture beside models without one.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Send no requests.")] = False,
) -> int:
    """Look the files of models up by their hashes. Return the exit code."""
    from modelhub.cli.views.enrich import run_enrich

    session: Session = ctx.obj
    if offline:
        session.adjust({"offline": True})
    return run_enrich(session, models or (), refresh=refresh, previews=previews)

"""`modelhub history`: list the runs of sort and undo."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def history(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most this many.")] = 20,
) -> None:
    """List what sort and undo did, newest first, with the numbers that `modelhub undo` takes.

    Example: modelhub history --limit 5
    """
    from modelhub.cli.views.undo import show_history

    show_history(ctx.obj, limit=limit)

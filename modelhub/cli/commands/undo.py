"""`modelhub undo`: put files back to where they were before a sort."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def undo(
    ctx: typer.Context,
    run: Annotated[
        int | None,
        typer.Argument(
            metavar="[RUN]", help="Number of a run, as `modelhub history` shows it; without one, the last sort."
        ),
    ] = None,
) -> int:
    """Put files back to where they were before a sort; an undo can be undone by its number.

    Example: modelhub undo
    """
    from modelhub.cli.views.undo import show_undone
    from modelhub.operations.sort.run import undo as undo_run

    session: Session = ctx.obj
    result = undo_run(run, catalog=session.catalog, library=session.settings.library, progress=session.progress)
    return show_undone(session, result)

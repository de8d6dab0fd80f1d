"""`modelhub undo`: take back what a sort did."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def undo(
    ctx: typer.Context,
    run: Annotated[
        int | None, typer.Argument(metavar="[RUN]", help="Number of a run in `modelhub history`; else the last sort.")
    ] = None,
) -> int:
    """Put files back to where they were before a sort; an undo can be undone by its number.

    Example: modelhub undo
    """
    from modelhub.cli.views.sort import recovered_lines, show_undone
    from modelhub.operations.sort.journal import recover
    from modelhub.operations.sort.run import lock_for, undo_run

    session: Session = ctx.obj
    with lock_for(session.settings.library, wait=30.0):
        recovered_lines(session, recover(session.catalog))
        undone = undo_run(session.catalog, run, progress=session.progress)
    return show_undone(session, undone)

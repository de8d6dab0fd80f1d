"""`modelhub scan`: find what has changed in the known folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def scan(
    ctx: typer.Context,
    root: Annotated[
        Path | None, typer.Argument(metavar="[ROOT]", help="A known folder, or its name; without one, all.")
    ] = None,
) -> int:
    """Find changed, moved, missing and new files in the known folders.

    No model is removed from the catalog: a file that is gone is kept as missing, one on an unplugged drive as
    unavailable.

    Example: modelhub scan
    """
    from modelhub.cli.views.path_results import show_path_results
    from modelhub.operations.library.scan import scan as run

    session: Session = ctx.obj
    if session.settings.library.is_dir():
        session.may_create = True  # the models of a library that was copied here
    results = run(
        root,
        library=session.settings.library,
        catalog=session.catalog,
        progress=session.progress,
        workers=session.settings.hash.workers,
    )
    return show_path_results(session, results)

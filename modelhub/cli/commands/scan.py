"""`modelhub scan`: look at the known folders again."""

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
    """Look at the known folders again: changed, moved, missing and new files.

    Nothing is dropped from the catalog: a file that is gone is kept as missing, one on an unplugged drive as
    unavailable.

    Example: modelhub scan
    """
    from modelhub.cli.views.path_results import show_outcomes
    from modelhub.operations.library.add import reidentify_outdated, resolve_roots
    from modelhub.operations.library.add import scan as run

    session: Session = ctx.obj
    if session.settings.library.is_dir():
        session.catalog.ensure_root(session.settings.library, "library")
    roots = resolve_roots(root, session.catalog)
    reidentify_outdated(session.catalog, progress=session.progress)
    outcomes = run(roots, catalog=session.catalog, progress=session.progress, workers=session.settings.hash.workers)
    return show_outcomes(session, outcomes)

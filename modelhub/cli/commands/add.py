"""`modelhub add`: catalogue what lies on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def add(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, model folders, folders of models.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy them into the library, sidecars too.")] = False,
    move: Annotated[bool, typer.Option("--move", help="Move them into the library, sidecars too.")] = False,
) -> int:
    """Catalogue files and folders where they are, or bring them into the library.

    Each file is read once for all its hashes; its content says what it is. Known, unchanged files are not read again.

    Example: modelhub add ~/stable-diffusion-webui/models
    """
    from modelhub.cli.views.path_results import show_path_results
    from modelhub.errors import UsageError
    from modelhub.operations.library.add import add as run
    from modelhub.operations.library.add import import_into_library

    session: Session = ctx.obj
    if copy and move:
        raise UsageError("--copy and --move contradict each other.", "Give one of them.")
    outcomes = run(paths, catalog=session.catalog, progress=session.progress, workers=session.settings.hash.workers)
    if copy or move:
        outcomes = import_into_library(
            paths,
            copy=copy,
            library=session.settings.library,
            catalog=session.catalog,
            progress=session.progress,
            workers=session.settings.hash.workers,
        )
    return show_path_results(session, outcomes)

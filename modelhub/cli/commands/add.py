"""`modelhub add`: add models of this machine to the catalog."""

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
    """Add files and folders to the catalog where they are, or copy or move them into the library.

    Each file is identified from its content and read once for all its hashes. Known files that have not changed are not
    read again. A zip archive of models that is named itself is unpacked into the library, and kept unless `--move` is
    given.

    Example: modelhub add ~/stable-diffusion-webui/models
    """
    from modelhub.cli.views.path_results import show_path_results
    from modelhub.errors import UsageError
    from modelhub.operations.library.add import AddMode
    from modelhub.operations.library.add import add as run

    session: Session = ctx.obj
    if copy and move:
        raise UsageError("`--copy` cannot be combined with `--move`.", "Use only one of them.")
    results = run(
        paths,
        mode=AddMode.COPY if copy else AddMode.MOVE if move else AddMode.IN_PLACE,
        library=session.settings.library,
        catalog=session.catalog,
        progress=session.progress,
        workers=session.settings.hash.workers,
    )
    return show_path_results(session, results)

"""`modelhub import`: rebuild a library from a manifest."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `export` wrote; - for standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is held and what would be pulled.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Accept pickles that pass the scan and have the manifest's hash.")
    ] = False,
    limit_rate: Annotated[
        str | None, typer.Option("--limit-rate", metavar="RATE", help="Most bytes per second, such as 5M; 0: no limit.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use only what is already on this machine.")] = False,
    progress: Annotated[
        str | None, typer.Option("--progress", metavar="bars|none|json", help="json: events, one a line, on stderr.")
    ] = None,
) -> int:
    """Rebuild a library from a manifest: what is not held is pulled from its source and proved by its hash.

    Names, folders, tags, notes and your other words come back too; what you have said here already stays.

    Example: modelhub import library.json
    """
    from modelhub.cli.views.import_ import run_import
    from modelhub.cli.views.pull import adjust

    session: Session = ctx.obj
    adjust(session, limit_rate=limit_rate, offline=offline, progress=progress)
    return run_import(session, file, allow_pickle=allow_pickle, dry_run=dry_run)

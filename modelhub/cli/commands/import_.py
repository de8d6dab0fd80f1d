"""`modelhub import`: rebuild a library from a manifest."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session
from modelhub.cli.transfer_options import LimitRate, Offline, ProgressOption, apply_transfer_options

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def import_(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A manifest; `-` for standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is present and what would be pulled.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Accept pickles that pass the scan and have the manifest's hash.")
    ] = False,
    limit_rate: LimitRate = None,
    offline: Offline = False,
    progress: ProgressOption = None,
) -> int:
    """Rebuild a library from a manifest: missing models are pulled from their sources and verified by hash.

    Names, folders, tags, notes and your other fields are restored too; what you have set here already is kept.

    Example: modelhub import library.json
    """
    from modelhub.cli.views.import_ import run_import

    session: Session = ctx.obj
    apply_transfer_options(session, limit_rate=limit_rate, offline=offline, progress=progress)
    return run_import(session, file, allow_pickle=allow_pickle, dry_run=dry_run)

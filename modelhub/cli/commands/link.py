"""`modelhub link`: let a UI use the library where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session
from modelhub.uis.registry import linkable

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_NAMES = ", ".join(ui.name for ui in linkable())


@app.command()
def link(
    ctx: typer.Context,
    layout: Annotated[str | None, typer.Option("--layout", metavar="UI", help=f"The UI to link: {_NAMES}.")] = None,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="The UI's own folder.")] = None,
    show: Annotated[bool, typer.Option("--print", help="Show what would be written, change nothing.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove what an earlier link wrote.")] = False,
) -> None:
    """Point a UI at the library instead of moving files: its settings, or the flags to start it with.

    Example: modelhub link --layout comfyui --into ~/ComfyUI
    """
    from modelhub.cli.views.link import link_file, show_flags, show_lines
    from modelhub.errors import UsageError
    from modelhub.operations.link import linkable_ui
    from modelhub.uis.ui import Flags

    session: Session = ctx.obj
    settings = session.settings
    name = (layout or settings.sort.layout).lower()
    if not name:
        raise UsageError("Name the UI to link with `--layout`.", f"Choose one of: {_NAMES}.")
    ui, way = linkable_ui(name)
    if isinstance(way, Flags):
        show_flags(session, ui, way, remove=remove)
        return
    kept = Path(settings.sort.into) if settings.sort.into and name == settings.sort.layout.lower() else None
    folder = into or kept
    if folder is not None:
        link_file(session, ui, folder, remove=remove, dry_run=show)
    elif show and not remove:
        show_lines(session, ui, way)
    else:
        raise UsageError(f"Name the folder that {ui.title} is installed in with `--into DIR`.")

"""`modelhub link`: let a UI use the library where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def link(
    ctx: typer.Context,
    layout: Annotated[str | None, typer.Option("--layout", help="comfyui, a1111, forge, sdnext or fooocus.")] = None,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="The UI's own folder.")] = None,
    show: Annotated[bool, typer.Option("--print", help="Show what would be written, change nothing.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take out what an earlier link wrote.")] = False,
) -> None:
    """Point a UI at the library instead of moving files: its settings, or the flags to start it with.

    Example: modelhub link --layout comfyui --into ~/ComfyUI
    """
    from modelhub.cli.views.link import link_file, show_flags, show_words
    from modelhub.errors import UsageError
    from modelhub.uis.link_interfaces import FLAGS, interface_named, linkable

    session: Session = ctx.obj
    settings = session.settings
    name = (layout or settings.sort.layout).lower()
    if not name:
        raise UsageError("Say which UI to link: --layout.", f"One of: {', '.join(linkable())}.")
    if name in FLAGS:
        show_flags(session, name, remove=remove)
        return
    interface = interface_named(name)
    kept = Path(settings.sort.into) if settings.sort.into and name == settings.sort.layout.lower() else None
    folder = into or kept
    if folder is not None:
        link_file(session, name, folder, remove=remove, dry_run=show)
    elif show and not remove:
        show_words(session, name, interface)
    else:
        raise UsageError(f"Say where {interface.title} is: --into DIR.", "The folder that it is installed in.")

"""`modelhub shortcut`: desktop icons and menu entries that sort a folder with one click."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.options import ByOption, DuplicatesOption, IntoOption, LayoutOption
from modelhub.cli.output import Column, print_json, print_lines, table
from modelhub.cli.screen.text_layout import shorten_end
from modelhub.cli.session import Session
from modelhub.language import _
from modelhub.operations.sort.enums import SortDuplicates

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.callback()
def group() -> None:
    """Put icons on the desktop and entries into menus that sort a folder with one click.

    Example: modelhub shortcut install --folder ~/Downloads --layout comfyui --into ~/ComfyUI
    """


@app.command(short_help="Write a shortcut.")
def install(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR", help="The folder that a plain click sorts.")],
    layout: LayoutOption = None,
    into: IntoOption = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="PLACE", help="desktop, menu, filemanager or sendto; may be repeated."),
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The name of the icon.")] = "",
    duplicates: DuplicatesOption = SortDuplicates.LEAVE,
    by: ByOption = None,
) -> None:
    """Write a shortcut. Files dropped on it are sorted; a plain click sorts the folder.

    Example: modelhub shortcut install --folder ~/Downloads --layout a1111 --into ~/stable-diffusion-webui
    """
    from modelhub.cli.views.shortcut import install_shortcut

    install_shortcut(
        ctx.obj,
        folder=folder,
        layout=layout,
        into=into,
        targets=tuple(target or ()),
        name=name,
        by=by or (),
        duplicates=duplicates,
    )


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the shortcuts that were installed.

    Example: modelhub shortcut list
    """
    from modelhub.desktop.install import installed_shortcuts

    session: Session = ctx.obj
    found = installed_shortcuts(session.settings.state_folder)
    if session.json:
        from modelhub.documents.shortcut import ShortcutDocument

        documents = [
            ShortcutDocument(
                id=one.id,
                name=one.name,
                folder=str(one.folder),
                layout=one.layout,
                into=str(one.into),
                targets=one.targets,
            )
            for one in found
        ]
        print_json(documents)
        return
    if not found:
        print_lines(_("There are no shortcuts yet; `modelhub shortcut install` adds one."), error=True)
        return
    columns = (
        Column("id"),
        Column("name", flexible=True, spare=2),
        Column("sorts", flexible=True, main=True),
        Column("for"),
        Column("into", flexible=True, main=True),
        Column("targets", flexible=True, spare=1, cut=shorten_end),
    )
    cells = [(o.id, o.name, str(o.folder), o.layout, str(o.into), ", ".join(o.targets)) for o in found]
    print_lines(table(columns, cells))


@app.command(short_help="Remove a shortcut.")
def remove(
    ctx: typer.Context, shortcut: Annotated[str, typer.Argument(metavar="ID", help="As `shortcut list` shows it.")]
) -> int:
    """Remove a shortcut: only files that modelhub wrote and that are unchanged.

    Example: modelhub shortcut remove sort-downloads
    """
    from modelhub.cli.views.shortcut import remove_shortcut

    return remove_shortcut(ctx.obj, shortcut)


@app.command(hidden=True)
def click(
    ctx: typer.Context,
    shortcut: Annotated[str, typer.Argument(metavar="ID", help="The shortcut that was clicked.")],
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE...]", help="The files that were dropped on it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last sort.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Open the last report.")] = False,
) -> int:
    """Run a shortcut that was clicked; every outcome is shown as a report and a notification.

    Example: modelhub shortcut click sort-downloads ~/Downloads/model.safetensors
    """
    from modelhub.cli.views.shortcut import click_shortcut

    return click_shortcut(ctx.obj, shortcut, files or [], dry_run=dry_run, undo=undo, report=report)

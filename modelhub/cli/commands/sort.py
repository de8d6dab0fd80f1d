"""`modelhub sort`: bring downloads to where a UI looks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def sort(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER...]", help="Folders or files; without any, this folder.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="a1111, forge, comfyui, sdnext, fooocus, stability-matrix, invokeai.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="The UI's folder, or its models folder.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    mode: Annotated[str, typer.Option("--mode", help="move, copy, hardlink, symlink or reflink.")] = "move",
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Sub-folders: architecture, style, or both in this order.")
    ] = None,
    duplicates: Annotated[str, typer.Option("--duplicates", help="leave, or trash copies of what is there.")] = "leave",
    rename: Annotated[bool, typer.Option("--rename", help="Give a number to what would have a taken name.")] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE.html", help="Write a report.")] = None,
) -> int:
    """Sort model files into the folders of a UI, by what they are; what is not sure stays. `modelhub undo` reverts it.

    Example: modelhub sort ~/Downloads --layout comfyui --into ~/ComfyUI --dry-run
    """
    from modelhub.cli.views.sort import chosen_rules, recovered_lines, show_plan, show_sorted, write_report_of
    from modelhub.operations.sort.journal import recover
    from modelhub.operations.sort.run import carry_out, lock_for, plan

    session: Session = ctx.obj
    settings = session.settings
    if (layout or settings.sort.layout).lower() == "invokeai":
        from modelhub.cli.views.register import register_in

        return register_in(session, paths or [Path()], str(into or settings.sort.into), dry_run=dry_run)
    rules = chosen_rules(
        settings, layout=layout, into=into, mode=mode, by=tuple(by or ()), duplicates=duplicates, rename=rename
    )
    folders = paths or [Path()]
    if dry_run:
        decided = plan(
            folders, rules, catalog=session.catalog if session.has_catalog else None, progress=session.progress
        )
        show_plan(session, decided)
        if report is not None:
            write_report_of(report, folders, decided, session=session)
        return 0
    with lock_for(settings.library, wait=30.0):
        recovered_lines(session, recover(session.catalog))
        decided = plan(folders, rules, catalog=session.catalog, progress=session.progress)
        done = carry_out(decided, catalog=session.catalog, progress=session.progress)
    if report is not None:
        write_report_of(report, folders, done, session=session)
    return show_sorted(session, done)

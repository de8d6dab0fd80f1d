"""`modelhub sort`: move downloads to where a UI looks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.options import ByOption, DryRunOption, DuplicatesOption, ModeOption, ReportOption
from modelhub.cli.session import Session
from modelhub.operations.sort.enums import SortDuplicates, SortMode
from modelhub.uis.registry import all_uis

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_NAMES = ", ".join(ui.name for ui in all_uis())


@app.command()
def sort(
    ctx: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER...]", help="Folders or files; without any, this folder.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", metavar="UI", help=f"{_NAMES}, or a layout of your own.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="DIR", help="The UI's own folder or its models folder; or a UI's address."),
    ] = None,
    dry_run: DryRunOption = False,
    mode: ModeOption = SortMode.MOVE,
    by: ByOption = None,
    duplicates: DuplicatesOption = SortDuplicates.LEAVE,
    rename: Annotated[bool, typer.Option("--rename", help="Add a number to a name that is taken.")] = False,
    report: ReportOption = None,
) -> int:
    """Sort model files by their content into the folders of a UI; what is uncertain stays. `modelhub undo` reverts it.

    Example: modelhub sort ~/Downloads --layout comfyui --into ~/ComfyUI --dry-run
    """
    from modelhub.cli.views import sort as views
    from modelhub.operations.sort import run
    from modelhub.operations.sort.rules import chosen_rules, chosen_ui, server_for

    if report is not None:
        from modelhub.pages.write import check_page_target

        check_page_target(report)  # before anything is moved
    session: Session = ctx.obj
    settings = session.settings
    folders = paths or [Path()]
    ui = chosen_ui(settings, layout)
    if ui.registration is not None:
        address = into or settings.sort.into
        server = server_for(ui, address, mode=mode, by=by or (), duplicates=duplicates, rename=rename)
        from modelhub.cli.views.register import register_models

        return register_models(session, folders, ui, server, dry_run=dry_run, report=report)
    rules = chosen_rules(
        settings, layout=layout, into=into, mode=mode, by=by or (), duplicates=duplicates, rename=rename
    )
    if dry_run:
        catalog = session.catalog if session.has_catalog else None
        plan = run.plan(folders, rules, catalog=catalog, progress=session.progress)
        views.show_plan(session, plan)
        if report is not None:
            from modelhub.cli.views.sort_report import report_plan

            report_plan(report, folders, plan)
        return 0
    result = run.sort(folders, rules, catalog=session.catalog, library=settings.library, progress=session.progress)
    if report is not None:
        from modelhub.cli.views.sort_report import report_result

        report_result(report, folders, result)
    return views.show_result(session, result)

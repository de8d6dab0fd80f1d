"""`modelhub enrich`: learn from Civitai what it knows of files that came from anywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def enrich(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help="Names, ids, paths, folders, hashes; without any, all."),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask again about what was asked before.")] = False,
    previews: Annotated[
        bool, typer.Option("--previews", help="Also write the first picture beside models without one.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody.")] = False,
) -> int:
    """Look files up at Civitai by their hashes: trigger words, base model, tags, page, licence, scan verdict.

    Only hashes are sent. Your own words stay as they are. A run that broke off is gone on with by the next one; what
    Civitai did not know is asked again after 30 days.

    Example: modelhub enrich --previews
    """
    from modelhub.cli.views.enrich import run_enrich

    session: Session = ctx.obj
    if offline:
        session.adjust({"offline": True})
    return run_enrich(session, models or (), refresh=refresh, previews=previews)

"""`modelhub watch`: sort what arrives in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.options import ByOption, DuplicatesOption, IntoOption, LayoutOption, ModeOption
from modelhub.cli.session import Session
from modelhub.home import expand_home
from modelhub.language import _
from modelhub.operations.sort.enums import SortDuplicates, SortMode

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_WAIT = 600.0  # seconds that a batch waits for another sort; nobody is at the terminal to start it again


@app.command()
def watch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder where downloads arrive.")],
    layout: LayoutOption = None,
    into: IntoOption = None,
    mode: ModeOption = SortMode.MOVE,
    by: ByOption = None,
    duplicates: DuplicatesOption = SortDuplicates.LEAVE,
    quiet: Annotated[
        float,
        typer.Option(
            "--quiet",
            metavar="SECONDS",
            min=0.5,
            help="Seconds without a change after which a file counts as complete.",
        ),
    ] = 5.0,
    new_only: Annotated[bool, typer.Option("--new-only", help="Do not sort what is in the folder already.")] = False,
) -> int:
    """Sort what is in a folder, then whatever arrives there, once it has stopped growing; Ctrl-C stops it.

    Example: modelhub watch ~/Downloads --layout comfyui --into ~/ComfyUI
    """
    import signal
    import threading

    from modelhub.cli.views.sort import show_result
    from modelhub.errors import NotFoundError
    from modelhub.operations.sort import run
    from modelhub.operations.sort.rules import chosen_rules
    from modelhub.operations.sort.watch import watch as arrivals

    session: Session = ctx.obj
    settings = session.settings
    rules = chosen_rules(settings, layout=layout, into=into, mode=mode, by=by or (), duplicates=duplicates)
    watched = expand_home(folder).absolute()
    if not watched.is_dir():
        raise NotFoundError(f"{watched} is not a folder.", "Create it, or check the spelling.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def sort(paths: list[Path]) -> None:
        existing = [path for path in paths if path.exists()]
        result = run.sort(
            existing,
            rules,
            catalog=session.catalog,
            library=settings.library,
            wait=_WAIT,
            progress=session.progress,
        )
        show_result(session, result)

    session.progress.note(_("Watching {folder}. Stop with Ctrl-C.", folder=watched))
    if not new_only:
        sort([watched])
    for batch in arrivals(watched, stop=stop, quiet=quiet):
        sort(batch)
    session.progress.note(_("Stopped watching."))
    return 0

"""`modelhub watch`: sort what arrives in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def watch(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder where downloads arrive.")],
    layout: Annotated[str | None, typer.Option("--layout", help="As for `modelhub sort`.")] = None,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="As for `modelhub sort`.")] = None,
    mode: Annotated[str, typer.Option("--mode", help="move, copy, hardlink, symlink or reflink.")] = "move",
    by: Annotated[list[str] | None, typer.Option("--by", help="Sub-folders: architecture, style.")] = None,
    duplicates: Annotated[str, typer.Option("--duplicates", help="leave or trash.")] = "leave",
    quiet: Annotated[float, typer.Option("--quiet", min=0.5, help="Seconds without growth: it has arrived.")] = 5.0,
    new_only: Annotated[bool, typer.Option("--new-only", help="Leave what is there already.")] = False,
) -> int:
    """Sort what is in a folder, and then what arrives there once it has stopped growing; Ctrl-C ends it.

    Example: modelhub watch ~/Downloads --layout comfyui --into ~/ComfyUI
    """
    import signal
    import threading

    from modelhub.cli.views.sort import chosen_rules, recovered_lines, show_sorted
    from modelhub.errors import NotFoundError
    from modelhub.operations.sort.journal import recover
    from modelhub.operations.sort.run import carry_out, lock_for, plan
    from modelhub.operations.sort.watch import watch as arrivals

    session: Session = ctx.obj
    settings = session.settings
    rules = chosen_rules(settings, layout=layout, into=into, mode=mode, by=tuple(by or ()), duplicates=duplicates)
    place = folder.expanduser().absolute()
    if not place.is_dir():
        raise NotFoundError(f"There is no folder at {place}.", "Make it, or check the spelling.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def sort(paths: list[Path]) -> None:
        with lock_for(settings.library, wait=600.0):
            recovered_lines(session, recover(session.catalog))
            existing = [path for path in paths if path.exists()]
            done = carry_out(plan(existing, rules, catalog=session.catalog), catalog=session.catalog)
        show_sorted(session, done)

    session.progress.note(f"watching {place}; Ctrl-C ends it")
    if not new_only:
        sort([place])
    for batch in arrivals(place, stop=stop, quiet=quiet):
        sort(batch)
    session.progress.note("no longer watching")
    return 0

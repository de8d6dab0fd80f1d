"""`modelhub rm`: into the trash, and out of the catalog."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def rm(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Names, ids, paths or hashes.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Only forget them; leave the files alone.")] = False,
) -> None:
    """Move models with their sidecar files to the trash, and forget them.

    Example: modelhub rm old-lora
    """
    from modelhub.cli.output import clean, print_json
    from modelhub.cli.references import one_model
    from modelhub.errors import UsageError
    from modelhub.operations.library.remove import paths_to_remove, remove

    session: Session = ctx.obj
    records = [one_model(session, name) for name in models]
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("rm asks before it acts, but nobody is there to answer.", "Say --yes.")
        for record in records:
            print(f"{clean(record.name)}:", file=sys.stderr)
            for path in () if keep_files else paths_to_remove(record, catalog=session.catalog):
                print(f"  {clean(str(path))}", file=sys.stderr)
        typer.confirm("Forget these?" if keep_files else "Move these to the trash?", abort=True, err=True)
    trashed = remove(records, catalog=session.catalog, keep_files=keep_files)
    if session.json:
        print_json([{"id": r.id, "name": r.name} for r in records])
    else:
        print(f"Forgotten: {', '.join(clean(r.name) for r in records)}; {len(trashed)} files are in the trash.")

"""`modelhub rm`: move models to the trash and delete them from the catalog."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def rm(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=MODELS_HELP, autocompletion=complete_models)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Only delete them from the catalog; keep the files.")
    ] = False,
) -> None:
    """Move models with their sidecar files to the trash, and delete them from the catalog.

    A name means one model. A term such as `state:missing` may choose many; they are shown before anything is done.

    Example: modelhub rm old-lora
    """
    from modelhub.cli.output import clean, count_text, print_json
    from modelhub.errors import UsageError
    from modelhub.operations.library.remove import paths_to_remove, remove
    from modelhub.operations.library.selection import explicitly_chosen_models

    session: Session = ctx.obj
    records = explicitly_chosen_models(models, catalog=session.catalog)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "Removing models needs a confirmation, but standard input is not a terminal.", "Use `--yes`."
            )
        for record in records:
            print(f"{clean(record.name)}:", file=sys.stderr)
            for path in () if keep_files else paths_to_remove(record, catalog=session.catalog):
                print(f"  {clean(str(path))}", file=sys.stderr)
        count = count_text(len(records), "model", "models")
        question = f"Delete {count} from the catalog?" if keep_files else f"Move {count} to the trash?"
        typer.confirm(question, abort=True, err=True)
    trashed = remove(records, catalog=session.catalog, keep_files=keep_files)
    if session.json:
        from modelhub.documents.library import RemovedDocument

        print_json([RemovedDocument(id=record.id, name=record.name) for record in records])
        return
    print(f"Deleted from the catalog: {', '.join(clean(r.name) for r in records)}.")
    if not keep_files:
        print(f"Moved {count_text(len(trashed), 'file', 'files')} to the trash.")

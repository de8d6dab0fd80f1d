"""`modelhub rm`: move models to the trash and delete them from the catalog."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

if TYPE_CHECKING:
    from modelhub.domain import ModelRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def rm(
    ctx: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=MODELS_HELP, autocompletion=complete_models)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    keep_files: Annotated[
        bool, typer.Option("--keep-files", help="Only delete them from the catalog; keep the files.")
    ] = False,
) -> int:
    """Move models with their sidecar files to the trash, and delete them from the catalog.

    A name means one model. A term such as `state:missing` may choose many; they are shown before anything is done.

    Example: modelhub rm old-lora
    """
    from modelhub.cli.output import clean, print_json, print_lines
    from modelhub.errors import Exit, UsageError
    from modelhub.language import _, plural
    from modelhub.operations.library.remove import remove
    from modelhub.operations.library.selection import explicitly_chosen_models

    session: Session = ctx.obj
    records = explicitly_chosen_models(models, catalog=session.catalog)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "Removing models needs a confirmation, but standard input is not a terminal.", "Use `--yes`."
            )
        if not _is_confirmed(session, records, keep_files=keep_files):
            print_lines(_("Nothing was removed."), error=True)
            return Exit.FAILED
    trashed = remove(records, catalog=session.catalog, keep_files=keep_files)
    if session.json:
        from modelhub.documents.library import RemovedDocument

        print_json([RemovedDocument(id=record.id, name=record.name) for record in records])
        return Exit.OK
    names = ", ".join(clean(record.name) for record in records)
    print_lines(_("Deleted from the catalog: {names}.", names=names))
    if not keep_files:
        print_lines(plural(len(trashed), "Moved {count} file to the trash.", "Moved {count} files to the trash."))
    return Exit.OK


def _is_confirmed(session: Session, records: Sequence[ModelRecord], *, keep_files: bool) -> bool:
    """Show what would be removed, and ask. Ctrl-C at the question means no."""
    from modelhub.cli.output import clean, print_lines
    from modelhub.cli.questions import confirmed
    from modelhub.language import plural
    from modelhub.operations.library.remove import paths_to_remove

    for record in records:
        paths = () if keep_files else paths_to_remove(record, catalog=session.catalog)
        print_lines([f"{clean(record.name)}:", *(f"  {clean(str(path))}" for path in paths)], error=True)
    if keep_files:
        question = plural(
            len(records), "Delete {count} model from the catalog?", "Delete {count} models from the catalog?"
        )
    else:
        question = plural(len(records), "Move {count} model to the trash?", "Move {count} models to the trash?")
    try:
        return confirmed(question)
    except KeyboardInterrupt:
        print_lines("", error=True)
        return False

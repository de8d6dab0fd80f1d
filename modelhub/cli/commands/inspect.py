"""`modelhub inspect`: identify files without the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.output import print_json, print_json_texts, print_lines
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def inspect(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders; folders are searched.")],
    with_hashes: Annotated[bool, typer.Option("--hash", help="Also read the whole file for its hashes.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Check every value for NaN, infinity and all-zero tensors.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Show the evidence for each answer.")] = False,
) -> None:
    """Identify files and scan them for code, without the catalog.

    Nothing is loaded or executed: only headers and the instructions of pickles are read.

    Example: modelhub inspect ~/Downloads/unknown.ckpt --why
    """
    from modelhub.operations.library.inspect import inspect_many, may_hold_model
    from modelhub.operations.library.model_paths import existing_paths, find_models

    session: Session = ctx.obj
    chosen = [model.path for model in find_models(existing_paths(paths)) if model.named or may_hold_model(model.path)]
    if session.json and not deep:
        from modelhub.documents.inspection import inspection_text
        from modelhub.operations.library.inspect import inspect_each

        print_json_texts(inspect_each(chosen, inspection_text, with_hashes=with_hashes, progress=session.progress))
        return
    if deep:
        from modelhub.operations.library.value_check import inspect_values_of_many

        inspections = inspect_values_of_many(chosen, progress=session.progress)
    else:
        inspections = inspect_many(chosen, with_hashes=with_hashes, progress=session.progress)
    if session.json:
        from modelhub.documents.inspection import inspection_document

        print_json([inspection_document(inspection) for inspection in inspections])
        return
    from modelhub.cli.views.details import inspection_lines
    from modelhub.cli.views.usage import INDENT

    for number, inspection in enumerate(inspections):
        if number:
            print_lines("")
        print_lines(inspection_lines(inspection, why=why), indent=INDENT)

"""`modelhub fingerprint`: the digests of a file's networks, and names for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session
from modelhub.language import _

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def fingerprint(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file.", show_default=False)],
    learn: Annotated[
        str | None, typer.Option("--learn", metavar="NAME", help="Save the digests of its networks under this name.")
    ] = None,
) -> None:
    """Print the digests of the networks in a file. Equal weights have equal digests in any container and precision.

    With `--learn`, `modelhub show` uses that name for these weights wherever another model holds them.

    Example: modelhub fingerprint vae-ft-mse-840000.safetensors --learn vae-ft-mse-840000
    """
    from modelhub.cli.labels import label
    from modelhub.cli.output import Column, clean, print_json, print_lines, table
    from modelhub.detect.weights.named_components import name_components as save_names
    from modelhub.operations.library.fingerprint import fingerprint_file
    from modelhub.operations.library.shared_weights import component_table_path

    session: Session = ctx.obj
    with session.progress.task(f"reading {file.name}", total=file.stat().st_size if file.is_file() else None) as task:
        digests = fingerprint_file(file, task=task)
    if learn is not None:
        save_names(component_table_path(session.settings.library), learn, digests, source=str(file))
    if session.json:
        from modelhub.documents.library import ComponentDigestDocument

        print_json(
            [
                ComponentDigestDocument(
                    component=digest.component,
                    exact=digest.exact,
                    rounded=digest.rounded,
                    signs=digest.signs,
                    tensors=digest.tensors,
                    size=digest.size,
                )
                for digest in digests
            ]
        )
        return
    rows = [(label(d.component), str(d.tensors), d.exact[:16], (d.rounded or "–")[:16], d.signs[:16]) for d in digests]
    columns = (
        Column("component"),
        Column("tensors", right=True),
        Column("exact"),
        Column("fp16"),
        Column("any precision"),
    )
    print_lines(table(columns, rows))
    if learn is not None:
        print_lines(_("Saved as {name}.", name=clean(learn)))

"""`modelhub convert`: a new safetensors file from an old one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def convert(
    ctx: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A file, or a model of the catalog by name, id or hash.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The file to write; default: beside the source.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", metavar="fp32|fp16|bf16", help="Change the precision of the weights.")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="emaonly|noema|no-training-state", help="Which weight set to keep."),
    ] = None,
    bake_vae: Annotated[
        str | None, typer.Option("--bake-vae", metavar="VAE", help="Put this VAE in place of the base's own.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Count position_ids anew; bring old text encoder names up to date.")
    ] = False,
    read_suspicious: Annotated[
        bool, typer.Option("--read-suspicious", help="Read the tensors of a suspicious pickle; nothing is executed.")
    ] = False,
) -> None:
    """Write a new safetensors file: from a pickle without running it, smaller, with another VAE, or repaired.

    The source is not touched. Training state is never carried over.

    Example: modelhub convert v1-5-pruned.ckpt --variant emaonly --precision fp16
    """
    from modelhub.cli.output import clean, print_json
    from modelhub.operations.convert.convert_model import convert_model, resolve_source
    from modelhub.operations.convert.plan import ConversionOptions
    from modelhub.quantities import format_size

    session: Session = ctx.obj
    recipe = ConversionOptions(precision=precision, variant=variant, bake_vae=bake_vae is not None, repair=repair)
    source = resolve_source(model, session.catalog)
    vae = resolve_source(bake_vae, session.catalog).path if bake_vae else None
    result, record = convert_model(
        source,
        recipe,
        target=to,
        vae=vae,
        read_suspicious=read_suspicious,
        catalog=session.catalog,
        progress=session.progress,
    )
    if session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(record)])
        return
    print(f"{clean(result.source.name)} ({format_size(result.source_size)}) → {clean(str(result.target))}")
    print(f"  {result.tensors} tensors, {format_size(result.size)}, read back and verified; the source is untouched.")
    for note in result.notes:
        print(f"  note: {clean(note)}")

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
        str | None, typer.Option("--bake-vae", metavar="VAE", help="Replace the base's own VAE with this one.")
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Rewrite position_ids as integers; update names of old text encoders."),
    ] = False,
    read_suspicious: Annotated[
        bool, typer.Option("--read-suspicious", help="Read the tensors of a suspicious pickle; nothing is executed.")
    ] = False,
) -> None:
    """Write a new safetensors file: from a pickle without running it, smaller, with another VAE, or repaired.

    The source is not changed. Training state is left out.

    Example: modelhub convert v1-5-pruned.ckpt --variant emaonly --precision fp16
    """
    from modelhub.cli.output import clean, print_json, print_lines
    from modelhub.home import expand_home
    from modelhub.language import plural, translate
    from modelhub.operations.convert.convert_model import convert_model, refuse_folder, resolve_source
    from modelhub.operations.convert.options import ConversionOptions
    from modelhub.quantities import format_size

    session: Session = ctx.obj
    refuse_folder(expand_home(model))
    # Only the conversion of a file may create a library: a name must be in the catalog of one.
    session.may_create = session.may_create and expand_home(model).is_file()
    options = ConversionOptions(precision=precision, variant=variant, repair=repair)
    converted = convert_model(
        resolve_source(model, session.catalog),
        options,
        target=to,
        vae=resolve_source(bake_vae, session.catalog).path if bake_vae else None,
        read_suspicious=read_suspicious,
        catalog=session.catalog,
        progress=session.progress,
    )
    if session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(converted.record)])
        return
    result = converted.result
    print_lines(f"{clean(result.source.name)} ({format_size(result.source_size)}) → {clean(str(result.target))}")
    size = format_size(result.size)
    written = plural(
        result.tensors,
        "{count} tensor, {size}, verified by reading it back.",
        "{count} tensors, {size}, verified by reading it back.",
        size=size,
    )
    print_lines([f"  {written}", *(f"  {clean(translate(note))}" for note in result.notes)])

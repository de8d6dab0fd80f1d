"""`modelhub list`: the models of the catalog as a table that fits the terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.output import print_json
from modelhub.cli.session import Session
from modelhub.domain import ModelType, Style, Variant

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _values(kind: type[ModelType] | type[Style] | type[Variant]) -> str:
    return "|".join(kind)


@app.command()
def list_(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(metavar="[QUERY]", help="Part of the name.")] = "",
    type_: Annotated[
        ModelType | None, typer.Option("--type", metavar="TYPE", help=f"One of {_values(ModelType)}.")
    ] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", metavar="NAME", help="sd1, sd2, sdxl, flux …")
    ] = None,
    style: Annotated[Style | None, typer.Option("--style", metavar="STYLE", help=f"One of {_values(Style)}.")] = None,
    variant: Annotated[
        Variant | None, typer.Option("--variant", metavar="VARIANT", help=f"One of {_values(Variant)}.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", metavar="NAME", help="fp32, fp16, bf16, fp8 …")
    ] = None,
    trigger: Annotated[str | None, typer.Option("--trigger", metavar="WORD", help="Models woken by this word.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Models with this tag.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only models whose file is not where it was.")] = False,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="What is held more than once; see --level.")] = False,
    level: Annotated[
        str,
        typer.Option("--level", metavar="LEVEL", help="With --duplicates: file, weights, unet, vae or text_encoder."),
    ] = "file",
    sort: Annotated[
        str, typer.Option("--sort", metavar="KEY", help="name, type, architecture, size or added.")
    ] = "name",
    reverse: Annotated[bool, typer.Option("--reverse", help="Turn the order round.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many.")] = None,
) -> None:
    """List the models of the catalog.

    Example: modelhub list --type lora --architecture sdxl
    """
    from modelhub.catalog import ModelQuery
    from modelhub.cli.views.models import print_models

    session: Session = ctx.obj
    if duplicates:
        from modelhub.cli.views.duplicates import show_duplicates

        show_duplicates(session, level)
        return
    rows_query = ModelQuery(
        text=query or None,
        type=type_.value if type_ else None,
        architecture=architecture,
        style=style.value if style else None,
        variant=variant.value if variant else None,
        precision=precision,
        trigger=trigger,
        tag=tag,
        missing=missing,
        sort=sort,
        reverse=reverse,
        limit=limit,
    )
    if session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(record) for record in session.catalog.records(rows_query)])
        return
    rows = list(session.catalog.list(rows_query))
    print_models(rows)

"""`modelhub list`: the models of the catalog as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelhub.cli.arguments.word_options import word_option
from modelhub.cli.model_arguments import ModelsCommand, complete_models
from modelhub.cli.output import print_json
from modelhub.cli.session import Session
from modelhub.domain import ModelType, Style, Variant
from modelhub.words import WordKind

if TYPE_CHECKING:
    from modelhub.catalog import ModelQuery

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _values(kind: Iterable[str]) -> str:
    return "|".join(kind)


TYPE_OPTION = word_option(
    "--type", ModelType, WordKind.TYPE, name="type", metavar="TYPE", help=f"One of {_values(ModelType)}."
)
STYLE_OPTION = word_option(
    "--style", Style, WordKind.STYLE, name="style", metavar="STYLE", help=f"One of {_values(Style)}."
)
VARIANT_OPTION = word_option(
    "--variant", Variant, WordKind.VARIANT, name="variant", metavar="VARIANT", help=f"One of {_values(Variant)}."
)


@app.command(cls=ModelsCommand)
def list_(
    ctx: typer.Context,
    query: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUERY...]",
            help="Words, and terms such as `type:lora`; all must match.",
            autocompletion=complete_models,
        ),
    ] = None,
    type_: Annotated[ModelType | None, TYPE_OPTION] = None,
    architecture: Annotated[
        str | None, typer.Option("--architecture", metavar="NAME", help="sd1, sd2, sdxl, flux …")
    ] = None,
    style: Annotated[Style | None, STYLE_OPTION] = None,
    variant: Annotated[Variant | None, VARIANT_OPTION] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", metavar="NAME", help="fp32, fp16, bf16, fp8 …")
    ] = None,
    trigger: Annotated[
        str | None, typer.Option("--trigger", metavar="WORD", help="Models with this trigger word.")
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Models with this tag.")] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only models whose file is not where it was.")] = False,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Groups of equal content; see --level.")] = False,
    level: Annotated[
        str,
        typer.Option("--level", metavar="LEVEL", help="With --duplicates: file, weights, unet, vae or text_encoder."),
    ] = "file",
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="KEY", help="name, type, architecture, size, added or relevance.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most this many.")] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.html", help="Write a page of these models, to open in a browser."),
    ] = None,
) -> None:
    """List the models of the catalog.

    QUERY is made of words and terms that must all match. A word is looked for in names, trigger words, tags and notes.
    Terms: type: arch: style: variant: precision: format: name: tag: trigger: source: root: path: state:missing
    verdict:dangerous broken:yes duplicate:yes rendered:ok|bad|never size:>2G added:>2026-11-01 added:<30d sort:size-

    A term with `-` in front must not match; quotes keep words together. docs/queries.md has more examples.

    Example: modelhub list type:lora arch:sdxl -tag:draft sort:size-
    """
    from modelhub.cli.views.models import print_models

    session: Session = ctx.obj
    flags = {
        "type": type_,
        "arch": architecture,
        "style": style,
        "variant": variant,
        "precision": precision,
        "trigger": trigger,
        "tag": tag,
    }
    chosen = _query(session, query or [], flags, missing=missing, sort=sort, reverse=reverse, limit=limit)
    if report is not None:
        from modelhub.cli.views.library_page import write_page

        terms = [f"{field}:{value}" for field, value in flags.items() if value is not None]
        words = [*(query or []), *terms, *(["-state:present"] if missing else [])]
        write_page(session, chosen, report, shown_query=" ".join(words), duplicates=duplicates)
        if not session.json:
            return
    if duplicates:
        from modelhub.cli.views.duplicates import show_duplicates

        show_duplicates(session, level, chosen)
    elif session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(record) for record in session.catalog.records(chosen)])
    else:
        rows = session.catalog.list(chosen)
        print_models(rows, session.catalog, query=chosen)
        if not rows and query:
            from modelhub.cli.views.suggested_terms import suggest_command

            suggest_command("list", query, session.catalog)


def _query(
    session: Session,
    words: list[str],
    flags: dict[str, str | None],
    *,
    missing: bool,
    sort: str | None,
    reverse: bool,
    limit: int | None,
) -> ModelQuery:
    """Return the query of the words, with each flag as one more term."""
    from dataclasses import replace

    from modelhub.catalog.query_parser import make_term, sort_order
    from modelhub.operations.library.selection import checked_query, query_from_arguments

    query = query_from_arguments(words, catalog=session.catalog)
    terms = [make_term(field, value) for field, value in flags.items() if value is not None]
    if missing:
        terms.append(make_term("state", "present", negated=True))
    if terms:
        query = checked_query(replace(query, terms=(*query.terms, *terms)), catalog=session.catalog)
    if sort is not None:
        key, backwards = sort_order(sort)
        query = replace(query, sort=key, reverse=backwards)
    return replace(query, reverse=query.reverse is not reverse, limit=limit)

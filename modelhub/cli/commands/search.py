"""`modelhub search`: full text over names, trigger words, tags and notes, best matches first."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.model_arguments import ModelsCommand, complete_models
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def search(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS...",
            help="Words, and terms such as `type:lora`; all must match.",
            autocompletion=complete_models,
        ),
    ],
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most this many.")] = 50,
) -> int:
    """Find models by name, trigger word, tag or note; those whose name matches come first.

    Example: modelhub search red dress type:lora
    """
    from dataclasses import replace

    from modelhub.cli.output import print_json
    from modelhub.cli.views.models import print_models
    from modelhub.cli.views.suggested_terms import suggest_command
    from modelhub.errors import Exit
    from modelhub.operations.library.selection import query_from_arguments

    session: Session = ctx.obj
    query = query_from_arguments(["sort:relevance", *words], catalog=session.catalog)
    query = replace(query, limit=limit)
    if session.json:
        from modelhub.documents.model import model_document

        found = session.catalog.records(query)
        print_json([model_document(record) for record in found])
        return Exit.OK if found else Exit.NOT_FOUND
    rows = session.catalog.list(query)
    print_models(rows, session.catalog, query=query)
    if not rows:
        suggest_command("search", words, session.catalog)
    return Exit.OK if rows else Exit.NOT_FOUND

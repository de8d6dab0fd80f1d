"""`modelhub search`: full text over names, trigger words, tags and notes."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def search(
    ctx: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS...", help="All of them must occur.")],
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most this many.")] = 50,
) -> int:
    """Find models by name, trigger word, tag or note.

    Example: modelhub search red dress
    """
    from modelhub.cli.output import print_json
    from modelhub.cli.views.models import print_models
    from modelhub.errors import Exit

    session: Session = ctx.obj
    rows = session.catalog.search(" ".join(words), limit=limit)
    if session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(session.catalog.get(row.id)) for row in rows])
    else:
        print_models(rows)
    return Exit.OK if rows else Exit.NOT_FOUND

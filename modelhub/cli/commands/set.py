"""`modelhub set`: the user's own words about a model; they win over what was detected, for good."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def set_(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, part of it, id, path or hash.")],
    assignments: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="An empty value gives the detected one back.")
    ],
) -> None:
    """Set your own words for a model: name, type, architecture, style, triggers, notes …

    Example: modelhub set mylora style=anime triggers="red dress, hat" notes="best at 0.7"
    """
    from modelhub.cli.output import print_json
    from modelhub.cli.references import one_model
    from modelhub.operations.library.user_fields import set_user_fields

    session: Session = ctx.obj
    record = one_model(session, model)
    record = set_user_fields(record, assignments, catalog=session.catalog)
    if session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(record)])
        return
    words = ", ".join(f"{field}={value}" for field, value in record.overrides.items()) or "nothing"
    print(f"{record.name}: your own words are {words}.")

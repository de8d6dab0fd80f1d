"""`modelhub set`: the user's own values for a model, which override detection."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.model_arguments import MODEL_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def set_(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP, autocompletion=complete_models)],
    assignments: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE...", help="An empty value restores the detected one.")
    ],
) -> None:
    """Set your own values for a model.

    The keys are name, type, architecture, subtype, style, triggers, notes, variant and prediction. Your values
    override detection, now and later. More terms may follow a term, as in `type:lora arch:sdxl style=anime`.

    Example: modelhub set mylora style=anime triggers="red dress, hat" notes="best at 0.7"
    """
    from modelhub.cli.model_arguments import split_terms
    from modelhub.cli.output import clean, print_json, print_lines
    from modelhub.errors import UsageError
    from modelhub.language import _
    from modelhub.operations.library.selection import chosen_models
    from modelhub.operations.library.user_fields import parse_assignments, set_user_fields

    session: Session = ctx.obj
    models, pairs = split_terms(model, assignments)
    parse_assignments(pairs)
    if not pairs:
        raise UsageError("No value was given to set.", "Add one, such as `style=anime`.")
    records = chosen_models(models, catalog=session.catalog)
    records = [set_user_fields(record, pairs, catalog=session.catalog) for record in records]
    if session.json:
        from modelhub.documents.model import model_document

        print_json([model_document(record) for record in records])
        return
    for record in records:
        values = ", ".join(f"{field}={value}" for field, value in record.overrides.items())
        if values:
            print_lines(clean(_("{name}: your values: {values}", name=record.name, values=values)))
        else:
            print_lines(clean(_("{name}: your values: none", name=record.name)))

"""`modelhub show`: everything known about a model, and how to use it."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def show(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name, part of it, id, path or hash.")],
    why: Annotated[bool, typer.Option("--why", help="Show the evidence of every answer.")] = False,
) -> None:
    """Show everything known about a model, and how to use it.

    Example: modelhub show v1-5-pruned-emaonly --why
    """
    from modelhub.cli.output import print_json
    from modelhub.cli.references import one_model

    session: Session = ctx.obj
    record = one_model(session, model)
    runs = session.catalog.render_runs(record.id)
    if session.json:
        from modelhub.cli.views.render_test import run_to_json
        from modelhub.documents.model import SharedComponentDocument, shown_model_document
        from modelhub.operations.library.shared_weights import models_sharing_weights

        same = tuple(
            SharedComponentDocument(component=item.component, model_id=item.model_id, name=item.name, level=item.level)
            for item in models_sharing_weights(record, catalog=session.catalog)
        )
        rendered = run_to_json(record, runs[0], session.settings.library) if runs else None
        print_json([shown_model_document(record, same_as=same, render_test=rendered)])
        return
    from modelhub.cli.views.details import record_lines
    from modelhub.cli.views.render_test import proof_lines
    from modelhub.operations.library.advice import fitting_bases, how_to_use
    from modelhub.operations.library.shared_weights import describe_shared_weights

    bases = fitting_bases(record, catalog=session.catalog)
    kin = describe_shared_weights(record, catalog=session.catalog, library=session.settings.library)
    proof = proof_lines(runs[0], session.settings.library) if runs else ()
    print("\n".join(record_lines(record, how_to_use(record, fitting_bases=bases), proof=proof, kin=kin, why=why)))

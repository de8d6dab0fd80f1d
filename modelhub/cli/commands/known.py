"""`modelhub known`: the well-known models that modelhub knows by name."""

from __future__ import annotations

from typing import Annotated

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def known(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORDS...]", help="Parts of a name, a style, an architecture; all must match."),
    ] = None,
) -> int:
    """List the well-known models: name, style, architecture, where to pull them from, known hashes.

    `modelhub pull` accepts these names.

    Example: modelhub known anime sd1
    """
    from modelhub.cli.labels import label
    from modelhub.cli.output import Column, print_json, print_lines, table
    from modelhub.cli.quoting import quote_argument
    from modelhub.cli.screen.text_layout import shorten_start
    from modelhub.detect import KNOWN_FILES
    from modelhub.errors import Exit
    from modelhub.language import _
    from modelhub.operations.library.known_models import find_known_models, similar_words

    session: Session = ctx.obj
    rows = find_known_models(words or ())
    files = {model.name: [f for f in KNOWN_FILES if f.model == model.name] for model in rows}
    if session.json:
        from modelhub.documents.library import KnownFileDocument, KnownModelDocument

        print_json(
            [
                KnownModelDocument(
                    name=model.name,
                    style=model.style.value,
                    architecture=model.architecture,
                    source=model.source,
                    files=tuple(KnownFileDocument(file=f.file, sha256=f.sha256) for f in files[model.name]),
                )
                for model in rows
            ]
        )
        return Exit.OK if rows else Exit.NOT_FOUND
    if not rows:
        print_lines(_("No well-known model matches. `modelhub known` lists all of them."), error=True)
        for name in similar_words(words or ()):
            command = f"modelhub known {quote_argument(name)}"
            print_lines(_("Did you mean `{command}`?", command=command), error=True)
        return Exit.NOT_FOUND
    columns = (
        Column("name", flexible=True, least=12, main=True),
        Column("style", spare=1),
        Column("arch"),
        Column("pull from", flexible=True, least=12, main=True, cut=shorten_start),
        Column("known hashes", right=True, spare=2),
    )
    places = {model.name: model.source or _("no lasting address") for model in rows}
    lines = [(m.name, label(m.style), m.architecture, places[m.name], str(len(files[m.name]) or "")) for m in rows]
    print_lines(table(columns, lines))
    # The files of the best-known ones are seldom pickles, which `pull` would refuse.
    pullable = sorted((model for model in rows if model.source), key=lambda model: len(files[model.name]))
    if pullable:
        print_lines(_("Pull one by its name, such as `modelhub pull {name}`.", name=quote_argument(pullable[-1].name)))
    return Exit.OK

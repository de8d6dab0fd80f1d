"""`modelhub verify`: check that files still hold what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

if TYPE_CHECKING:
    from modelhub.operations.library.verify import VerifiedFile

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=ModelsCommand)
def verify(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL...]", help=MODELS_HELP, autocompletion=complete_models),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Check every value for NaN, infinity and all-zero tensors.")
    ] = False,
) -> int:
    """Read every file again and compare hash and structure with the catalog's record.

    Example: modelhub verify --deep v1-5-pruned-emaonly
    """
    from modelhub.cli.output import clean, color, count_text, print_json
    from modelhub.errors import Exit
    from modelhub.operations.library.selection import chosen_models
    from modelhub.operations.library.verify import SOUND, Health
    from modelhub.operations.library.verify import verify as run

    session: Session = ctx.obj
    records = chosen_models(models or (), catalog=session.catalog)
    answers = []
    for answer in run(records, deep=deep, progress=session.progress):
        answers.append(answer)
        if session.json:
            continue
        code = "32" if answer.health is Health.OK else "33" if answer.health in SOUND else "31"
        print(f"{color(f'{answer.health.value:<10}', code)}  {clean(str(answer.path))}")
        for problem in _problems(answer):
            print(f"            {clean(problem)}")
    bad = [answer for answer in answers if answer.health not in SOUND]
    if session.json:
        from modelhub.documents.library import VerifiedDocument

        print_json(
            [
                VerifiedDocument(model=a.model.name, path=str(a.path), health=a.health.value, problems=_problems(a))
                for a in answers
            ]
        )
    else:
        verified = f"Verified {count_text(len(answers), 'file', 'files')}"
        session.progress.note(f"{verified}: {len(bad)} not sound." if bad else f"{verified}: all sound.")
    return Exit.FAILED if bad else Exit.OK


def _problems(file: VerifiedFile) -> tuple[str, ...]:
    from modelhub.cli.remedies import sentence

    return (*file.problems, *filter(None, [sentence(file.remedy)]))

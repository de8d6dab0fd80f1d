"""`modelhub verify`: check that files still hold what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelhub.cli.model_arguments import MODELS_HELP, ModelsCommand, complete_models
from modelhub.cli.session import Session

if TYPE_CHECKING:
    from modelhub.operations.library.verify import VerifiedFile

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_LABEL = 10  # columns of a result's first word
_INDENT = _LABEL + 2


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

    Exit code 1 when a file is not what was recorded or is broken, 4 when one is dangerous.

    Example: modelhub verify --deep v1-5-pruned-emaonly
    """
    from modelhub.cli.labels import label
    from modelhub.cli.output import clean, color, pad, print_json, print_lines
    from modelhub.errors import Exit, worst_exit_code
    from modelhub.language import translate
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
        print_lines(f"{color(pad(label(answer.health), _LABEL), code)}  {clean(str(answer.path))}")
        problems = (clean(translate(problem)) for problem in _problems(answer))
        print_lines((f"{'':<{_INDENT}}{problem}" for problem in problems), indent=_INDENT)
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
        session.progress.note(_sum(len(answers), len(bad)))
    return worst_exit_code(Exit.UNSAFE if answer.health is Health.DANGEROUS else Exit.FAILED for answer in bad)


def _sum(count: int, bad: int) -> str:
    """Return how many files were verified, and how many of them are not sound."""
    from modelhub.language import plural

    if not bad:
        return plural(count, "Verified {count} file: it is sound.", "Verified {count} files: all are sound.")
    return plural(
        bad,
        "Verified {total}: {count} is not sound.",
        "Verified {total}: {count} are not sound.",
        total=plural(count, "{count} file", "{count} files"),
    )


def _problems(file: VerifiedFile) -> tuple[str, ...]:
    from modelhub.cli.remedies import sentence

    return (*file.problems, *filter(None, [sentence(file.remedy)]))

"""`modelhub doctor`: check everything that modelhub depends on."""

from __future__ import annotations

import typer

from modelhub.cli.session import Session

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_GRADE, _SUBJECT = 8, 14  # columns of the words in front of a finding
_TEXT = _GRADE + _SUBJECT + 2


@app.command()
def doctor(ctx: typer.Context) -> int:
    """Check settings, library, catalog, known folders, disk space, optional packages and plug-ins.

    Example: modelhub doctor
    """
    from modelhub.cli.labels import label
    from modelhub.cli.output import clean, color, pad, print_json, print_lines
    from modelhub.cli.registry import plugins
    from modelhub.cli.remedies import sentence
    from modelhub.errors import Exit
    from modelhub.language import translate
    from modelhub.operations.library.doctor import Grade, run_checks

    session: Session = ctx.obj
    findings = list(run_checks(session.settings, command_problems=plugins().problems))
    if session.json:
        from modelhub.documents.library import FindingDocument

        print_json(
            [
                FindingDocument(subject=f.subject, grade=f.grade.value, text=f.text, advice=sentence(f.advice))
                for f in findings
            ]
        )
    else:
        colors = {Grade.GOOD: "32", Grade.NOTE: "33", Grade.BAD: "31"}
        for finding in findings:
            grade = color(pad(label(finding.grade), _GRADE), colors[finding.grade])
            subject = pad(label(finding.subject), _SUBJECT)
            print_lines(f"{grade} {subject} {clean(translate(finding.text))}", indent=_TEXT)
            if advice := sentence(finding.advice):
                print_lines(f"{'':<{_TEXT}}→ {clean(translate(advice))}", indent=_TEXT + 2)
    return Exit.FAILED if any(finding.grade is Grade.BAD for finding in findings) else Exit.OK

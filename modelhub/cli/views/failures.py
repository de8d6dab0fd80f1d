"""Show a failure while other work goes on."""

from __future__ import annotations

from modelhub.cli.errors import print_error
from modelhub.cli.output import in_a_row
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.errors import ModelhubError
from modelhub.language import _, translate
from modelhub.redaction import redact_text


def show_failure(session: Session, error: ModelhubError, *, source: str = "") -> None:
    """Print an error and what to do, or write an event where events are written. `source`: named in front of it."""
    from modelhub.cli.progress import JsonProgress

    if isinstance(session.progress, JsonProgress):
        message = f"{source}: {error.message}" if source else error.message
        session.progress.error(redact_text(message), hint=sentence(error.remedy), exit_code=int(error.code))
    else:
        summary = translate(error.summary)
        summary = _("{source}: {error}", source=source, error=summary) if source else summary
        print_error(summary, sentence(error.remedy), details=error.details)


def failure_text(error: ModelhubError) -> str:
    """Return an error and what to do in one text, as JSON has it."""
    return redact_text(f"{error.message} {sentence(error.remedy)}".strip())


def shown_failure(error: ModelhubError) -> str:
    """Return an error and what to do in one text, in the language in use."""
    return in_a_row(part for part in (shown_message(error), redact_text(translate(sentence(error.remedy)))) if part)


def shown_message(error: ModelhubError) -> str:
    """Return an error with a line for each detail, in the language in use."""
    lines = (translate(error.summary), *(f"  {translate(line)}" for line in error.details))
    return redact_text("\n".join(lines))

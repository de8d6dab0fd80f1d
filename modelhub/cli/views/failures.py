"""Show a failure while other work goes on."""

from __future__ import annotations

from modelhub.cli.errors import print_error
from modelhub.cli.remedies import sentence
from modelhub.cli.session import Session
from modelhub.errors import ModelhubError
from modelhub.redaction import redact_text


def show_failure(session: Session, error: ModelhubError) -> None:
    """Print an error and what to do, or write an event where events are written."""
    from modelhub.cli.progress import JsonProgress

    if isinstance(session.progress, JsonProgress):
        session.progress.error(redact_text(error.message), hint=sentence(error.remedy), exit_code=int(error.code))
    else:
        print_error(error.summary, sentence(error.remedy), details=error.details)


def failure_text(error: ModelhubError) -> str:
    """Return an error and what to do in one text."""
    return redact_text(f"{error.message} {sentence(error.remedy)}".strip())

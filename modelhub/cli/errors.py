"""The one place where errors become a message, a hint and an exit code; never a traceback."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

import typer

from modelhub.cli.interruption import interruption_sentence
from modelhub.cli.output import clean, print_lines
from modelhub.cli.screen.terminal import above_bars
from modelhub.errors import Exit, ModelhubError
from modelhub.language import _, translate


def print_error(message: str, hint: str = "", *, details: Iterable[str] = ()) -> None:
    """Print an error to stderr, one line for each detail, and what to do about it."""
    lines = [f"modelhub: {_shown(message)}", *(f"  {_shown(line)}" for line in details)]
    if hint:
        lines.append(f"  → {_shown(hint)}")
    print_lines(lines, indent=4, error=True)


def _shown(text: str) -> str:
    return clean(_redacted(translate(text)))


def _redacted(text: str) -> str:
    from modelhub.redaction import redact_text  # only an error or a message needs it

    return redact_text(text)


class LineFormatter(logging.Formatter):
    """A formatter whose messages, which may quote names and addresses, stay on one line and show no secrets."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of the standard library
        """Return the message, cleaned; a traceback below it keeps its lines."""
        return clean(_redacted(super().formatMessage(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """Return the traceback with each of its lines cleaned."""
        return "\n".join(map(clean, _redacted(super().formatException(ei)).split("\n")))


class _LineHandler(logging.StreamHandler[TextIO]):
    """A handler that writes to stderr, above the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        with above_bars(self.stream):
            super().emit(record)


def run_guarded(action: Callable[[], Any]) -> int:
    """Run `action` and return its exit code; every failure is printed in plain words.

    With MODELHUB_DEBUG=1, the traceback of an unexpected error is shown for a bug report.
    """
    debug = bool(os.environ.get("MODELHUB_DEBUG"))
    handler = _LineHandler()
    handler.setFormatter(LineFormatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, handlers=[handler])
    _escape_other_characters()
    try:
        result = action()
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else Exit.OK
    except ModelhubError as exc:
        from modelhub.cli.remedies import sentence

        print_error(exc.summary, sentence(exc.remedy), details=exc.details)
        return exc.code
    except (KeyboardInterrupt, typer.Abort):
        return report_interruption(None)
    except BrokenPipeError:
        # The reader (head, less) has ended. stdout is replaced so that Python can flush it without an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except typer.Exit as exc:
        return exc.exit_code
    except Exception as exc:  # noqa: BLE001 - no error may reach the user as a traceback
        return _report_unexpected(exc, debug)


def report_interruption(command: str | None) -> int:
    """Print what Ctrl-C leaves behind in a command, None for one that is not known; return the exit code."""
    print_error(interruption_sentence(command))
    return Exit.INTERRUPTED


def _escape_other_characters() -> None:
    """Write characters that the terminal's encoding lacks as escapes; they must not make printing fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report_unexpected(exc: Exception, debug: bool) -> int:
    from modelhub.cli.usage_errors import is_usage_error, wrong_usage  # only an error needs it

    if is_usage_error(exc):
        wrong = wrong_usage(exc)
        print_error(wrong.message, wrong.hint)
        if wrong.example:
            print_lines(f"  {clean(_('Example: {command}', command=wrong.example))}", error=True)
        return Exit.USAGE
    if debug:
        raise exc
    if isinstance(exc, OSError):
        # The words are the system's; they come in its language already.
        reason = exc.strerror or str(exc)
        print_error(
            _("{path}: {reason}.", path=exc.filename, reason=reason) if exc.filename else f"{reason}.",
            _("Check that the path exists and that you may read and write there."),
        )
        return Exit.FAILED
    print_error(
        _("An unexpected {error} occurred: {text}", error=type(exc).__name__, text=exc),
        _("Run again with MODELHUB_DEBUG=1 and report it as a bug."),
    )
    return Exit.FAILED

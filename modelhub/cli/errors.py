"""The one place where errors become a message, a hint and an exit code; never a traceback."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from modelhub.cli.remedies import sentence
from modelhub.errors import Exit, ModelhubError


def print_error(message: str, hint: str = "") -> None:
    """Print an error to stderr, and what to do about it."""
    print(f"modelhub: {message}", file=sys.stderr)
    if hint:
        print(f"  → {hint}", file=sys.stderr)


def run_guarded(action: Callable[[], Any]) -> int:
    """Run `action` and return its exit code; every failure is printed in plain words.

    With MODELHUB_DEBUG=1, the traceback of an unexpected error is shown for a bug report.
    """
    debug = bool(os.environ.get("MODELHUB_DEBUG"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(name)s: %(message)s")
    _escape_other_characters()
    try:
        result = action()
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else Exit.OK
    except ModelhubError as exc:
        print_error(exc.message, sentence(exc.remedy))
        return exc.code
    except (KeyboardInterrupt, typer.Abort):
        print_error("Interrupted. Nothing was lost; run the same command again to resume.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has ended. stdout is replaced so that Python can flush it without an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except typer.Exit as exc:
        return exc.exit_code
    except Exception as exc:  # noqa: BLE001 - no error may reach the user as a traceback
        return _report_unexpected(exc, debug)


def _escape_other_characters() -> None:
    """Write characters that the terminal's encoding lacks as escapes; they must not make printing fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report_unexpected(exc: Exception, debug: bool) -> int:
    show = getattr(exc, "show", None)
    if callable(show) and hasattr(exc, "exit_code"):  # wrong usage, found by the parser of arguments
        show()
        return Exit.USAGE
    if debug:
        raise exc
    if isinstance(exc, OSError):
        name = f"{exc.filename}: " if exc.filename else ""
        print_error(
            f"{name}{exc.strerror or exc}.", "Check that the path exists and that you may read and write there."
        )
        return Exit.FAILED
    print_error(
        f"An unexpected {type(exc).__name__} occurred: {exc}", "Run again with MODELHUB_DEBUG=1 and report it as a bug."
    )
    return Exit.FAILED

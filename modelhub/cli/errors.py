"""The one place where errors meet the user: a message, a hint, an exit code; never a traceback."""

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


def say(message: str, hint: str = "") -> None:
    """Print an error and what to do next to stderr."""
    print(f"modelhub: {message}", file=sys.stderr)
    if hint:
        print(f"  → {hint}", file=sys.stderr)


def guarded(action: Callable[[], Any]) -> int:
    """Run `action`; its exit code, with every failure told in plain words.

    MODELHUB_DEBUG=1 shows the traceback of an error nobody foresaw, for a bug report.
    """
    debug = bool(os.environ.get("MODELHUB_DEBUG"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(name)s: %(message)s")
    _accept_every_name()
    try:
        result = action()
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else Exit.OK
    except ModelhubError as exc:
        say(exc.message, sentence(exc.remedy))
        return exc.code
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted; nothing is lost, the same command goes on where it stopped.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone: nobody is left to tell, and Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except typer.Exit as exc:
        return exc.exit_code
    except Exception as exc:  # noqa: BLE001 - the last line before the user
        return _unforeseen(exc, debug)


def _accept_every_name() -> None:
    """A terminal's encoding may lack a name's characters: then they are written as escapes, never refused."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unforeseen(exc: Exception, debug: bool) -> int:
    show = getattr(exc, "show", None)
    if callable(show) and hasattr(exc, "exit_code"):  # wrong usage, found by the argument parser
        show()
        return Exit.USAGE
    if debug:
        raise exc
    if isinstance(exc, OSError):
        name = f"{exc.filename}: " if exc.filename else ""
        say(f"{name}{exc.strerror or exc}", "Check that the path exists and that you may read and write there.")
        return Exit.FAILED
    say(f"unexpected {type(exc).__name__}: {exc}", "This is a bug. Run again with MODELHUB_DEBUG=1 and report it.")
    return Exit.FAILED

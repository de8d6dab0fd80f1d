"""Errors that speak to the user: what failed, which file, what to do next.

The exit codes are those of the command line's contract; `cli/errors.py` is the one place that catches these.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNSAFE = 4
    ACCESS = 5
    NETWORK = 6
    INTERRUPTED = 130


def gravest(codes: Iterable[Exit]) -> Exit:
    """The exit code of a run of many things: something unsafe before all, else the greatest, OK for none."""
    return max(codes, key=lambda code: (code is Exit.UNSAFE, code), default=Exit.OK)


class ModelhubError(Exception):
    """Something asked for could not be done.

    `message` says what failed and names the file or source; `hint` says what to do next ("" when there is nothing).
    """

    code: Exit = Exit.FAILED

    def __init__(self, message: str, hint: str = "", *, code: Exit | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class UsageError(ModelhubError):
    """The words of the command, the configuration or a source cannot be understood."""

    code = Exit.USAGE


class NotFoundError(ModelhubError):
    """A model, file, repository or revision is not there."""

    code = Exit.NOT_FOUND


class UnsafeError(ModelhubError):
    """Refused because the content could run code or could not be shown to be harmless."""

    code = Exit.UNSAFE


class AccessError(ModelhubError):
    """A token, a login or an accepted licence is needed."""

    code = Exit.ACCESS


class NetworkError(ModelhubError):
    """The network or the remote failed."""

    code = Exit.NETWORK

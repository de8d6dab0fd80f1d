"""The errors that modelhub raises: what failed and what to do next, as data that every front end can word.

The exit codes are those of the command line; `cli/errors.py` is the one place that catches these errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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


def worst_exit_code(codes: Iterable[Exit]) -> Exit:
    """Return the exit code for a batch: UNSAFE before all others, else the greatest; OK for an empty one."""
    return max(codes, key=lambda code: (code is Exit.UNSAFE, code), default=Exit.OK)


@dataclass(frozen=True, slots=True)
class Remedy:
    """An action that the user can take about an error.

    `text` is a sentence that holds for every front end: it names no flag and no command. A remedy that a front end
    words in its own way has a `key`, such as "go-online", and the `values` that these words need; the command line's
    words are in `cli/remedies.py`.
    """

    text: str = ""
    key: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.text or self.key)


GO_ONLINE = Remedy("Try again when online.", "go-online")


class ModelhubError(Exception):
    """A request that failed.

    `summary` states what failed and names the file or source, in one line; `details` are the lines of a list below it,
    such as what was found, and `message` is both. `remedy` states what to do next, and is empty when nothing can be
    done. A remedy given as text is one without a key.
    """

    code: Exit = Exit.FAILED

    def __init__(
        self, summary: str, remedy: Remedy | str = "", *, code: Exit | None = None, details: Iterable[str] = ()
    ) -> None:
        self.summary = summary
        self.details = tuple(details)
        self.message = "\n".join((summary, *(f"  {line}" for line in self.details)))
        super().__init__(self.message)
        self.remedy = Remedy(remedy) if isinstance(remedy, str) else remedy
        if code is not None:
            self.code = code

    def replace_text(self, old: str, new: str) -> None:
        """Replace a text in the message, such as a path that the user does not know."""
        self.summary = self.summary.replace(old, new)
        self.message = self.message.replace(old, new)
        self.args = (self.message,)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy.text}".strip()


class UsageError(ModelhubError):
    """A request, a setting or a source that is not valid."""

    code = Exit.USAGE


class NotFoundError(ModelhubError):
    """A model, file, repository or revision that does not exist."""

    code = Exit.NOT_FOUND


class UnsafeError(ModelhubError):
    """Content that is refused because it could run code or could not be shown to be harmless."""

    code = Exit.UNSAFE


class AccessError(ModelhubError):
    """A missing token, login or accepted license."""

    code = Exit.ACCESS


class NetworkError(ModelhubError):
    """A failure of the network or of the remote."""

    code = Exit.NETWORK

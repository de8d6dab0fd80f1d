"""The lock of the loading process: an audit hook that records whatever a load would do, and prevents it.

Reading the candidate and reading or importing installed library code is harmless; everything else is recorded as a
violation and stopped by an exception before it happens.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from typing import Any

from modelhub.formats.pickles.arguments import words
from tests.safety.law.names import AllowedNames, Name

# Events without an effect outside the interpreter.
_HARMLESS = words(
    "import pickle.find_class sys._getframe sys._getframemodulename object.__getattr__ builtins.id array.__new__"
    " cpython.PyInterpreterState_New gc.get_objects sys.unraisablehook code.__new__"
)
# Events of an import; harmless only while the import system runs them.
_IMPORTING = words("exec compile marshal.loads marshal.load os.listdir os.scandir ctypes.dlopen")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LIBRARIES = tuple(
    {
        os.path.realpath(folder) + os.sep
        for folder in (
            sys.prefix,
            sys.base_prefix,
            sysconfig.get_paths()["stdlib"],
            sysconfig.get_paths()["purelib"],
            os.path.dirname(os.path.dirname(os.__file__)),
        )
    }
)


class PreventedError(BaseException):
    """An act of a candidate, stopped before it happened. Not an Exception, so that no loader continues after it."""


class Watch:
    """The rules for the current load. `permissive`: names outside the lists are recorded, but not prevented."""

    def __init__(self, names: AllowedNames, report: Callable[[str, str], None]) -> None:
        self.names = names
        self.report = report
        self.armed = False
        self.permissive = False
        self.candidate = ""

    def start(self, candidate: str, *, permissive: bool = False) -> None:
        """Watch a load of `candidate`."""
        self.candidate = os.path.realpath(candidate)
        self.permissive = permissive
        self.armed = True

    def stop(self) -> None:
        """End the watch."""
        self.armed = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Handle one audit event of the interpreter. Raise PreventedError where the law forbids it."""
        if not self.armed:
            return
        self.armed = False
        try:
            self._handle(event, arguments)
        finally:
            self.armed = True

    def _handle(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "pickle.find_class":
            self.check_name((str(arguments[0]), str(arguments[1])))
        elif event == "open":
            if not self._may_open(*arguments):
                self._forbid(event, arguments)
        elif event in _IMPORTING:
            if not _is_importing() and not _is_literal(event, arguments):
                self._forbid(event, arguments)
        elif event not in _HARMLESS:
            self._forbid(event, arguments)

    def check_name(self, name: Name) -> None:
        """Check a name that a pickle looks up, as it is written in the file."""
        if self.names.may_name(name):
            return
        self.report("name", ".".join(name))
        if not self.permissive:
            raise PreventedError(f"It looks up {name}.")

    def record_call(self, detail: str) -> None:
        """Record a call that no list allows, and prevent it."""
        if self.armed:
            self.report("call", detail)
            raise PreventedError(f"It calls {detail}.")

    def _may_open(self, path: Any, mode: Any, flags: Any) -> bool:
        if (isinstance(flags, int) and flags & _WRITING) or (isinstance(mode, str) and set(mode) & set("wax+")):
            return False
        if isinstance(path, int):
            return True  # a descriptor that is open already
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        real = os.path.realpath(os.fsdecode(path))
        return real == self.candidate or real.startswith(_LIBRARIES)

    def _forbid(self, event: str, arguments: tuple[Any, ...]) -> None:
        shown = ", ".join(repr(argument)[:80] for argument in arguments[:4])
        self.report("act", f"{event}({shown})")
        raise PreventedError(f"It raises the audit event {event}.")


def _is_literal(event: str, arguments: tuple[Any, ...]) -> bool:
    """Return whether numpy parses the header of an array, which makes a tree and runs nothing."""
    return event == "compile" and arguments[1] == "<unknown>" and sys._getframe(3).f_code.co_filename.endswith("ast.py")


def _is_importing() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False

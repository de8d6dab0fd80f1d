"""Numbers and texts as pickles write them, for the handlers of `opcodes`."""

from __future__ import annotations

import codecs
import pickle
import re
from collections.abc import Callable

from modelhub.formats.pickles.machine import PickleMachine
from modelhub.formats.pickles.placeholders import (
    Global,
    LimitError,
    OpaqueObject,
    SkippedBytes,
    TruncatedError,
    WalkError,
)

Handler = Callable[[PickleMachine], None]
_MAX_DIGITS = 1000  # of one integer; CPython converts 4300
_INTEGER = re.compile(rb"-?(0|[1-9][0-9]*)")  # as every machine reads it: others take octal, hexadecimal, "1_0" too
# The other forms that some machine reads, with blanks around them; a longer number may be one.
_ODD_INTEGER = re.compile(rb"\s*[+-]?(0[xX][0-9a-fA-F_]*|0[oObB][0-7_]*|[0-9][0-9_]*|)\s*[lL]?\s*")
_NUMBER_START = re.compile(rb"[\s0-9_.eExX+-]+")  # of a line that is too long
_LONGEST_INTEGER = 400  # bytes of a number in binary form that is kept; no model has a longer one
_LONG_NUMBER = Global("", "a number too long to keep")


def integer(line: bytes | SkippedBytes) -> int:
    """Return the number in a line. Raise LimitError where a loader may read one in it nevertheless."""
    text = "A number is not written as pickles write it."
    if isinstance(line, SkippedBytes) or (len(line) > _MAX_DIGITS and _ODD_INTEGER.fullmatch(line)):
        raise LimitError(text)
    if not _INTEGER.fullmatch(line):
        raise LimitError(text) if line.strip() and _ODD_INTEGER.fullmatch(line) else WalkError(text)
    return int(line)


def number_line(machine: PickleMachine) -> bytes | SkippedBytes:
    """Return a line that holds a number; one that is too long only where its start is that of a number."""
    reader = machine.reader
    try:
        return reader.line()
    except TruncatedError:
        raise
    except WalkError:  # longer than any number
        if not _NUMBER_START.fullmatch(reader.data, reader.position, reader.position + _MAX_DIGITS):
            raise
        return reader.text_line()


def float_line(machine: PickleMachine) -> None:
    line = number_line(machine)
    if isinstance(line, SkippedBytes):
        raise LimitError("A number is not written as pickles write it.")
    machine.stack.append(float(line))


def int_line(machine: PickleMachine) -> None:
    line = number_line(machine)
    if isinstance(line, SkippedBytes):
        raise LimitError("A number is not written as pickles write it.")
    machine.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else integer(line))


def long(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        length = machine.number(width)
        if length >= 1 << 31:
            raise WalkError("A number has a negative length.")
        data = machine.reader.content(length)
        kept = not isinstance(data, SkippedBytes) and length <= _LONGEST_INTEGER
        # Not bytes: `bytes(number)` would fill the memory.
        machine.stack.append(pickle.decode_long(data) if kept else OpaqueObject(_LONG_NUMBER, ()))

    return handle


def long_line(machine: PickleMachine) -> None:
    line = number_line(machine)
    machine.stack.append(integer(line if isinstance(line, SkippedBytes) else line.removesuffix(b"L")))


def string_line(machine: PickleMachine) -> None:
    line = machine.reader.text_line()
    if isinstance(line, SkippedBytes):
        machine.stack.append(line)
        return
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise WalkError("A text has no quotes.")
    machine.stack.append(codecs.escape_decode(line[1:-1])[0].decode("latin1"))


def unicode_line(machine: PickleMachine) -> None:
    line = machine.reader.text_line()
    machine.stack.append(line if isinstance(line, SkippedBytes) else line.decode("raw-unicode-escape"))


def text(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        data = machine.reader.content(machine.number(width))
        machine.stack.append(data if isinstance(data, SkippedBytes) else data.decode("utf-8", "surrogatepass"))

    return handle


def old_text(width: int) -> Handler:
    """Read a string of Python 2, which is bytes in an unstated encoding."""

    def handle(machine: PickleMachine) -> None:
        data = machine.reader.content(machine.number(width))
        machine.stack.append(data if isinstance(data, SkippedBytes) else data.decode("latin1"))

    return handle


def content(width: int) -> Handler:
    return lambda machine: machine.stack.append(machine.reader.content(machine.number(width)))

"""Numbers and texts as pickles write them, for the handlers of `opcodes`."""

from __future__ import annotations

import codecs
import pickle
import re
from collections.abc import Callable

from modelhub.formats.pickles.machine import PickleMachine
from modelhub.formats.pickles.placeholders import SkippedBytes, WalkError

Handler = Callable[[PickleMachine], None]
_MAX_DIGITS = 1000  # of one integer; CPython converts 4300
_INTEGER = re.compile(rb"-?(0|[1-9][0-9]*)")  # as every machine reads it: others take octal, hexadecimal, "1_0" too


def integer(line: bytes) -> int:
    if len(line) > _MAX_DIGITS or not _INTEGER.fullmatch(line):
        raise WalkError("A number is not written as pickles write it.")
    return int(line)


def int_line(machine: PickleMachine) -> None:
    line = machine.reader.line()
    machine.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else integer(line))


def long(width: int) -> Handler:
    def handle(machine: PickleMachine) -> None:
        length = machine.number(width)
        if length >= 1 << 31:
            raise WalkError("A number has a negative length.")
        data = machine.reader.content(length)
        machine.stack.append(data if isinstance(data, SkippedBytes) or length > 400 else pickle.decode_long(data))

    return handle


def string_line(machine: PickleMachine) -> None:
    line = machine.reader.line()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise WalkError("A text has no quotes.")
    machine.stack.append(codecs.escape_decode(line[1:-1])[0].decode("latin1"))


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

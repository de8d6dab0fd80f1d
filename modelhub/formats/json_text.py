"""JSON in bytes, followed token by token as serde_json reads it: bounded in time, memory, depth and digits.

Python's own parser reads more than the reference library of safetensors does (lone surrogates, NaN, integers of any
size), and needs memory in proportion to the number of values. Source: serde_json 1.0, measured with safetensors 0.8.0.
"""

from __future__ import annotations

import codecs
import re
from math import isinf

SPACE = rb"[ \t\n\r]*+"
# A text with its quotes; \u escapes are whole characters, never half of a surrogate pair.
_ESCAPE = (
    rb'\\(?:["\\/bfnrt]|u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}'
    rb"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
_TEXT_BODY = rb'"(?:[^"\\\x00-\x1f]++|' + _ESCAPE + rb")*+"
TEXT = _TEXT_BODY + rb'"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"

MAX_DEPTH = 127  # containers within containers; serde_json refuses the next
MAX_DIGITS = 1000  # characters of a number
MAX_VALUES = 300_000  # values that are skipped in one header
_BRACE, _BRACKET, _COMMA = b"}],"
_CHUNK = 1 << 20  # bytes that are decoded at a time
_SHOWN = 12  # bytes of wrong text that a message quotes

_SPACES = re.compile(SPACE)
_BODY = re.compile(_TEXT_BODY)
# One value, or the beginning of a container, and what follows it.
_VALUE = re.compile(
    SPACE + rb"(?:(?P<text>" + TEXT + rb")|(?P<number>" + _NUMBER + rb")|true|false|null|(?P<open>[\[{]))" + SPACE
)
_KEY = re.compile(SPACE + rb"(?P<text>" + TEXT + rb")" + SPACE + rb":")
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class JsonError(Exception):
    """A reason why bytes are not JSON that loaders read, as a sentence."""


class Budget:
    """The number of values that may still be skipped in one header."""

    def __init__(self) -> None:
        self.left = MAX_VALUES


def check_utf8(data: bytes | bytearray, start: int, end: int, *, name: str) -> None:
    """Raise JsonError at the first byte that is not UTF-8. Decode piece by piece, so that memory stays small."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    for begin in range(start, end, _CHUNK):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(view[begin : min(begin + _CHUNK, end)], begin + _CHUNK >= end)
        except UnicodeDecodeError as exc:
            raise JsonError(f"{name} is not UTF-8 text (byte {begin - held + exc.start}).") from exc


def skip_spaces(data: bytearray, position: int, end: int) -> int:
    """Return the position of the first byte that is not a blank."""
    matched = _SPACES.match(data, position, end)
    return matched.end() if matched else position


def skip_value(data: bytearray, position: int, end: int, *, depth: int, budget: Budget) -> int:
    """Return the position after one value and the blanks behind it; `depth`: containers that it is in.

    Raise JsonError when it is not JSON, nested too deep, or more than any model has.
    """
    closers = bytearray()
    while True:
        budget.left -= 1
        if budget.left < 0:
            raise JsonError(
                f"The header has too many values besides its tensors (byte {position}); it is larger than any model's."
            )
        found = _VALUE.match(data, position, end)
        if found is None:
            raise syntax_error(data, position, end)
        position = found.end()
        if (kind := found.lastgroup) == "number":
            _check_number(data, *found.span("number"))
        elif kind == "open":
            if depth + len(closers) >= MAX_DEPTH:
                raise JsonError(f"The header is nested deeper than {MAX_DEPTH} levels (byte {position}).")
            is_object = found["open"] == b"{"
            closers.append(_BRACE if is_object else _BRACKET)
            if position >= end or data[position] != closers[-1]:
                position = _skip_key(data, position, end) if is_object else position
                continue
        while closers:
            following = data[position] if position < end else 0
            if following == _COMMA:
                position += 1
                position = _skip_key(data, position, end) if closers[-1] == _BRACE else position
                break
            if following != closers[-1]:
                raise syntax_error(data, position, end)
            closers.pop()
            position = skip_spaces(data, position + 1, end)
        if not closers:
            return position


def _skip_key(data: bytearray, position: int, end: int) -> int:
    found = _KEY.match(data, position, end)
    if found is None:
        raise syntax_error(data, position, end)
    return found.end()


def _check_number(data: bytearray, begin: int, end: int) -> None:
    if end - begin > MAX_DIGITS:
        raise JsonError(f"The number at byte {begin} has {end - begin} characters, which is larger than any model's.")
    if isinf(float(data[begin:end])):
        raise JsonError(f"The number at byte {begin} is out of range.")


def syntax_error(data: bytearray, position: int, end: int) -> JsonError:
    """Return the error for text at `position` that is not JSON: where it begins to be wrong, and how."""
    position = skip_spaces(data, position, end)
    body = _BODY.match(data, position, end)
    if body is not None and data[body.end() : body.end() + 1] != b'"':
        return _text_error(data, position, body.end(), end)
    if position >= end:
        return JsonError(f"The header is not valid JSON: it breaks off at byte {position}.")
    if body is not None:
        position = skip_spaces(data, body.end() + 1, end)
    shown = bytes(data[position : min(position + _SHOWN, end)]).decode("utf-8", "replace")
    return JsonError(f"The header is not valid JSON: {shown!r} at byte {position} is not allowed there.")


def _text_error(data: bytearray, begin: int, position: int, end: int) -> JsonError:
    if position >= end:
        return JsonError(f"The header is not valid JSON: the text that begins at byte {begin} does not end.")
    if _HALF_PAIR.match(data, position, end):
        return JsonError(f"The header is not valid JSON: the escape at byte {position} is half of a surrogate pair.")
    what = "escape" if data[position] == b"\\"[0] else "control character"
    return JsonError(f"The header is not valid JSON: the {what} at byte {position} is not allowed in a text.")

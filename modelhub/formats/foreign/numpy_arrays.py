"""Arrays in numpy's own format (.npy): the header is read as numpy does, and pickles in the data are located.

Source: `numpy.lib.format`, versions 1.0, 2.0 and 3.0. An array of Python objects is a pickle after the header.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

MAGIC = b"\x93NUMPY"
_MAX_HEADER = 1 << 16  # bytes; numpy itself refuses more than 10,000 unless pickles are allowed
_MAX_BRACKETS = 64  # nested, in a header
_MAX_DEPTH = 16  # nested structured types
_MAX_FIELDS = 4096  # of all structured types together
_MAX_ARRAYS = 64  # that follow one another in a file
_KEYS = {"descr", "fortran_order", "shape"}
# Version → bytes of the header's length, and the header's encoding.
_VERSIONS = {(1, 0): (2, "latin1"), (2, 0): (4, "latin1"), (3, 0): (4, "utf-8")}
# Types whose elements are plain bytes, as numpy 2.4 spells them, and the bytes of one element.
_PLAIN = re.compile(
    r"[<>=|]?(?:(?P<letter>[?bBhHiIqQefdFDpPc])|b(?P<bool>1)|[iu](?P<int>[1248])|f(?P<float>2|4|8|12|16)"
    r"|c(?P<complex>8|16|24|32)|(?P<text>[SaVU])(?P<length>\d{0,9})|(?P<time>[Mm])8(?:\[[0-9a-zA-Z/]{1,24}\])?)"
)
_LETTERS = dict(zip("?bBhHiIqQefdFDpPc", (1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8, 8, 16, 8, 8, 1), strict=True))
_NAMES = {"bool": 1, "float16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16} | {
    f"{sign}int{bits}": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)
}


@dataclass(frozen=True, slots=True)
class ArrayScan:
    """The result of a look into a file of arrays.

    `pickles`: the bytes in the file at which numpy starts to unpickle. `findings`: (severity, sentence) pairs.
    """

    findings: tuple[tuple[str, str], ...] = ()
    pickles: tuple[int, ...] = ()


class _ArrayError(Exception):
    """A reason why a header is not one that numpy reads, as a sentence."""


class _ObjectsError(Exception):
    """The type holds Python objects, or may hold them."""


def scan_arrays(file: BinaryIO, size: int, place: str) -> ArrayScan:
    """Look at the arrays that follow one another in a file of `size` bytes; `place` names the file in findings."""
    position = 0
    for _ in range(_MAX_ARRAYS):
        try:
            start, end = _read_array(file, position)
        except _ArrayError as exc:
            text = f"{place} has an array at byte {position} whose header cannot be read. {exc}"
            return ArrayScan((("suspicious", text),), (_data_start(file, position),))
        if end is None:
            text = f"{place} holds Python objects at byte {start}; numpy loads them with pickle."
            return ArrayScan((("suspicious", text),), (start,))
        if end > size:
            text = f"{place} ends after {size} bytes, its array at byte {end}."
            return ArrayScan((("suspicious", text),))
        if end == size:
            return ArrayScan()
        file.seek(end)
        if file.read(len(MAGIC)) != MAGIC:
            text = f"{place}: {size - end} bytes follow the end of the array at byte {end}."
            return ArrayScan((("suspicious", text),), (end,))
        position = end
    return ArrayScan((("suspicious", f"{place} holds more than {_MAX_ARRAYS} arrays."),))


def _read_array(file: BinaryIO, position: int) -> tuple[int, int | None]:
    """Return the bytes at which the data starts and ends; the end is None where the data is a pickle."""
    header, start = _read_header(file, position)
    values = _literal(header)
    if not isinstance(values, dict) or values.keys() != _KEYS:
        raise _ArrayError("It is not a dictionary of descr, fortran_order and shape.")
    shape = values["shape"]
    if not isinstance(shape, tuple) or not all(isinstance(n, int) and 0 <= n < 1 << 62 for n in shape):
        raise _ArrayError("Its shape is not a tuple of counts.")
    if not isinstance(values["fortran_order"], bool):
        raise _ArrayError("Its fortran_order is not True or False.")
    try:
        width = _element_size(values["descr"], 0, [_MAX_FIELDS])
    except _ObjectsError:
        return start, None
    return start, start + math.prod(shape) * width


def _read_header(file: BinaryIO, position: int) -> tuple[str, int]:
    """Return the text of the header and the byte after it."""
    file.seek(position + len(MAGIC))
    version = file.read(2)
    if len(version) < 2 or (version[0], version[1]) not in _VERSIONS:
        raise _ArrayError("Its version is not 1.0, 2.0 or 3.0.")
    width, encoding = _VERSIONS[version[0], version[1]]
    length = int.from_bytes(file.read(width), "little")
    if length > _MAX_HEADER:
        raise _ArrayError(f"It states a length of {length} bytes.")
    data = file.read(length)
    if len(data) < length:
        raise _ArrayError("The file ends inside it.")
    try:
        return data.decode(encoding), position + len(MAGIC) + 2 + width + length
    except UnicodeDecodeError:
        raise _ArrayError(f"It is not {encoding} text.") from None


def _data_start(file: BinaryIO, position: int) -> int:
    """Return the byte at which the data would start, whatever the header holds."""
    file.seek(position + len(MAGIC))
    head = file.read(6)
    width = 2 if head[:1] == b"\1" else 4
    return position + len(MAGIC) + 2 + width + int.from_bytes(head[2 : 2 + width], "little")


def _literal(text: str) -> Any:
    """Return the value of a Python literal, as numpy reads headers; those of Python 2 may hold counts such as `10L`."""
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > _MAX_BRACKETS:
        raise _ArrayError("It is nested deeper than any array's.")
    for candidate in (text, re.sub(r"(?<=\d)L\b", "", text)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.literal_eval(candidate)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            continue
    raise _ArrayError("It is not a Python literal.")


def _element_size(descr: Any, depth: int, fields_left: list[int]) -> int:
    """Return the bytes of one element. Raise _ObjectsError unless the type is known to be of plain bytes."""
    if isinstance(descr, str):
        return _plain_size(descr)
    fields_left[0] -= 1
    if depth > _MAX_DEPTH or fields_left[0] < 0:
        raise _ArrayError("Its type is nested deeper or has more fields than any array's.")
    if isinstance(descr, tuple) and len(descr) == 2:
        return _element_size(descr[0], depth + 1, fields_left) * _count(descr[1])
    if isinstance(descr, list):
        return sum(_field_size(entry, depth, fields_left) for entry in descr)
    raise _ObjectsError


def _field_size(entry: Any, depth: int, fields_left: list[int]) -> int:
    if not isinstance(entry, tuple) or len(entry) not in (2, 3):
        raise _ObjectsError
    width = _element_size(entry[1], depth + 1, fields_left)
    return width * _count(entry[2]) if len(entry) == 3 else width


def _count(shape: Any) -> int:
    counts = shape if isinstance(shape, tuple) else (shape,)
    if not all(isinstance(n, int) and 0 <= n < 1 << 31 for n in counts) or len(counts) > _MAX_BRACKETS:
        raise _ArrayError("It has a sub-array whose shape is not a tuple of counts.")
    return math.prod(counts)


def _plain_size(descr: str) -> int:
    if descr in _NAMES:
        return _NAMES[descr]
    match = _PLAIN.fullmatch(descr)
    if match is None:
        raise _ObjectsError
    if match["letter"]:
        return _LETTERS[match["letter"]]
    if match["text"]:
        return int(match["length"] or 0) * (4 if match["text"] == "U" else 1)
    return int(match["bool"] or match["int"] or match["float"] or match["complex"] or 8)

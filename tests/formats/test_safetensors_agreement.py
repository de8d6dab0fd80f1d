"""The safetensors reader against the reference library: both accept and refuse the same files.

What may deviate: headers that are larger than any model's (the caps of the reader; not generated here), and a number of
an unknown field within one rounding of the largest float, where serde_json's own rounding decides.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize

from modelhub.formats.dtypes import BITS
from modelhub.formats.safetensors import read

_EXAMPLES = 2000
_NAMES = st.sampled_from(
    ["a", "b", "c", "", "é", "\U0001f600", 'q"', "\\", "x\ty", "\x7f", "__metadata__", "dtype", "shape", "data_offsets"]
)
_BLANKS = st.sampled_from([""] * 12 + [" ", "\n", "\t\r"])
_UNKNOWN = st.sampled_from([1, None, "t", [1, [2]], {"a": {"b": 1.5}}, "\\u", True, [], {}])
_METADATA: st.SearchStrategy[Any] = st.sampled_from(
    [None, {}, {"k": "v"}, {"a": 'x},"'}, {"k": 'q"uo"te'}, {"n": 1}, [], {"e": "\\"}, {"k": None}, "text"]
)
# Pieces that readers disagree about, put in at any place.
_PIECES = [
    *(b'"', b"{", b"}", b"[", b"]", b",", b":", b"-0", b"0", b"01", b"1.0", b"1e0", b"-1", b"+", b"E5", b".5", b"NaN"),
    *(b"9" * 21, b"18446744073709551615", b"18446744073709551616", b"1e400", b"-1e400", b"1e-400", b"9" * 400),
    *(b"null", b"true", b" ", b"\x0b", b"\0", b"\x1f", b"/", b"\\/", b"\\", b"\\u0022", b"\\u0061", b"\\u00"),
    *(b"\\ud800", b"\\ud83d\\ude00", b"\\udc00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b'"x":1,', b'"dtype":"F32",', b'"__metadata__":{"k":"v"},', b'"__metadata__":null,', b'{"F32":null}'),
    *(b'"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},', b'["F32",[0],[0,0]]', b"[" * 130 + b"]" * 130),
]
_POSITION = st.floats(0, 1, exclude_max=True)
_EDIT = st.one_of(
    st.tuples(st.just("insert"), _POSITION, st.sampled_from(_PIECES)),
    st.tuples(st.just("replace"), _POSITION, st.sampled_from(_PIECES)),
    st.tuples(st.just("byte"), _POSITION, st.binary(min_size=1, max_size=1)),
    st.tuples(st.just("delete"), _POSITION, st.integers(1, 6)),
    st.tuples(st.just("repeat"), _POSITION, st.tuples(_POSITION, st.integers(1, 60))),
)


class _Members(list[tuple[str, Any]]):
    """A JSON object that may have a name twice."""


@st.composite
def _headers(draw: st.DrawFn) -> tuple[str, int]:
    """Return the text of a header of a few tensors, often with an oddity, and the bytes of data that it describes."""
    members, position = _Members(), 0
    for _ in range(draw(st.integers(0, 3))):
        dtype = draw(st.sampled_from(sorted(BITS)))
        shape = draw(st.lists(st.sampled_from([0, 1, 2, 4, 8]), max_size=3))
        count = 1
        for dimension in shape:
            count *= dimension
        end = position + count * BITS[dtype] // 8
        entry = _Members([("dtype", dtype), ("shape", shape), ("data_offsets", [position, end])])
        oddity = draw(st.integers(0, 12))
        if oddity == 0:
            entry.reverse()
        elif oddity == 1:
            entry.insert(draw(st.integers(0, 3)), (draw(_NAMES), draw(_UNKNOWN)))
        elif oddity == 2:
            del entry[draw(st.integers(0, 2))]
        members.append((draw(_NAMES), entry))
        position = end
    if draw(st.booleans()):
        members.insert(draw(st.integers(0, len(members))), ("__metadata__", draw(_METADATA)))
    return _spell(members, draw, ensure_ascii=draw(st.booleans())), position


def _spell(value: Any, draw: st.DrawFn, *, ensure_ascii: bool) -> str:
    """Return JSON with a blank here and there."""
    if isinstance(value, dict):
        value = _Members(value.items())
    blank = draw(_BLANKS)
    if isinstance(value, _Members):
        parts = [
            f"{json.dumps(name, ensure_ascii=ensure_ascii)}{blank}:{_spell(part, draw, ensure_ascii=ensure_ascii)}"
            for name, part in value
        ]
        return "{" + f",{blank}".join(parts) + blank + "}"
    return json.dumps(value, ensure_ascii=ensure_ascii) + blank


def _edit(raw: bytearray, edit: tuple[str, float, Any]) -> None:
    kind, where, value = edit
    place = int(where * len(raw))
    if kind == "insert":
        raw[place:place] = value
    elif kind == "delete":
        del raw[place : place + value]
    elif kind == "repeat":
        start = int(value[0] * len(raw))
        raw[place:place] = raw[start : start + value[1]]
    else:
        raw[place : place + 1] = value


def _file(raw: bytes, data: int, *, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(raw) if length is None else length) + raw + bytes(data)


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    text, data = draw(_headers())
    raw = bytearray(draw(st.sampled_from([b""] * 8 + [b" ", b"\n", b"\xef\xbb\xbf"])) + text.encode())
    raw += draw(st.sampled_from([b""] * 8 + [b" ", b"\n\n", b"x", b"\0", b"{}"]))
    for edit in draw(st.lists(_EDIT, max_size=3)):
        _edit(raw, edit)
    length = draw(st.sampled_from([0] * 20 + [1, -1, 9])) + len(raw)
    return _file(bytes(raw), max(0, data + draw(st.sampled_from([0] * 12 + [1, -1]))), length=max(0, length))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that every example is written to."""
    return tmp_path_factory.mktemp("agreement") / "x.safetensors"


def _tensors_in_library(content: bytes) -> dict[str, tuple[str, tuple[int, ...]]] | None:
    """Return the tensors as the library reads them; None when it refuses the file."""
    try:
        parts = deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError:
        return None
    return {name: (str(part["dtype"]), tuple(part["shape"])) for name, part in parts}


@settings(
    max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=_files())
@example(
    content=_file(
        b'{"a":{"dtype":"F32","data_offsets":[0,4]},"b":{"dtype":"F4","shape":[0],"x":1,"data_offsets":[4,4]}}', 4
    )
)
@example(
    content=_file(
        b'{"__metadata__":{"k":"\\u0022\\u0022"},"a":{"x":1,"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
    )
)
@example(content=_file(b'{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', 0))
@example(content=_file(b'{"a":null,"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}', 0))
@example(content=_file(b'{"a":{"dtype":"F32","shape":[18446744073709551615,2,0],"data_offsets":[0,0]}}', 0))
@example(content=_file(b'{"a":{"dtype":"F32","shape":[0,18446744073709551615,2],"data_offsets":[0,0]}}', 0))
@example(
    content=_file(b'{"a":{"x":' + b"[" * 125 + b"]" * 125 + b',"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0)
)
@example(
    content=_file(b'{"a":{"x":' + b"[" * 126 + b"]" * 126 + b',"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0)
)
def test_the_same_files_are_broken_and_the_same_tensors_read(path: Path, content: bytes) -> None:
    """A file is broken exactly when the library refuses it; otherwise names, types and shapes are the library's."""
    path.write_bytes(content)
    result = read(path)
    expected = _tensors_in_library(content)
    assert result.broken == (expected is None), [problem.text for problem in result.problems]
    if expected is not None:
        assert {name: (info.dtype, info.shape) for name, info in result.tensors.items()} == expected

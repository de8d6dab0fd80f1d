"""The safetensors verifier, case by case: what is refused, with the reason and the tensor, and what is accepted."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modelhub.domain import Format
from modelhub.errors import ModelhubError
from modelhub.formats import read_header
from modelhub.formats.header import Header
from modelhub.formats.safetensors import read


def f32(begin: int, end: int, shape: list[Any] | None = None, dtype: str = "F32") -> dict[str, Any]:
    """Return a header entry."""
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


def written(folder: Path, header: Any, data: int = 0, *, length: int | None = None) -> Path:
    """Write a file with this header (a value, text or bytes) and so many bytes of data."""
    text = header if isinstance(header, (str, bytes)) else json.dumps(header)
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + b"\0" * data)
    return path


def problems(header: Header) -> str:
    """Join all problems in one text."""
    return "; ".join(problem.text for problem in header.problems)


SOUND: dict[str, tuple[Any, int]] = {
    "nothing at all": ({}, 0),
    "metadata only": ({"__metadata__": {"a": "b"}}, 0),
    "a scalar": ({"a": f32(0, 4, [])}, 4),
    "a zero dimension": ({"a": f32(0, 0, [0, 7]), "b": f32(0, 4)}, 4),
    "entries in any order": ({"b": f32(4, 8), "a": f32(0, 4)}, 8),
    "an unaligned header": ('{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}} ', 3),
    "spaces everywhere": ('{ "a" : { "dtype" : "F16" , "shape" : [ 2 ] , "data_offsets" : [ 0 , 4 ] } }', 4),
    "metadata with JSON inside": ({"__metadata__": {"t": json.dumps({"a": {"b": 'c}",'}})}, "a": f32(0, 4)}, 4),
    "metadata last": ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"k":"v"}}', 4),
    "a metadata value that ends in a brace": ({"__metadata__": {"k": "x}"}, "a": f32(0, 4)}, 4),
    "escaped names": ('{"\\u4e2d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    "names called like fields": ({"dtype": f32(0, 4), "shape": f32(4, 8), "data_offsets": f32(8, 12)}, 12),
    "small types": ({"a": f32(0, 3, [2, 3], "F4"), "b": f32(3, 7, [4], "F8_E4M3")}, 7),
    "all wide types": ({"a": f32(0, 16, [2], "F64"), "b": f32(16, 24, [1], "C64"), "c": f32(24, 32, [1], "U64")}, 32),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_the_format_allows_is_accepted(tmp_path: Path, name: str) -> None:
    """No problem is seen where there is none."""
    header, data = SOUND[name]
    result = read(written(tmp_path, header, data))
    assert problems(result) == ""
    assert not result.broken
    assert result.format is Format.SAFETENSORS


BROKEN: dict[str, tuple[Any, int, str]] = {
    "a gap": ({"a": f32(0, 4), "b": f32(8, 12)}, 12, "There is a gap of 4 bytes between tensor 'a' and tensor 'b'."),
    "a gap at the start": ({"a": f32(4, 8)}, 8, "There is a gap of 4 bytes between the header and tensor 'a'."),
    "an overlap": ({"a": f32(0, 8), "b": f32(4, 12)}, 12, "Tensor 'b' overlaps tensor 'a'."),
    "truncated data": ({"a": f32(0, 8)}, 4, "truncated"),
    "padded data": ({"a": f32(0, 4)}, 9, "5 bytes follow"),
    "a wrong length": ({"a": f32(0, 8, [3])}, 8, "Tensor 'a' (F32, 3) has 8 bytes"),
    "an unknown type": ({"a": f32(0, 4, dtype="Q9")}, 4, "data type 'Q9' is unknown"),
    "a type that is not a text": ({"a": {"dtype": 7, "shape": [], "data_offsets": [0, 4]}}, 4, "data type 7"),
    "a negative dimension": ({"a": f32(0, 4, [-1, -1])}, 4, "shape"),
    "a fractional dimension": ({"a": f32(0, 4, [1.0])}, 4, "shape"),
    "a boolean dimension": ({"a": f32(0, 4, [True])}, 4, "shape"),
    "too many dimensions": ({"a": f32(0, 4, [1] * 10_000)}, 4, "10000 dimensions"),
    "an overflowing shape": ({"a": f32(0, 4, [1 << 62, 1 << 62])}, 4, "does not fit"),
    "three offsets": ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}, 4, "data_offsets"),
    "offsets backwards": ({"a": {"dtype": "F32", "shape": [0], "data_offsets": [4, 0]}}, 4, "does not fit its shape"),
    "no type": ({"a": {"shape": [1], "data_offsets": [0, 4]}}, 4, "dtype is missing"),
    "an entry that is a number": ({"a": 7}, 0, "Tensor 'a' (byte 14): its entry is not an object."),
    "a list": ([1, 2], 0, "not an object"),
    "metadata with a number": ({"__metadata__": {"steps": 7}, "a": f32(0, 4)}, 4, "Metadata 'steps'"),
    "metadata as a list": ({"__metadata__": ["x"], "a": f32(0, 4)}, 4, "__metadata__"),
    "a field twice": (
        '{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}',
        4,
        "Tensor 'a' (byte 13): the name 'shape' appears 2 times in its entry.",
    ),
    "a field twice, and another that is missing": (
        '{"a":{"dtype":"F32","data_offsets":[0,4]},"b":{"dtype":"F32","shape":[0],"x":1,"data_offsets":[4,4]}}',
        4,
        "Tensor 'a' (byte 13): shape is missing.",
    ),
    "a field twice, and a quote spelled as an escape": (
        '{"__metadata__":{"k":"\\u0022\\u0022"},"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "'dtype' appears 2 times",
    ),
    "the metadata twice": ('{"__metadata__":null,"__metadata__":{}}', 0, "`__metadata__` appears twice"),
    "half of a surrogate pair in a name": (
        '{"a\\ud800b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "the escape at byte 11 is half of a surrogate pair",
    ),
    "half of a surrogate pair in the metadata": ('{"__metadata__":{"a":"\\ud83d"}}', 0, "escape at byte 30 is half"),
    "half of a surrogate pair in an unknown field": (
        '{"a":{"x":"\\udc00","dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "escape at byte 19 is half",
    ),
    "a control character": ('{"a\x01":1}', 0, "the control character at byte 11"),
    "negative zero": ({"a": {"dtype": "F32", "shape": [-0.0], "data_offsets": [0, 0]}}, 0, "shape"),
    "negative zero as an integer": ('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', 0, "shape"),
    "a dimension of 2 to the 64": ({"a": f32(0, 0, [0, 1 << 64])}, 0, "shape"),
    "a product that overflows before the zero": ({"a": f32(0, 0, [1 << 63, 2, 0])}, 0, "does not fit"),
    "half a byte": ({"a": f32(0, 4, [7], "F4")}, 4, "does not fit"),
    "an unknown number out of range": (
        '{"a":{"x":1e400,"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "The number at byte 18 is out of range",
    ),
    "bytes after the object": ('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x', 4, "not valid JSON"),
    "a byte-order mark": (b"\xef\xbb\xbf{}", 0, "byte-order mark"),
    "no UTF-8": (b'{"\xff":1}', 0, "not UTF-8"),
    "NaN": ('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4, "NaN"),
    "an infinite number": ('{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}', 4, "out of range"),
    "an integer of 5,000 digits": (
        '{"a":{"dtype":"F32","shape":[' + "9" * 5000 + '],"data_offsets":[0,4]}}',
        4,
        "larger than any model's",
    ),
    "deep nesting": ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", 0, "deep"),
    "an unfinished text": ('{"a', 0, "not valid JSON"),
    "nothing": (b"", 0, "not valid JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_format_is_named(tmp_path: Path, name: str) -> None:
    """The reason, and the tensor where there is one."""
    header, data, reason = BROKEN[name]
    result = read(written(tmp_path, header, data))
    assert reason in problems(result)
    assert result.broken


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes"),
        (b"\1\2\3", "3 bytes"),
        (struct.pack("<Q", 100_000_001) + b"{}", "100000001"),
        (struct.pack("<Q", 500) + b"{}", "truncated"),
        (struct.pack("<Q", 1 << 63) + b"{}", "claims"),
    ],
)
def test_a_length_that_cannot_be_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """Before anything else is read."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    result = read(path)
    assert reason in problems(result)
    assert result.broken


ODD: dict[str, tuple[Any, int, str]] = {
    "a tensor twice": (
        '{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,9]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "The name 'a' appears 2 times in the header; UIs use the last entry.",
    ),
    "a tensor twice, once escaped": (
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "The name 'a' appears 2 times",
    ),
    "a metadata key twice": (
        '{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
        "The name 'k' appears 2 times in `__metadata__`; UIs use the last entry.",
    ),
    "metadata that is null": ('{"__metadata__":null}', 0, "The field `__metadata__` is null (byte 24)."),
    "a blank in front": (" \n{}", 0, "The header begins with a blank; A1111 and Forge do not read the metadata"),
    "an unknown field": (
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":[1,{"b":[]}]}}',
        4,
        "Tensor 'a' (byte 13) has fields that the format does not know: 'extra'.",
    ),
    "an empty name": ({"": f32(0, 4)}, 4, "The name of the tensor at byte 9 is empty."),
    "a name with an escape sequence": ('{"a\\u001b[2J":["F32",[1],[0,4]]}', 4, "characters that no name should have"),
    "an entry as a list": ('{"a":["F32",[1],[0,4]]}', 4, "has a list as its entry"),
    "a type as an object": ('{"a":{"dtype":{"F32":null},"shape":[1],"data_offsets":[0,4]}}', 4, "as its data type"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_only_the_library_accepts_is_a_warning(tmp_path: Path, name: str) -> None:
    """The file is not broken, and a person knows what is unusual about it; of two equal names the last counts."""
    header, data, reason = ODD[name]
    result = read(written(tmp_path, header, data))
    assert reason in problems(result)
    assert not result.broken
    assert [info.shape for info in result.tensors.values()] == ([(1,)] if data else [])


def test_the_tensor_data_is_never_read(tmp_path: Path) -> None:
    """A sparse file of 40 GB is answered at once."""
    size = 40 << 30
    path = written(tmp_path, {"a": f32(0, size)})
    os.truncate(path, path.stat().st_size + size)
    result = read(path)
    assert problems(result) == ""
    assert result.size > size


def _entries(count: int, entry: bytes) -> bytes:
    return b"{" + b",".join(b'"t%d":' % i + entry for i in range(count)) + b"}"


_EMPTY = b'{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
_LARGE: dict[str, tuple[bytes, str]] = {
    "1.5 million tensors": (_entries(1_500_000, _EMPTY), "larger than any model"),
    "200,001 tensors": (_entries(200_001, b'{"dtype":"F4","shape":[],"data_offsets":[0,0]}'), "larger than any model"),
    "a tensor 400,000 times": (b"{" + b",".join([b'"t":' + _EMPTY] * 400_000) + b"}", "larger than any model"),
    "50,000 unusual entries": (_entries(50_000, b'["F32",[0],[0,0]]'), "larger than any model"),
    "a text of 90 MB": (b'{"__metadata__":{"k":"' + b"x" * 90_000_000 + b'"}}', "larger than any model"),
    "a text of 20 MB": (b'{"__metadata__":{"k":"' + b"x" * 20_000_000 + b'"}}', "it is not kept"),
    "a text of 8 million escapes": (b'{"__metadata__":{"k":"' + b"\\n" * 8_000_000 + b'"}}', "[]"),
    "3 million metadata keys": (
        b'{"__metadata__":{' + b",".join(b'"key%d":"value"' % i for i in range(3_000_000)) + b"}}",
        "larger than any model",
    ),
    "one metadata key 3 million times": (
        b'{"__metadata__":{' + b",".join([b'"k":""'] * 3_000_000) + b"}}",
        "larger than any model",
    ),
    "a number of 80 million digits": (b'{"a":{"dtype":"F16","shape":[' + b"9" * 80_000_000 + b"]}}", "larger than any"),
    "a number of 20 million digits": (b'{"a":{"dtype":"F16","shape":[' + b"9" * 20_000_000 + b"]}}", "larger than any"),
    "20,000 numbers of 4,000 digits": (
        b'{"a":{"shape":[' + b",".join([b"9" * 4000] * 20_000) + b"]}}",
        "larger than any model",
    ),
    "90 million brackets": (b'{"a":' + b"[" * 90_000_000, "larger than any model"),
    "20 million brackets": (b'{"a":' + b"[" * 20_000_000, "nested deeper"),
    "10 million values": (b'{"a":{"x":[' + b",".join([b"1"] * 10_000_000) + b"]}}", "larger than any model"),
    "100 MB of blanks behind": (b"{}" + b" " * 99_000_000, "[]"),
    "20 MB of blanks in front": (b" " * 20_000_000 + b"{}", "begins with a blank"),
    "names of megabytes": (_entries(1, _EMPTY).replace(b"t0", b"n" * 3_000_000), "[]"),
    "names of megabytes among oddities": (
        _entries(1, b'["F32",[0],[0,0]]').replace(b"t0", b"n" * 3_000_000),
        "has a list as its entry",
    ),
    "10,000 dimensions": (
        b'{"a":{"dtype":"U8","shape":[' + b",".join([b"0"] * 10_000) + b'],"data_offsets":[0,0]}}',
        "10000 dimensions",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of time and memory are set as Linux does")
@pytest.mark.parametrize("name", _LARGE)
def test_a_header_of_any_size_is_read_within_bounds(tmp_path: Path, name: str) -> None:
    """An answer within 3 s of CPU and 200 MB more than the interpreter needs."""
    raw, reason = _LARGE[name]
    code = (
        "import resource, sys; from pathlib import Path; from modelhub.formats.safetensors import read\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "before = peak(); resource.setrlimit(resource.RLIMIT_CPU, (3, 3))\n"
        "print([p.text for p in read(Path(sys.argv[1])).problems]); print(peak() - before)"
    )
    path = written(tmp_path, raw)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]
    answer, peak = done.stdout.splitlines()
    assert reason in answer
    assert int(peak) < 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders on Windows")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.raises(ModelhubError, match="a device or a pipe"):
        read_header(tmp_path / "pipe.safetensors")

"""Files that are what they seem, and something else for another reader."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest

from modelhub.domain import Verdict
from modelhub.formats import read_header
from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import walk_pickle
from modelhub.safety import assess


def _archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("a/version", b"3\n")
    return buffer.getvalue()


def _safetensors(data: bytes) -> bytes:
    head = json.dumps({"a": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(head)) + head + data


def _verdict(path: Path, content: bytes) -> Verdict:
    path.write_bytes(content)
    return assess(read_header(path)).verdict


def test_a_tensor_that_ends_as_an_archive_is_suspicious(tmp_path: Path) -> None:
    """A sound safetensors file is not safe when its last tensor is a zip archive with members."""
    assert _verdict(tmp_path / "a.safetensors", _safetensors(_archive())) is Verdict.SUSPICIOUS


def test_numbers_that_look_like_an_end_record_are_safe(tmp_path: Path) -> None:
    """Tensor data that hold the four bytes of an end record by chance raise no alarm."""
    assert _verdict(tmp_path / "a.safetensors", _safetensors(bytes(40) + b"PK\5\6" + bytes(40))) is Verdict.SAFE


@pytest.mark.parametrize("size", [0xFFFF_FFF0, 1 << 43, 1 << 62, (1 << 64) - 2])
@pytest.mark.parametrize("number", ["size", "offset"])
def test_an_archive_whose_numbers_lead_beyond_every_file_is_answered(tmp_path: Path, size: int, number: str) -> None:
    """A member as long as no file can be, or so far away, is a finding and no error."""
    content = bytearray(_archive())
    entry = content.index(b"PK\1\2")
    stored, offset = (size, 0) if number == "size" else (5, size)
    wide = struct.pack("<2H3Q", 1, 24, stored, stored, offset)
    content[entry + 20 : entry + 28] = b"\xff" * 8
    content[entry + 42 : entry + 46] = b"\xff" * 4
    content[entry + 30 : entry + 32] = struct.pack("<H", len(wide))
    name_end = entry + 46 + len("a/data.pkl")
    content[name_end:name_end] = wide
    length = struct.unpack_from("<I", content, len(content) - 10)[0]
    content[-10:-6] = struct.pack("<I", length + len(wide))
    assert _verdict(tmp_path / "a.ckpt", bytes(content)) is Verdict.SUSPICIOUS


def _safetensors_of_length(first: int, filler: int, data: bytes) -> bytes:
    """Return a sound file the length of whose header has `first` as its lowest byte, the first opcode of a pickle."""
    while True:
        parts = {"__metadata__": {"a": "b" * filler}} | {
            "a": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
        }
        head = json.dumps(parts).encode()
        if len(head) % 256 == first:
            return struct.pack("<Q", len(head)) + head + data
        filler += 1


_CALL = b"cos\ngetcwd\n)R."
_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
@pytest.mark.parametrize(
    ("filler", "pickle"),
    [
        pytest.param(40, b"0" + _CALL, id="a short line"),
        pytest.param(9000, b"0" + _CALL, id="a line longer than any name"),
        pytest.param(40, b"0I010\n0" + _CALL, id="an octal number"),
        pytest.param(40, b"0I 1_0\n0" + _CALL, id="a number with a blank and an underscore"),
        pytest.param(40, b"0I" + b" " * 9000 + b"1\n0" + _CALL, id="a number behind blanks"),
        pytest.param(40, b"0L" + b"1" * 4000 + b"\n0" + _CALL, id="a number of many digits"),
        pytest.param(40, b"0F" + b"0" * 9000 + b"\n0" + _CALL, id="a long fraction"),
        pytest.param(40, b"p" + b"0" * 9000 + b"1\n0" + _CALL, id="a long memo entry"),
        pytest.param(40, b"0S'" + b"a" * 9000 + b"'\n0" + _CALL, id="a long text in quotes"),
        pytest.param(40, b"0" + b"(" * 10_001 + b"l" * 10_001 + b"0" + _CALL, id="many marks"),
        pytest.param(40, b"r\xff\xff\xff\x000" + _CALL, id="a far memo entry"),
        pytest.param(40, b"0" + b"N0" * 500_001 + _CALL, id="many opcodes"),
        pytest.param(40, b"0" + _MAGIC + b".\x80\x02M\xe9\x03.\x80\x02}.\x80\x02" + _CALL, id="behind torch's number"),
    ],
)
def test_a_tensor_that_goes_on_as_a_pickle_is_not_safe(tmp_path: Path, suffix: str, filler: int, pickle: bytes) -> None:
    """A sound safetensors file is not safe when its header's length begins a text that ends where a pickle goes on."""
    content = _safetensors_of_length(ord("V"), filler, b"\n" + pickle)
    assert _verdict(tmp_path / f"a{suffix}", content) in (Verdict.SUSPICIOUS, Verdict.DANGEROUS)


def test_no_length_of_a_header_makes_a_sound_file_suspicious() -> None:
    """Whatever opcodes the eight bytes of a length are, a pickle that fails there acts in no loader."""
    text = json.dumps({"lora.weight": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}, indent=1).encode()
    for length in range(8, 1 << 16, 3):
        content = struct.pack("<Q", length) + text + bytes(range(128, 256))
        walk = walk_pickle(PickleReader(io.BytesIO(content)), "the file", first=True)
        assert not walk.acts, length

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

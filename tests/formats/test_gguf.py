"""The GGUF reader: what real writers leave is accepted, each fault is named with its byte, and bombs are bounded."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelhub.domain import Format
from modelhub.formats import read_header
from modelhub.formats.header import Header

_TEXT, _ARRAY = 8, 9


def _text(value: bytes, width: str = "<Q") -> bytes:
    return struct.pack(width, len(value)) + value


def _pair(name: bytes, kind: int, value: bytes) -> bytes:
    return _text(name) + struct.pack("<I", kind) + value


def _tensor(name: bytes, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    dimensions = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return _text(name) + dimensions + struct.pack("<IQ", kind, offset)


def _texts(count: int, text: bytes = b"token") -> bytes:
    return struct.pack("<IQ", _TEXT, count) + _text(text) * count


_ARCHITECTURE = _pair(b"general.architecture", _TEXT, _text(b"flux"))
_A, _B = _tensor(b"a.weight", (32, 2), 2, 0), _tensor(b"b.weight", (3,), 0, 64)
_DATA = bytes(36 + 28 + 12)  # a, its padding, b


@dataclass(frozen=True, kw_only=True)
class _Content:
    """The parts of a file; `counts` of tensors and pairs are counted when they are None."""

    pairs: tuple[bytes, ...] = (_ARCHITECTURE,)
    tensors: tuple[bytes, ...] = (_A, _B)
    data: bytes = _DATA
    version: int = 3
    counts: tuple[int, int] | None = None
    alignment: int = 32

    def write(self, folder: Path) -> Path:
        """Write the file."""
        counts = self.counts or (len(self.tensors), len(self.pairs))
        header = b"GGUF" + struct.pack("<IQQ", self.version, *counts) + b"".join(self.pairs + self.tensors)
        path = folder / "model.gguf"
        path.write_bytes(header + bytes(-len(header) % self.alignment) + self.data)
        return path


def _problems(header: Header) -> str:
    return "; ".join(problem.text for problem in header.problems)


_UNUSUAL_TOKENS = tuple(
    _pair(b"tokenizer.%d" % kind, _ARRAY, struct.pack("<IQ", kind, 3) + bytes(3 * width))
    for kind, width in ((0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8))
)
SOUND = {
    "as llama.cpp writes it, with padding at the end": _Content(data=_DATA + bytes(20)),
    "without padding at the end": _Content(),
    "version 2": _Content(version=2),
    "metadata only": _Content(tensors=(), data=b""),
    "metadata only, without padding": _Content(tensors=(), data=b"", alignment=1),
    "nothing at all": _Content(pairs=(), tensors=(), data=b""),
    "a vocabulary": _Content(pairs=(_ARCHITECTURE, _pair(b"tokens", _ARRAY, _texts(150_000)))),
    "arrays of all types": _Content(pairs=_UNUSUAL_TOKENS),
    "an array of arrays": _Content(pairs=(_pair(b"x", _ARRAY, struct.pack("<IQ", _ARRAY, 2) + _texts(2) + _texts(0)),)),
    "an alignment of 64": _Content(
        pairs=(_pair(b"general.alignment", 4, struct.pack("<I", 64)),), alignment=64, data=_DATA + bytes(52)
    ),
    "five dimensions": _Content(tensors=(_tensor(b"patch", (2, 1, 1, 1, 2), 1, 0),), data=bytes(8)),
    "a scalar": _Content(tensors=(_tensor(b"scale", (), 0, 0),), data=bytes(4)),
    "an empty tensor": _Content(tensors=(_tensor(b"e", (0, 5), 0, 0), _tensor(b"f", (1,), 0, 0)), data=bytes(4)),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_writers_leave_is_accepted(tmp_path: Path, name: str) -> None:
    """No problem is seen where there is none."""
    header = read_header(SOUND[name].write(tmp_path))
    assert _problems(header) == ""
    assert header.format is Format.GGUF


def test_names_shapes_and_metadata_are_read(tmp_path: Path) -> None:
    """Shapes are in the order of other formats, texts are cut, the data part begins behind the padding."""
    path = _Content(pairs=(_ARCHITECTURE, _pair(b"template", _TEXT, _text(b"x" * 9000)))).write(tmp_path)
    header = read_header(path)
    assert (header.tensors["a.weight"].dtype, header.tensors["a.weight"].shape) == ("Q4_0", (2, 32))
    assert header.metadata["general.architecture"] == "flux"
    assert len(header.metadata["template"]) == 4096
    assert header.data_start == path.stat().st_size - len(_DATA)


BROKEN = {
    "an unknown version": (_Content(version=4), "Version 4 of GGUF (byte 4) is not known."),
    "more tensors than fit": (_Content(counts=(90_000, 1)), "more than fit into the file"),
    "more pairs than fit": (_Content(counts=(2, 9_000)), "more than fit into the file"),
    "tensors without end": (_Content(counts=(1 << 60, 1)), "larger than any model"),
    "a tensor less than stated": (_Content(counts=(3, 1), data=b""), "inside its header: it is truncated"),
    "a text beyond the file": (
        _Content(pairs=(_pair(b"k", _TEXT, struct.pack("<Q", 1 << 40)),)),
        "What begins at byte 45 claims 1099511627776 bytes",
    ),
    "an array beyond the file": (
        _Content(pairs=(_pair(b"k", _ARRAY, struct.pack("<IQ", 0, 1 << 40)),)),
        "claims 1099511627776 bytes",
    ),
    "texts beyond the file": (
        _Content(pairs=(_pair(b"k", _ARRAY, struct.pack("<IQQ", _TEXT, 1, 1 << 63)),)),
        "The text at byte 57 claims 9223372036854775808 bytes",
    ),
    "more texts than fit": (_Content(pairs=(_pair(b"k", _ARRAY, struct.pack("<IQ", _TEXT, 1000)),)), "more than fit"),
    "an unknown value type": (_Content(pairs=(_pair(b"k", 13, b""),)), "before byte 37 has the unknown type 13"),
    "an unknown array type": (
        _Content(pairs=(_pair(b"k", _ARRAY, struct.pack("<IQ", 99, 1)),)),
        "The array at byte 37",
    ),
    "a metadata name twice": (_Content(pairs=(_ARCHITECTURE, _ARCHITECTURE)), "'general.architecture' at byte 68"),
    "an empty metadata name": (_Content(pairs=(_pair(b"", 0, b"\0"),)), "at byte 24 is empty"),
    "a name that is not text": (_Content(pairs=(_pair(b"a\xff", 0, b"\0"),)), "is not UTF-8 text (byte 33)"),
    "a name of 70,000 bytes": (_Content(pairs=(_pair(b"n" * 70_000, 0, b"\0"),)), "has 70000 bytes"),
    "an alignment of 3": (_Content(pairs=(_pair(b"general.alignment", 4, struct.pack("<I", 3)),)), "at byte 24 is 3"),
    "an alignment of 0": (_Content(pairs=(_pair(b"general.alignment", 4, bytes(4)),)), "at byte 24 is 0"),
    "an alignment of another type": (_Content(pairs=(_pair(b"general.alignment", 10, bytes(8)),)), "The alignment"),
    "a tensor name twice": (_Content(tensors=(_A, _A)), "The tensor name 'a.weight' at byte 116 appears twice."),
    "an unknown tensor type": (
        _Content(tensors=(_tensor(b"a", (1,), 31, 0),)),
        "'a' at byte 68 has the unknown type 31",
    ),
    "a row that is not whole blocks": (_Content(tensors=(_tensor(b"a", (33,), 2, 0),)), "not whole blocks of 32"),
    "nine dimensions": (_Content(tensors=(_tensor(b"a", (1,) * 9, 0, 0),)), "has 9 dimensions"),
    "an offset that is not aligned": (
        _Content(tensors=(_A, _tensor(b"b", (3,), 0, 40))),
        "Tensor 'b' (byte 116) has the offset 40, which is not a multiple of 32.",
    ),
    "an overlap": (
        _Content(tensors=(_A, _tensor(b"b", (3,), 0, 32))),
        "'b' (byte 116) has the offset 32, which overlaps",
    ),
    "a gap": (_Content(tensors=(_A, _tensor(b"b", (3,), 0, 96))), "leaves a gap of 32 bytes"),
    "a gap at the start": (_Content(tensors=(_tensor(b"b", (3,), 0, 32),)), "leaves a gap of 32 bytes"),
    "an offset beyond the file": (_Content(tensors=(_A, _tensor(b"b", (3,), 0, 1 << 63))), "leaves a gap"),
    "truncated data": (_Content(data=_DATA[:-1]), "The file is truncated: it has"),
    "a tensor beyond the file": (_Content(tensors=(_tensor(b"a", (1 << 40, 1 << 40), 0, 0),)), "truncated"),
    "bytes behind the padding": (_Content(data=_DATA + bytes(21)), "21 bytes follow the last tensor, which ends at"),
    "bytes behind a header without tensors": (_Content(tensors=(), data=b"x"), "bytes follow the header"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_format_is_named(tmp_path: Path, name: str) -> None:
    """The reason and its byte."""
    content, reason = BROKEN[name]
    header = read_header(content.write(tmp_path))
    assert reason in _problems(header)
    assert header.broken
    assert header.format is Format.GGUF


def test_a_header_is_broken_wherever_it_is_cut(tmp_path: Path) -> None:
    """No beginning of a file is taken for the whole."""
    content = _Content().write(tmp_path).read_bytes()
    for length in range(4, len(content)):
        path = tmp_path / "cut.gguf"
        path.write_bytes(content[:length])
        assert read_header(path).broken, length


def test_tensors_out_of_order_are_a_warning(tmp_path: Path) -> None:
    """ComfyUI reads such a file, llama.cpp does not."""
    header = read_header(_Content(tensors=(_B, _A)).write(tmp_path))
    assert "not listed in the order of their data" in _problems(header)
    assert not header.broken


def test_version_1_is_read_and_reported(tmp_path: Path) -> None:
    """Its lengths and counts have four bytes."""
    pair = _text(b"general.architecture", "<I") + struct.pack("<I", _TEXT) + _text(b"flux", "<I")
    tensor = _text(b"a", "<I") + struct.pack("<IIIQ", 1, 2, 0, 0)
    header = b"GGUF" + struct.pack("<III", 1, 1, 1) + pair + tensor
    path = tmp_path / "old.gguf"
    path.write_bytes(header + bytes(-len(header) % 32) + bytes(8))
    found = read_header(path)
    assert found.metadata == {"general.architecture": "flux"}
    assert found.tensors["a"].shape == (2,)
    assert _problems(found) == "It is GGUF version 1, which current programs do not load."


@pytest.mark.parametrize("magic", [b"GGUF", b"FUGG"])
def test_big_endian_files_are_recognized(tmp_path: Path, magic: bytes) -> None:
    """The names are read, and a sentence says why no UI loads the file."""
    pair = _text(b"general.architecture", ">Q") + struct.pack(">I", _TEXT) + _text(b"flux", ">Q")
    tensor = _text(b"a", ">Q") + struct.pack(">IQIQ", 1, 2, 0, 0)
    header = magic + struct.pack(">IQQ", 3, 1, 1) + pair + tensor
    path = tmp_path / "big.gguf"
    path.write_bytes(header + bytes(-len(header) % 32) + bytes(8))
    found = read_header(path)
    assert found.format is Format.GGUF
    assert found.tensors["a"].shape == (2,)
    assert "big-endian" in _problems(found)
    assert found.broken


def _many_tensors(count: int, name: bytes = b"t%d") -> _Content:
    tensors = b"".join(_tensor(name % i, (1,), 0, 32 * i) for i in range(count))
    return _Content(tensors=(tensors,), counts=(count, 1), data=bytes(32 * count))


_TINY_PAIRS = b"".join(_pair(b"%d" % i, 0, b"\0") for i in range(300_000))
BOMBS = {
    "390,000 tensors": (_many_tensors(390_000), "larger than any model"),
    "99,000 tensors": (_many_tensors(99_000), "[]"),
    "300,000 pairs": (_Content(pairs=(_TINY_PAIRS,), counts=(2, 300_000)), "larger than any model"),
    "5 million texts": (_Content(pairs=(_pair(b"k", _ARRAY, _texts(5_000_000, b"")),)), "larger than any model"),
    "1.9 million texts": (_Content(pairs=(_pair(b"k", _ARRAY, _texts(1_900_000, b"")),)), "[]"),
    "5 million arrays": (
        _Content(
            pairs=(_pair(b"k", _ARRAY, struct.pack("<IQ", _ARRAY, 5_000_000) + struct.pack("<IQ", 0, 0) * 5_000_000),)
        ),
        "larger than any model",
    ),
    "a text of 100 MB": (_Content(pairs=(_pair(b"k", _TEXT, _text(bytes(100_000_000))),)), "larger than any model"),
    "9,000 texts of 5 kB": (
        _Content(
            pairs=(b"".join(_pair(b"%d" % i, _TEXT, _text("\U0001f600".encode() * 1200)) for i in range(9000)),),
            counts=(2, 9000),
        ),
        "[]",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of time and memory are set as Linux does")
@pytest.mark.parametrize("name", BOMBS)
def test_a_header_of_any_size_is_read_within_bounds(tmp_path: Path, name: str) -> None:
    """An answer within 3 s of CPU and 200 MB more than the interpreter needs."""
    content, reason = BOMBS[name]
    code = (
        "import resource, sys; from pathlib import Path; from modelhub.formats.gguf import read\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "before = peak(); resource.setrlimit(resource.RLIMIT_CPU, (3, 3))\n"
        "print([p.text for p in read(Path(sys.argv[1])).problems]); print(peak() - before)"
    )
    path = content.write(tmp_path)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]
    answer, peak = done.stdout.splitlines()
    assert reason in answer
    assert int(peak) < 200

"""Files of numpy arrays: every spelling of an object type is seen, and every plain array is left in peace."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelhub.domain import Verdict
from modelhub.formats import read_header
from modelhub.formats.foreign.numpy_arrays import ArrayScan, scan_arrays
from modelhub.safety import assess

CAUGHT = (Verdict.SUSPICIOUS, Verdict.DANGEROUS)
CALL = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00echo\x85R."


def file_of(descr: str, *, shape: str = "(1,)", version: tuple[int, int] = (1, 0), data: bytes = CALL) -> bytes:
    """Return the bytes of a file whose header holds these texts as they are."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"
    header = text.encode("utf-8" if version == (3, 0) else "latin1")
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header + data


def scan(content: bytes) -> ArrayScan:
    """Return what is found in these bytes."""
    return scan_arrays(io.BytesIO(content), len(content), "a.npy")


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize(
    "descr",
    [
        "'O'", "'|O'", "'<O'", "'>O'", "'=O'", "'O8'", "'|O8'", "'O4'", "'object'", "'object_'", "'O 8'", "'i4,O'",
        "'3O'", "'(2,3)O'", "'f4, (2)O'", "'object,int'", "'T'", "'|T'", "'\\x4f'", "'|' 'O'", "u'O'", "r'O'",
        "'''O'''", "('O')", "('O', (2,))", "[('a', 'O')]", "[('a', '<f4'), ('b', '|O')]", "[(('title', 'a'), 'O')]",
        "[('a', [('b', 'object')])]", "[('a', [('b', [('c', 'O8', (2,))])])]", "[('a', ('O', (2, 2)))]",
        "'O', 'descr': 'object'", "{'names': ['a'], 'formats': ['O']}", "b'O'",
    ],
)  # fmt: skip
def test_an_object_type_is_seen_however_it_is_spelled(descr: str, version: tuple[int, int], tmp_path: Path) -> None:
    """The pickle is walked from the byte at which numpy would start to unpickle."""
    content = file_of(descr, version=version)
    assert scan(content).pickles == (content.index(CALL),)
    (tmp_path / "a.npy").write_bytes(content)
    report = assess(read_header(tmp_path / "a.npy"))
    assert report.verdict is Verdict.DANGEROUS
    assert any("posix.system" in finding for finding in report.findings)


def test_every_type_that_numpy_takes_for_objects_is_one_here() -> None:
    """Over all short spellings, whatever numpy would unpickle is not taken for plain bytes."""
    from modelhub.formats.foreign.numpy_arrays import _element_size, _ObjectsError

    letters = "<>=|?bBhHiIlLqQefdgFDGOSUVaMmTpPcnN"
    texts = {first + second + third for first in ("", *letters) for second in letters for third in ("", *"12348,O")}
    texts |= {str(kind) for kind in np.sctypeDict}
    missed = []
    for text in texts:
        try:
            real = np.dtype(text)
        except (TypeError, ValueError, SyntaxError, DeprecationWarning):
            continue
        try:
            width = _element_size(text, 0, [9])
        except _ObjectsError:
            continue
        if real.hasobject or real.itemsize != width:
            missed.append((text, real, width))
    assert not missed


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), "<f4"), np.zeros((0,), "f8"), np.zeros((), "i8"), np.zeros(3, ">u2"), np.zeros(2, "?"),
        np.asfortranarray(np.zeros((3, 2), "f2")), np.array(["ab", "c"]), np.array([b"ab"]), np.zeros(2, "c16"),
        np.zeros(2, "M8[ns]"), np.zeros(2, [("Object", "<f4"), ("O", "<i4", (2,))]), np.zeros(2, "V7"),
        np.zeros(2, [("a", [("b", "u1")])]),
    ],
    ids=lambda array: str(array.dtype),
)  # fmt: skip
def test_a_plain_array_has_no_finding(array: Any, tmp_path: Path) -> None:
    """It is not a model, and nothing worse."""
    np.save(tmp_path / "a.npy", array)
    assert scan((tmp_path / "a.npy").read_bytes()) == ArrayScan()
    assert assess(read_header(tmp_path / "a.npy")).verdict is Verdict.UNRECOGNISED


def test_a_header_of_python_2_is_read() -> None:
    """Counts with an L are numbers, as for numpy."""
    assert scan(file_of("'<f4'", shape="(10L,)", data=bytes(40))) == ArrayScan()


def test_an_array_that_follows_another_is_looked_at() -> None:
    """`numpy.load` can be called again on the same file."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    np.save(buffer, np.zeros(2))
    assert scan(buffer.getvalue()) == ArrayScan()
    content = buffer.getvalue() + file_of("'O'")
    assert scan(content).pickles == (content.index(CALL),)


@pytest.mark.parametrize(
    ("descr", "shape", "data"),
    [
        ("'<f4'", "(1,)", CALL),
        ("'<f4'", "(2**3,)", b""),
        ("'<f4'", "(-1,)", bytes(4)),
        ("'<f4'", "[1]", bytes(4)),
        ("'<f4'", "(4294967296, 4294967296)", bytes(4)),
        ("'<f4'", "(1,), 'more': 1", bytes(4)),
        ("open('x')", "(1,)", bytes(4)),
        ("'<f4'", "(" + "9" * 5000 + ",)", bytes(4)),
        ("(" * 70 + "'<f4'" + ")" * 70, "(1,)", bytes(4)),
        ("-" * 60000 + "1", "(1,)", bytes(4)),
        ("[" + "('a', '<f4')," * 4500 + "]", "(1,)", bytes(4)),
        ("[('a', '<f4', (-1,))]", "(1,)", bytes(4)),
    ],
)
def test_a_header_that_is_not_canonical_is_suspicious(descr: str, shape: str, data: bytes) -> None:
    """Sizes that do not fit, values of other kinds, and headers that cannot be parsed are findings."""
    found = scan(file_of(descr, shape=shape, data=data))
    assert [severity for severity, _ in found.findings] == ["suspicious"]
    assert "byte" in found.findings[0][1]


@pytest.mark.parametrize("content", [b"\x93NUMPY", b"\x93NUMPY\1\0\xff\xff{", b"\x93NUMPY\4\0" + bytes(90)])
def test_a_header_that_breaks_off_is_suspicious(content: bytes) -> None:
    """Neither a short file nor an unknown version is an error."""
    assert [severity for severity, _ in scan(content).findings] == ["suspicious"]


def test_findings_name_the_array_as_in_a_sentence(tmp_path: Path) -> None:
    """It has a capital only where the sentence begins."""
    (tmp_path / "a.npy").write_bytes(file_of("'O'"))
    run, objects = assess(read_header(tmp_path / "a.npy")).findings[:2]
    assert "(the array, its objects at byte " in run
    assert objects.startswith("The array holds Python objects at byte ")


def test_an_object_array_in_an_npz_file_is_seen(tmp_path: Path) -> None:
    """A zip of arrays is looked into, whatever the members are called."""
    for name in ("a.npy", "b"):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr(name, file_of("[('x', 'object')]"))
        assert assess(read_header(tmp_path / "a.npz")).verdict is Verdict.DANGEROUS


def test_a_hostile_header_is_answered_within_the_bounds() -> None:
    """Nesting, long sums and long numbers cost neither 5 seconds nor 200 MB."""
    contents = []
    start = time.process_time()
    for text in ("[" * 65000, "1+" * 30000 + "1", "'O'," * 20000, "{" * 65000, "~" * 65000, "0x" + "f" * 65000):
        header = text.encode()[:65000]
        contents.append(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
        assert scan(contents[-1]).findings
    assert time.process_time() - start < 5
    tracemalloc.start()
    try:
        for content in contents:
            scan(content)
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()

"""Containers that modelhub does not look into are named, never called safe, and what would act in them is found."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from modelhub.domain import SafetyReport, Verdict
from modelhub.formats import read_header
from modelhub.formats.foreign.onnx_files import is_onnx, scan_onnx
from modelhub.safety import assess
from modelhub.testing.files import torch_file
from modelhub.testing.files.tensors import Tensor

ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(88)


def report(folder: Path, name: str, content: bytes) -> SafetyReport:
    """Return the report on a file of this name and content."""
    (folder / name).write_bytes(content)
    return assess(read_header(folder / name))


def zip_of(members: dict[str, bytes | str]) -> bytes:
    """Return a zip archive of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tar_of(name: str) -> bytes:
    """Return a tar archive of one empty member."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "7z archive"),
        ("a.safetensors", b"Rar!\x1a\x07\x01\0" + bytes(40), "RAR archive"),
        ("a.ckpt", gzip.compress(b"x" * 99, mtime=0), "gzip"),
        ("a.ckpt", b"BZh91AY&SY" + bytes(40), "bzip2"),
        ("a.pt", b"\xfd7zXZ\x00\x00\x04" + bytes(40), "xz"),
        ("a.zst", b"\x28\xb5\x2f\xfd" + bytes(40), "Zstandard"),
        ("a.bin", b"\x04\x22\x4d\x18" + bytes(40), "LZ4"),
        ("a.joblib", zlib.compress(b"x" * 99), "joblib"),
        ("a.tar", tar_of("x"), "tar archive"),
        ("a.engine", b"ftrt" + bytes(60), "TensorRT engine"),
        ("a.plan", b"\x01\x02\x03" + bytes(60), "TensorRT engine"),
        ("a.bin", b"lmgg" + bytes(60), "GGML"),
        ("a.tflite", bytes(4) + b"TFL3" + bytes(60), "TensorFlow Lite"),
        ("a.xml", b'<?xml version="1.0"?>\n<net name="Model0" version="11">', "OpenVINO"),
        ("a.msgpack", b"\x81\xa6params\x81\xa1a\xc0", "Flax"),
        ("a.mlmodel", b"\x08\x05\x12\x02\x0a\x00", "Core ML"),
        ("a.pb", b"\x08\x01\x12\x02\x0a\x00", "TensorFlow graph"),
        ("a.h5", HDF5, "HDF5"),
        ("a.h5", bytes(512) + HDF5, "HDF5"),
        ("a.npz", zip_of({"a.npy": b"\x93NUMPY\1\0\x02\0{}"}), "numpy arrays"),
        ("a.dduf", zip_of({"model_index.json": "{}"}), "diffusers folder in a zip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_container_that_is_not_looked_into_is_named(name: str, content: bytes, word: str, tmp_path: Path) -> None:
    """Its verdict is never safe, and a sentence states what it is."""
    found = report(tmp_path, name, content)
    assert found.verdict in (Verdict.UNRECOGNISED, Verdict.SUSPICIOUS)
    assert any(word in finding for finding in found.findings)


@pytest.mark.parametrize(
    "content",
    [b"\xa7\r\r\n" + bytes(12) + b"\xe3", b"BC\xc0\xde" + bytes(40), b"!<arch>\nx.o/", b"\x50\xed\x55\xba" + bytes(40)],
)
def test_compiled_code_is_suspicious(content: bytes, tmp_path: Path) -> None:
    """Compiled Python and libraries are code, whatever their name."""
    assert report(tmp_path, "a.bin", content).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize(
    "members",
    [
        {"m/archive_format": "pt2", "m/archive_version": "0", "m/models/model.json": "{}"},
        {"m/archive_format": "pt2", "m/data/aotinductor/model/wrapper.so": ELF},
        {"version": "8.9", "serialized_exported_program.json": "{}", "serialized_state_dict.pt": b""},
        {"m/archive_format": "pt2", "m/data/aotinductor/model/x.data": ELF},
        {"m/a.cubin": b"x"},
        {"m/a.PYD": b"x"},
        {"m/libx.so.1": b"x"},
    ],
)
def test_an_exported_program_and_native_code_in_an_archive_are_suspicious(
    members: dict[str, bytes | str], tmp_path: Path
) -> None:
    """A program that torch runs is not weights; a library is recognized by its name or by its first bytes."""
    found = report(tmp_path, "a.pt2", zip_of(members))
    assert found.verdict is Verdict.SUSPICIOUS
    assert any("program" in text or "compiled code" in text for text in found.findings)


def test_compiled_code_in_a_torch_file_is_suspicious(tmp_path: Path) -> None:
    """Members besides the weights are looked at, whatever they are called."""
    torch_file.write(tmp_path / "a.pt", {"w": Tensor("F32", (2,))})
    assert assess(read_header(tmp_path / "a.pt")).verdict is Verdict.SAFE
    with zipfile.ZipFile(tmp_path / "a.pt", "a") as archive:
        archive.writestr("a/extra", ELF)
    assert assess(read_header(tmp_path / "a.pt")).verdict is Verdict.SUSPICIOUS


def keras(config: object) -> bytes:
    """Return a .keras file with this configuration."""
    return zip_of({"metadata.json": "{}", "config.json": json.dumps(config), "model.weights.h5": HDF5})


def layer(**values: object) -> dict[str, object]:
    """Return the configuration of a model with one layer."""
    inner = {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": None} | values
    return {"module": "keras", "class_name": "Sequential", "config": {"layers": [inner]}, "registered_name": None}


def test_a_plain_keras_model_is_named_and_nothing_worse(tmp_path: Path) -> None:
    """Layers of Keras itself are not reported."""
    found = report(tmp_path, "a.keras", keras(layer()))
    assert found.verdict is Verdict.UNRECOGNISED
    assert "Keras" in found.findings[0]


@pytest.mark.parametrize(
    "values",
    [
        {"class_name": "Lambda"},
        {"config": {"function": {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}}},
        {"module": "subprocess", "class_name": "function", "config": "run"},
        {"module": "kerasx.layers"},
        {"module": "builtins", "class_name": "function", "config": "exec"},
        {"registered_name": "my_package>Layer"},
    ],
)
def test_a_keras_model_with_code_is_suspicious(values: dict[str, object], tmp_path: Path) -> None:
    """A Lambda layer, a function and a foreign module are found, however deep they are."""
    assert report(tmp_path, "a.keras", keras(layer(**values))).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize("config", ["[" * 100_000, "{", b"\xff\xfe"])
def test_a_keras_configuration_that_cannot_be_read_is_suspicious(config: bytes | str, tmp_path: Path) -> None:
    """Bad content is an answer, never an exception."""
    content = zip_of({"metadata.json": "{}", "config.json": config, "model.weights.h5": HDF5})
    assert report(tmp_path, "a.keras", content).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize("before", [0, 700_000, (1 << 20) - 100 - len(HDF5)])
def test_a_lambda_layer_in_hdf5_is_found_anywhere(before: int, tmp_path: Path) -> None:
    """The configuration is found by its text, also where it crosses the border of two reads."""
    text = b'{"class_name": "Sequential", "config": {"layers": [{"class_name":  "Lambda", "config": {}}]}}'
    found = report(tmp_path, "a.h5", HDF5 + bytes(before) + text + bytes(3_000_000))
    assert found.verdict is Verdict.SUSPICIOUS
    at = len(HDF5) + before + text.index(b'"class_name":  ')
    assert any(f"(byte {at})" in finding for finding in found.findings)
    assert report(tmp_path, "a.h5", HDF5 + b'{"class_name": "Dense"}').verdict is Verdict.UNRECOGNISED


def field(number: int, content: bytes | int) -> bytes:
    """Return a field of a protobuf message."""
    if isinstance(content, int):
        return number_bytes(number << 3) + number_bytes(content)
    return number_bytes(number << 3 | 2) + number_bytes(len(content)) + content


def number_bytes(value: int) -> bytes:
    """Return a number as protobuf writes it."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def tensor(location: str) -> bytes:
    """Return a TensorProto with external data."""
    return field(1, 4) + field(2, 1) + field(8, b"w") + field(13, field(1, b"location") + field(2, location.encode()))


def onnx(graph: bytes) -> bytes:
    """Return an ONNX file with this graph."""
    return field(1, 8) + field(2, b"pytorch") + field(7, graph) + field(8, field(2, 17))


NODE = field(1, field(1, b"x") + field(4, b"Add"))


@pytest.mark.parametrize(
    "graph",
    [
        field(5, tensor("../../secret")),
        field(5, tensor("/etc/passwd")),
        field(5, tensor("C:\\windows\\x")),
        field(5, tensor("a/../../b")),
        NODE * 3 + field(5, tensor("model.onnx_data")) + field(5, tensor("..")),
        field(1, field(5, field(1, b"value") + field(5, tensor("../x")))),
        field(1, field(5, field(6, field(5, tensor("../x"))))),
        field(15, field(1, tensor("../x"))),
    ],
)
def test_external_data_outside_the_folder_is_suspicious(graph: bytes, tmp_path: Path) -> None:
    """Tensors of the graph, of attributes and of inner graphs are looked at; the finding names the byte."""
    found = report(tmp_path, "a.onnx", onnx(graph))
    assert found.verdict is Verdict.SUSPICIOUS
    assert any("byte" in text for text in found.findings)


def test_a_plain_onnx_file_is_named(tmp_path: Path) -> None:
    """External data beside the file is what exporters write."""
    found = report(tmp_path, "a.onnx", onnx(NODE * 9 + field(5, tensor("model.onnx_data")) + field(5, tensor("sub/w"))))
    assert found.verdict is Verdict.UNRECOGNISED
    assert "ONNX" in found.findings[0]


def test_bytes_that_are_not_a_model_are_not_taken_for_onnx() -> None:
    """A file that breaks off, other messages and noise are not recognized."""
    whole = onnx(NODE)
    for content in (whole[:-1], field(1, 8), field(9, b"x") + whole, b"", b"\x08", bytes(99), b"\xff" * 99):
        assert not is_onnx(io.BytesIO(content), len(content))
    assert is_onnx(io.BytesIO(whole), len(whole))


def test_a_hostile_onnx_file_is_answered_within_the_bounds() -> None:
    """Many fields, deep graphs and long entries end the walk, not the program."""
    resource = pytest.importorskip("resource", reason="Windows does not report a process's peak of memory")
    deep = b""
    for _ in range(200):
        deep = field(1, field(5, field(6, deep)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    graphs = [NODE * 400_000, field(1, b"") * 3_000_000, deep, field(5, field(13, bytes(70_000)))]
    for graph in graphs:
        content = onnx(graph)
        start = time.process_time()
        assert is_onnx(io.BytesIO(content), len(content))
        assert scan_onnx(io.BytesIO(content), len(content))
        assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256_000


def test_a_large_hdf5_file_is_searched_quickly(tmp_path: Path) -> None:
    """A sparse gigabyte takes a second or two."""
    with (tmp_path / "a.h5").open("wb") as file:
        file.write(HDF5)
        file.truncate(1 << 30)
    start = time.process_time()
    assert assess(read_header(tmp_path / "a.h5")).verdict is Verdict.UNRECOGNISED
    assert time.process_time() - start < 5


def test_a_truncated_number_in_front_is_not_an_error(tmp_path: Path) -> None:
    """Any prefix of a real file is answered."""
    whole = onnx(field(5, tensor("../x")))
    for length in range(len(whole)):
        assert report(tmp_path, "a.onnx", whole[:length] or b"\0").verdict is not Verdict.SAFE

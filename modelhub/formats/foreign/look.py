"""A look at a file of no known model format: what it is, and what in it would act when a program loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from modelhub.formats.foreign import keras_files, onnx_files, signatures

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_OFFSETS = (512, 1024, 2048)  # bytes that a program may put in front of HDF5
_BY_SUFFIX = {
    ".msgpack": "It is named as Flax weights, which modelhub does not look into.",
    ".mlmodel": "It is named as a Core ML model, which modelhub does not look into.",
    ".engine": "It is named as a TensorRT engine, which modelhub does not look into.",
    ".plan": "It is named as a TensorRT engine, which modelhub does not look into.",
    ".pb": "It is named as a TensorFlow graph, which modelhub does not look into.",
    ".onnx": "It is named as an ONNX file, but cannot be read as one.",
    ".onnx_data": "It is named as the data of an ONNX file, which modelhub does not look into.",
    ".tflite": "It is named as a TensorFlow Lite model, but is not one.",
}


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """A sentence that names the file, and (severity, sentence) pairs about what it holds."""

    text: str
    findings: tuple[tuple[str, str], ...] = ()


def look_at(file: BinaryIO, head: bytes, size: int) -> ForeignFile | None:
    """Recognize a container by its content. `head`: the first 4 kB. None when it is not a known one."""
    code = signatures.code_name(head)
    if code is not None:
        return ForeignFile(code, (("suspicious", code),))
    if head.startswith(_HDF5) or any(head[at : at + len(_HDF5)] == _HDF5 for at in _HDF5_OFFSETS):
        text = "It is an HDF5 file (Keras), which modelhub does not look into."
        return ForeignFile(text, keras_files.scan_hdf5(file, size))
    name = signatures.container_name(head)
    if name is not None:
        return ForeignFile(name)
    if onnx_files.is_onnx(file, size):
        text = "It is a network in ONNX format, which modelhub does not look into."
        return ForeignFile(text, onnx_files.scan_onnx(file, size))
    return None


def name_by_suffix(suffix: str) -> str | None:
    """Return a sentence about a file that no container is recognized in, by the suffix of its name."""
    return _BY_SUFFIX.get(suffix.lower())

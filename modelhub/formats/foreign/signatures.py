"""First bytes of containers that modelhub does not look into, with a sentence that names each.

A file of one of these kinds is never called safe: nothing is known about what it does when a program loads it.
"""

from __future__ import annotations

import re

_NOT_LOOKED_INTO = "which modelhub does not look into."
_UNPACK = "Unpack it first."


# Archives and compressed files, by a name that fits into a sentence.
_PACKED = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"MSCF\x00\x00\x00\x00", "a cabinet archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\x04\x22\x4d\x18", "an LZ4 file"),
    (b"LZIP\x01", "an lzip file"),
)


def _rows(*rows: tuple[bytes, str]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    return tuple((re.compile(pattern, re.DOTALL), text) for pattern, text in rows)


_SIGNATURES = _rows(
    *((re.escape(magic), f"It is {name}. {_UNPACK}") for magic, name in _PACKED),
    (rb"\x5d\x00\x00..\xff{8}", f"It is compressed with LZMA. {_UNPACK}"),
    (rb"\x1f\x9d", f"It is compressed with compress. {_UNPACK}"),
    (rb"\x78[\x01\x5e\x9c\xda]", "It is compressed with zlib, as joblib does."),
    (rb"ZF0x", "It is an old compressed joblib file, which is a pickle."),
    (rb".{257}ustar", f"It is a tar archive. {_UNPACK}"),
    (rb"(?:ptrt|ftrt)", f"It is a TensorRT engine, {_NOT_LOOKED_INTO}"),
    (rb".{4}TFL3", f"It is a TensorFlow Lite model, {_NOT_LOOKED_INTO}"),
    (rb"(?:lmgg|fmgg|tjgg|algg)", f"It is a GGML file, the format before GGUF, {_NOT_LOOKED_INTO}"),
    (rb"7767517\n", f"It is an NCNN model, {_NOT_LOOKED_INTO}"),
    (rb"\s*(?:<\?xml[^>]*>\s*)?<net\s", f"It is an OpenVINO network, {_NOT_LOOKED_INTO}"),
    (rb"\x89HDF\r\n\x1a\n", f"It is an HDF5 file (Keras), {_NOT_LOOKED_INTO}"),
)
# What is certainly not a model.
_OTHER_CONTENT = _rows(
    (rb"SQLite format 3\x00", "It is an SQLite database."),
    (rb"ARROW1\x00\x00|PAR1", "It is a table of data (Arrow or Parquet)."),
    (rb"\x89PNG|\xff\xd8\xff|RIFF....WEBP|GIF8|BM.{4}\x00{4}|II\*\x00|MM\x00\*", "It is a picture."),
    (rb".{4}ftyp", "It is a video or a picture."),
    (rb"OggS|fLaC|ID3|RIFF....WAVE|\xff\xfb", "It is a sound file."),
    (rb"%PDF", "It is a PDF document."),
    (rb"wOF[2F]|OTTO\x00|\x00\x01\x00\x00\x00.{3}[@-Z]", "It is a font."),
)
# Compiled code that is not a program of its own; programs are recognized before.
_CODE = _rows(
    (rb"[\x00-\xff][\x0c-\x0f]\r\n\x00", "It is compiled Python code."),
    (rb"BC\xc0\xde", "It is compiled code (LLVM bitcode)."),
    (rb"\x00asm", "It is compiled code (WebAssembly)."),
    (rb"!<arch>\n", "It is a library of compiled code."),
    (rb"\x50\xed\x55\xba", "It is compiled code (a CUDA fat binary)."),
    (rb"\xac\xed\x00\x05", "It is a serialized Java object."),
)
_NATIVE = re.compile(
    rb"\x7fELF|MZ.{58}|[\xce\xcf]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf]|\xca\xfe\xba\xbe|!<arch>\n|BC\xc0\xde"
    rb"|\x50\xed\x55\xba",
    re.DOTALL,
)


def container_name(head: bytes) -> str | None:
    """Return a sentence that names the container of a file that begins with `head`; None when it is not a known one."""
    return _first(_SIGNATURES + _OTHER_CONTENT, head)


def names_other_content(text: str) -> bool:
    """Return whether a sentence of `container_name` names something that is certainly not a model."""
    return names_packed_content(text) or any(text == sentence for _, sentence in _OTHER_CONTENT)


def names_packed_content(text: str) -> bool:
    """Return whether a sentence of `container_name` names an archive or a compressed file."""
    return text.endswith(_UNPACK)


def packed_name(head: bytes) -> str | None:
    """Return the name of the archive or compressed file that begins with `head`, such as "a 7z archive", or None."""
    return next((name for magic, name in _PACKED if head.startswith(magic)), None)


def code_name(head: bytes) -> str | None:
    """Return a sentence that names the compiled code of a file that begins with `head`; None when it is not code."""
    return _first(_CODE, head)


def is_native_code(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a program or a library of native code."""
    return _NATIVE.match(head) is not None


def _first(rows: tuple[tuple[re.Pattern[bytes], str], ...], head: bytes) -> str | None:
    return next((text for pattern, text in rows if pattern.match(head)), None)

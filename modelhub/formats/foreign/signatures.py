"""First bytes of containers that modelhub does not look into, with a sentence that names each.

A file of one of these kinds is never called safe: nothing is known about what it does when a program loads it.
"""

from __future__ import annotations

import re

_NOT_LOOKED_INTO = "which modelhub does not look into."
_UNPACK = "Unpack it first."


def _rows(*rows: tuple[bytes, str]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    return tuple((re.compile(pattern, re.DOTALL), text) for pattern, text in rows)


_SIGNATURES = _rows(
    (rb"7z\xbc\xaf\x27\x1c", f"It is a 7z archive. {_UNPACK}"),
    (rb"Rar!\x1a\x07", f"It is a RAR archive. {_UNPACK}"),
    (rb"\x1f\x8b", f"It is compressed with gzip. {_UNPACK}"),
    (rb"BZh[1-9]", f"It is compressed with bzip2. {_UNPACK}"),
    (rb"\xfd7zXZ\x00", f"It is compressed with xz. {_UNPACK}"),
    (rb"\x5d\x00\x00..\xff{8}", f"It is compressed with LZMA. {_UNPACK}"),
    (rb"\x28\xb5\x2f\xfd", f"It is compressed with Zstandard. {_UNPACK}"),
    (rb"\x04\x22\x4d\x18", f"It is compressed with LZ4. {_UNPACK}"),
    (rb"\x1f\x9d", f"It is compressed with compress. {_UNPACK}"),
    (rb"LZIP", f"It is compressed with lzip. {_UNPACK}"),
    (rb"\x78[\x01\x5e\x9c\xda]", "It is compressed with zlib, as joblib does."),
    (rb"ZF0x", "It is an old compressed joblib file, which is a pickle."),
    (rb".{257}ustar", f"It is a tar archive. {_UNPACK}"),
    (rb"MSCF", f"It is a cabinet archive. {_UNPACK}"),
    (rb"(?:ptrt|ftrt)", f"It is a TensorRT engine, {_NOT_LOOKED_INTO}"),
    (rb".{4}TFL3", f"It is a TensorFlow Lite model, {_NOT_LOOKED_INTO}"),
    (rb"(?:lmgg|fmgg|tjgg|algg)", f"It is a GGML file, the format before GGUF, {_NOT_LOOKED_INTO}"),
    (rb"7767517\n", f"It is an NCNN model, {_NOT_LOOKED_INTO}"),
    (rb"\s*(?:<\?xml[^>]*>\s*)?<net\s", f"It is an OpenVINO network, {_NOT_LOOKED_INTO}"),
    (rb"\x89HDF\r\n\x1a\n", f"It is an HDF5 file (Keras), {_NOT_LOOKED_INTO}"),
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
    return _first(_SIGNATURES, head)


def code_name(head: bytes) -> str | None:
    """Return a sentence that names the compiled code of a file that begins with `head`; None when it is not code."""
    return _first(_CODE, head)


def is_native_code(head: bytes) -> bool:
    """Return whether a file that begins with `head` is a program or a library of native code."""
    return _NATIVE.match(head) is not None


def _first(rows: tuple[tuple[re.Pattern[bytes], str], ...], head: bytes) -> str | None:
    return next((text for pattern, text in rows if pattern.match(head)), None)

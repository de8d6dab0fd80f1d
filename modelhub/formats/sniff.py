"""The container of a file, recognized by its first bytes; its name is only compared with the answer."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from modelhub.domain import Format
from modelhub.errors import ModelhubError
from modelhub.formats import archive, diffusers, gguf, readings, safetensors, scan, torch_legacy, torch_zip
from modelhub.formats.foreign import numpy_arrays
from modelhub.formats.foreign.look import look_at, name_by_suffix
from modelhub.formats.foreign.signatures import names_other_content
from modelhub.formats.foreign.zip_kinds import zip_kind
from modelhub.formats.header import Header, PickleScan, Problem
from modelhub.formats.readings import OF_SUFFIX

_HEAD = 4096
# First bytes of what people find under a model's name, and a sentence about it.
_FOREIGN_CONTENT: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), text)
    for pattern, text in (
        (
            rb"version https://git-lfs",
            "It is a Git LFS pointer, not the file itself. Run `git lfs pull`, or pull it again.",
        ),
        (
            rb"\s*(<!doctype html|<html|<head|<\?xml[^>]*\?>\s*<html)",
            "It is a web page, not a model: the download was an error or login page.",
        ),
        (rb"\s*<(\?xml(?![^>]*>\s*<net\s)|error)", "It is an XML answer of a server, not a model."),
        (rb"\s*\{\s*[\"'}]", "It is a JSON text, not a model."),
    )
)
_EMPTY = "The file is empty."
_ARRAY = "It is a numpy array, not a model."
_OTHER_CONTENT = frozenset((_EMPTY, _ARRAY, *(text for _, text in _FOREIGN_CONTENT)))
_PROGRAMS = (
    (b"\x7fELF", "It is a Linux program, not a model."),
    (b"MZ", "It is a Windows program, not a model."),
    (b"\xcf\xfa\xed\xfe", "It is a macOS program, not a model."),
    (b"\xca\xfe\xba\xbe", "It is a macOS program or Java class, not a model."),
    (b"#!", "It is a script, not a model."),
)


def is_other_content(text: str) -> bool:
    """Return whether a problem that `read_header` states means that the file is certainly not a model."""
    return text in _OTHER_CONTENT or names_other_content(text)


def read_header(path: Path) -> Header:
    """Read the header of a file or diffusers folder, whatever its name says.

    Bad content is an answer (`problems`), never an exception. Raise ModelhubError when the file cannot be read or a
    folder is not a diffusers folder.
    """
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.is_file() and path.exists():  # opening a pipe would wait for its other end forever
            raise ModelhubError(f"{path} is a device or a pipe, not a file.", "Save its content in a file first.")
        header = _read_file(path)
        return _check_suffix(header, path) if header.format is not Format.UNKNOWN else header
    except OSError as exc:
        raise ModelhubError(
            f"{path} cannot be read: {exc.strerror or exc}.", "Check that it is there and that you may read it."
        ) from exc


def _read_folder(path: Path) -> Header:
    if not (path / diffusers.INDEX).is_file():
        raise ModelhubError(
            f"{path} is a folder without {diffusers.INDEX}, so it is not a diffusers model.",
            "Name the files in it, or add the folder to the catalog.",
        )
    return diffusers.read(path, read_file=read_header)


def _read_file(path: Path) -> Header:
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
        header = _read_content(path, file, head, size)
        return readings.add_other_readings(header, file, head)


def _read_content(path: Path, file: BinaryIO, head: bytes, size: int) -> Header:
    if archive.is_zip(head):
        return _read_zip(file, size)
    if head.startswith(gguf.MAGICS):
        return gguf.read(path)
    if torch_legacy.has_magic(head):
        return torch_legacy.read(file, size).header
    if safetensors.looks_like_safetensors(head, size):
        return safetensors.read(path)
    return _read_other(path, file, head, size)


def _read_zip(file: BinaryIO, size: int) -> Header:
    found = archive.read_archive(file, size)
    main = torch_zip.find_main_pickle(found)
    if main is not None:
        return torch_zip.read(file, size, found, main).header
    facts = torch_zip.scan_other_zip(file, found)
    names = [member.name for member in found.members]
    kind = zip_kind(names, lambda index, limit: archive.read_content(file, found.members[index], limit=limit))
    facts = PickleScan(globals=facts.globals, findings=(*facts.findings, *kind.findings))
    return Header(
        format=Format.UNKNOWN,
        size=size,
        pickle=_unrecognized_scan(facts, kind.text),
        problems=(Problem(kind.text),),
    )


def _unrecognized_scan(facts: PickleScan, text: str) -> PickleScan:
    return PickleScan(globals=facts.globals, findings=(("unrecognised", text), *facts.findings))


def _read_other(path: Path, file: BinaryIO, head: bytes, size: int) -> Header:
    if not head:
        return Header(format=Format.UNKNOWN, size=0, problems=(Problem(_EMPTY, fatal=True),))
    if head.startswith(numpy_arrays.MAGIC):
        return _read_numpy(file, size)
    for magic, text in _PROGRAMS:
        if head.startswith(magic) and not scan.looks_like_pickle(head):
            facts = PickleScan(findings=(("dangerous", text),))
            return Header(format=Format.UNKNOWN, size=size, pickle=facts, problems=(Problem(text, fatal=True),))
    for pattern, text in _FOREIGN_CONTENT:
        if pattern.match(head):
            return _foreign_header(size, text)
    found = look_at(file, head, size)
    if found is not None:
        return _foreign_header(size, found.text, found.findings)
    header, _ = torch_legacy.read_bare_pickle(file, size)  # old protocols have no magic: only a walk tells
    if scan.looks_like_pickle(head) or header.tensors or _is_pickle(header):
        return header
    if path.suffix.lower() in (".safetensors", ".sft"):
        return safetensors.read(path)
    return _foreign_header(size, name_by_suffix(path.suffix) or "It is not a format that modelhub can read.")


def _is_pickle(header: Header) -> bool:
    """Return whether the walk reached an end or an import: bytes that are not a pickle break off before either."""
    return not header.broken or (header.pickle is not None and bool(header.pickle.globals))


def _foreign_header(size: int, text: str, findings: tuple[tuple[str, str], ...] = ()) -> Header:
    facts = PickleScan(findings=(("unrecognised", text), *findings))
    return Header(format=Format.UNKNOWN, size=size, pickle=facts, problems=(Problem(text, fatal=True),))


def _read_numpy(file: BinaryIO, size: int) -> Header:
    scanner = scan.PickleScanner()
    scan.scan_numpy(file, size, "the array", scanner)
    text = _ARRAY
    return Header(
        format=Format.UNKNOWN,
        size=size,
        pickle=_unrecognized_scan(scanner.result(), text),
        problems=(Problem(text),),
    )


def _check_suffix(header: Header, path: Path) -> Header:
    expected = OF_SUFFIX.get(path.suffix.lower())
    if expected is None or header.format in expected:
        return header
    text = f"The name ends in {path.suffix}, but the content is {header.format.value}."
    return replace(header, problems=(*header.problems, Problem(text)))

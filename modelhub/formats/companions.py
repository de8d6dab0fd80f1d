"""Files that accompany models, such as a README, settings or a picture: recognized only if no loader can read more.

A name proves nothing: `notes.txt` may be a pickle, `a.png` may end in a zip archive. A file is plain text or a picture
here only if its bytes are that and no pickle, zip or tar begins where a loader would look for one.
"""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from modelhub.formats.archive import is_zip
from modelhub.formats.header import Header
from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import walk_pickle
from modelhub.formats.tar import BLOCK, has_tar_header
from modelhub.formats.torch_legacy import read_bare_pickle
from modelhub.formats.zips.end import TAIL, ends_as_archive

_LARGEST = 64 << 20  # bytes; vocabularies have up to 40 million
_PIECE = 1 << 20
# Control characters other than tab, line ends and form feed: no text has them.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_PICTURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF....WEBP|GIF8[79]a", re.DOTALL)
_MACHINE_CODE = (b"MZ", b"\x7fELF")
_SCRIPT = (b"#!", b"<?php")


class CompanionKind(StrEnum):
    """A kind of file that holds nothing that a loader of models could run."""

    TEXT = "text"
    SCRIPT = "script"
    PICTURE = "picture"


def companion_kind(path: Path) -> CompanionKind | None:
    """Return what kind of plain file this is; None where another reading of its bytes exists. Raise OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(BLOCK)
        if size > _LARGEST or head.startswith(_MACHINE_CODE):
            return None
        is_picture = _PICTURE.match(head) is not None
        if not is_picture and not _is_text(file):
            return None
        if is_zip(head) or has_tar_header(head) or _ends_as_archive(file, size) or _may_be_pickle(file):
            return None
    if is_picture:
        return CompanionKind.PICTURE
    return CompanionKind.SCRIPT if head.startswith(_SCRIPT) else CompanionKind.TEXT


def pickle_reading(path: Path) -> Header | None:
    """Return what a loader that reads the file as a pickle would find; None where it stops before it calls anything.

    A text that begins with "copyright" begins like a pickle, and breaks off. Raise OSError.
    """
    with path.open("rb") as file:
        header, _ = read_bare_pickle(file, file.seek(0, 2))
    names = header.pickle.globals if header.pickle else ()
    calls = any(found.called and _is_module(found.module) for found in names)
    return None if header.broken and not calls else header


def _is_module(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _is_text(file: BinaryIO) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_PIECE):
            if _CONTROLS.search(piece):
                return False
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _ends_as_archive(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - TAIL))
    return ends_as_archive(file.read(TAIL))


def _may_be_pickle(file: BinaryIO) -> bool:
    """Return whether a loader would look up a name, or come to an end, when it reads the file as a pickle."""
    file.seek(0)
    walk = walk_pickle(PickleReader(file), "the file")
    return walk.complete or walk.acts

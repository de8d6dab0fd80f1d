"""Second readings of a file: what a loader sees that goes by the suffix, or that tries another format first.

A UI gives a file to the reader that its suffix names: safetensors and GGUF to their own readers, all else to torch.
torch reads a file as a zip archive when it begins as one, else as a tar archive, else as pickles from byte 0. Older
programs look for a zip archive at the end. A file is what it seems only when none of these finds something in it,
whatever it is called: names change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from modelhub.domain import Format
from modelhub.formats import archive
from modelhub.formats.header import Header, PickleScan
from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import walk_pickle
from modelhub.formats.scan import PickleScanner
from modelhub.formats.tar import has_tar_header, scan_tar
from modelhub.formats.zips.end import TAIL, ends_as_archive

PICKLE_FORMATS = frozenset((Format.TORCH_ZIP, Format.TORCH_LEGACY, Format.PICKLE))
# The formats that a suffix stands for; every other suffix leads a loader to torch or pickle.
OF_SUFFIX: dict[str, frozenset[Format]] = {
    ".safetensors": frozenset((Format.SAFETENSORS,)),
    ".sft": frozenset((Format.SAFETENSORS,)),
    ".gguf": frozenset((Format.GGUF,)),
} | dict.fromkeys((".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".th", ".p", ".joblib"), PICKLE_FORMATS)
TAR_HEADER = "Its first 512 bytes are the header of a tar archive, which torch reads before anything else."
ZIP_END = "It ends like a zip archive, which some programs read instead."
_PICKLES = 5  # that torch reads one after the other
# Opcodes that look up a registered extension: as the first one it fails, because no loader registers any. MessagePack
# files, such as those of Flax, begin with these bytes.
_EXTENSIONS = (b"\x82", b"\x83", b"\x84")


def add_other_readings(header: Header, file: BinaryIO, head: bytes) -> Header:
    """Return the header with findings about every other way in which a loader may read the file."""
    scanner = PickleScanner()
    if not archive.is_zip(head):
        if has_tar_header(head):
            scan_tar(file, scanner)
            severity = "suspicious" if header.format is not Format.UNKNOWN else "unrecognised"
            scanner.findings.append((severity, TAR_HEADER))
        if header.format not in PICKLE_FORMATS and head[:1] not in _EXTENSIONS:
            _add_pickle(file, scanner)
        _add_archive(header.size, file, scanner)
    if not scanner.globals and not scanner.findings:
        return header
    before, more = header.pickle or PickleScan(), scanner.result()
    both = PickleScan(globals=before.globals + more.globals, findings=before.findings + more.findings)
    return replace(header, pickle=both)


def _add_pickle(file: BinaryIO, scanner: PickleScanner) -> None:
    """Add what a loader would do that reads the file as a pickle, if it would do anything but fail.

    torch reads on behind the first pickle when that is its magic number.
    """
    file.seek(0)
    reader = PickleReader(file)
    for count in range(_PICKLES):
        walk = walk_pickle(reader, "the file, read as a pickle,", budget=scanner.budget, first=count == 0)
        if walk.acts:
            scanner.add(walk)
            text = "It is also a pickle: torch reads it as one."
            if walk.globals:
                name = f"{walk.globals[0].module}.{walk.globals[0].name}"
                text = f"It is also a pickle, which names {name}: torch reads it as one."
            scanner.findings.append(("suspicious", text))
        if not walk.complete:
            return


def _add_archive(size: int, file: BinaryIO, scanner: PickleScanner) -> None:
    """Add that the file ends like an archive with members; numbers of a tensor may look like an end record."""
    file.seek(max(0, size - TAIL))
    if ends_as_archive(file.read(TAIL)) and archive.read_archive(file, size).members:
        scanner.findings.append(("suspicious", ZIP_END))

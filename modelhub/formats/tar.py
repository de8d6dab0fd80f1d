"""Tar headers: torch tries its oldest format, a tar archive, first in every file that is not a zip archive."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

from modelhub.formats.pickles.reader import PickleReader
from modelhub.formats.pickles.walk import walk_pickle
from modelhub.formats.scan import PickleScanner

BLOCK = 512  # bytes of a header
_CHECKSUM = slice(148, 156)
_MAX_MEMBERS = 1000
# What can stand in the field of a checksum: an octal number as Python reads one, or a number in base 256.
_NUMBER = re.compile(rb"[\s0-7_oO+\-\x00]{8}|[\x80\xff].{7}|.?\x00.*", re.DOTALL)


def has_tar_header(head: bytes) -> bool:
    """Return whether a file that begins with these bytes (512 or more) is a tar archive for Python's `tarfile`."""
    block = head[:BLOCK]
    if len(block) < BLOCK or not _NUMBER.fullmatch(block[_CHECKSUM]) or not any(block):
        return False
    import tarfile

    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, OverflowError):
        return False
    return True


def scan_tar(file: BinaryIO, scanner: PickleScanner) -> None:
    """Walk the members that torch would unpickle, and all others that are pickles. Nothing is extracted."""
    import tarfile

    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for index, member in enumerate(archive):
                if index >= _MAX_MEMBERS:
                    scanner.findings.append(("suspicious", "The tar archive has more members than any model."))
                    return
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    continue
                reader = PickleReader(content)
                while reader.fill():
                    walk = walk_pickle(reader, f"the tar member {member.name}", budget=scanner.budget)
                    if walk.acts:
                        scanner.add(walk)
                    if not walk.complete:
                        break
    except (tarfile.TarError, OSError, ValueError, EOFError, IndexError, io.UnsupportedOperation) as exc:
        scanner.findings.append(("unrecognised", f"The tar archive is damaged ({exc})."))

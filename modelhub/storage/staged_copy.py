"""A copy that is written while its source is read for another purpose, such as for its hashes."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from modelhub.storage.containment import ensure_inside, make_folder
from modelhub.storage.copying import (
    CopiedFile,
    FileWriter,
    copy_attributes,
    ensure_space_for_copy,
    remove_copied,
    verify_copy,
)
from modelhub.storage.fan_out import FileIdentity
from modelhub.storage.place import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, ensure_free_name
from modelhub.storage.rename import rename_no_replace


class StagedCopy:
    """A copy of one file under a temporary name in its target's folder.

    Use it as a `Sink` of one read of the source, then call `finish`, or `discard` when the read failed.
    """

    def __init__(self, source: Path, target: Path, *, within: Path) -> None:
        """Open the temporary file. Raise TargetExistsError, OutsideTargetError, DiskFullError or a ModelhubError."""
        ensure_inside(within, target)
        make_folder(target.parent)
        ensure_inside(within, target)
        ensure_free_name(target)
        ensure_space_for_copy(source, target.parent)
        self.source = source
        self.target = target
        self._temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
        self._writer = FileWriter(self._temporary)

    def feed(self, data: memoryview, offset: int) -> None:
        """Write the bytes that start at byte `offset`."""
        self._writer.feed(data, offset)

    def finish(self, sha256: str) -> None:
        """Read the copy from the disk, compare its SHA-256 with that of the source, and give it its name.

        Raise ModelhubError when they differ, and TargetExistsError when the name was taken meanwhile.
        """
        try:
            self._writer.close()
            verify_copy(self.source, self._temporary, sha256, expected=None)
            copy_attributes(self.source, self._temporary)
            rename_no_replace(self._temporary, self.target)
        finally:
            self.discard()

    def remove_source(self, sha256: str, identity: FileIdentity) -> None:
        """Remove the source of a finished copy. Raise ModelhubError when it has changed since it was read."""
        remove_copied((CopiedFile(self.source, sha256, identity),), self.source, self.target)

    def discard(self) -> None:
        """Remove the temporary file, if there still is one."""
        with contextlib.suppress(Exception):
            self._writer.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)
